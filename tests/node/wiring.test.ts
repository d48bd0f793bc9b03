/** The second argument of openNode and connect: each part is checked by name before it is used. */
import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, createNetwork, openNode, type MillpondEvent, type Wiring } from '../../index.js'
import { systemPorts } from '../../adapters.js'

const config = { cluster: 'wiring', name: 'a', caches: { offers: { shards: 4, replicas: 1 } } }

test('a part of the wiring that cannot be is a TypeError that names it (SPEC B3)', async t => {
  const cases: Array<[wiring: object, message: RegExp]> = [
    [{ onEvent: 5 }, /^onEvent must be a function, got number 5$/],
    [{ onEvent: null }, /^onEvent must be a function, got null$/],
    [{ openStore: 5 }, /^openStore must be a function/],
    [{ onInside: {} }, /^onInside must be a function/],
    [{ network: {} }, /^network must be an object with connect, .*network\.connect is undefined$/],
    [{ network: null }, /^network must be an object with connect, got null/],
    [{ network: { connect: 5 } }, /network\.connect is number 5$/],
    [{ ports: {} }, /^ports must be an object with clock\.wallMs, .*clock\.wallMs is undefined$/],
    [{ ports: null }, /^ports must be/],
    [{ ports: { ...systemPorts, random: {} } }, /ports\.random\.uint32 is undefined$/],
    [{ limits: null }, /^limits/],
    [[], /the options of \w+ must be an object, got an array/]
  ]
  for (const [wiring, message] of cases) {
    const wrong = { instanceOf: TypeError, message }
    await t.throwsAsync(openNode(config, wiring as Wiring), wrong)
    await t.throwsAsync(connect({ cluster: 'wiring' }, wiring as Wiring), wrong)
  }
})

test.serial('a listener that fails is told of once and breaks nothing (SPEC B4)', async t => {
  const warnings: string[] = []
  const onWarning = ({ name, message }: Error): void => {
    if (name === 'MillpondWarning') warnings.push(message)
  }
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const listeners: Array<(event: MillpondEvent) => unknown> = [
    () => {
      throw new Error('a mistake')
    },
    () => Promise.reject(new Error('a mistake'))
  ]
  for (const listener of listeners) {
    const onEvent: (event: MillpondEvent) => void = listener
    const network = createNetwork()
    const node = await openNode(config, { network, onEvent })
    const client = await connect({ cluster: 'wiring' }, { network, onEvent })
    const offers = client.cache('offers')
    await offers.put('k', { n: 1 }, { ack: 'durable' })
    for await (const batch of offers.consume({ group: 'g' })) {
      t.is(batch.changes[0]?.key, 'k')
      await batch.commit()
      break
    }
    t.deepEqual(client.consumers, [])
    await client.close()
    await node.close()
  }
  await sleep(0)
  t.true(warnings.length >= 2 && warnings.length <= 4, `${warnings.length}: one each`)
  t.regex(String(warnings[0]), /^onEvent failed at an event [\w-]+: a mistake/)
})
