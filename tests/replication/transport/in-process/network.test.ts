/**
 * The in-process network: the contract, and then its faults, which are the reason it exists. Where
 * chance decides, the seed is logged; what is asserted holds for every seed.
 */
import test, { type ExecutionContext } from 'ava'
import { limits } from '../../../../engine/limits.js'
import { NO_FAULTS } from '../../../../replication/transport/in-process/faults.js'
import { InProcessNetwork,
  type InProcessNetworkOptions } from '../../../../replication/transport/in-process/network.js'
import type { Transport } from '../../../../replication/transport/transport.js'
import { describeSeed, testPorts } from '../../../support/ports.js'
import { transportContract } from '../../../../testing/transport-contract.js'
import { underAva } from '../../../contracts/under-ava.js'

transportContract({
  test: underAva(test),
  name: 'in-process',
  open: async () => {
    const network = new InProcessNetwork({ limits, ...testPorts() })
    const opened: Transport[] = []
    return {
      connect: async (name, options) => {
        const transport = network.connect(name, options)
        opened.push(transport)
        return transport
      },
      close: async () => {
        await Promise.all(opened.map(transport => transport.close()))
      }
    }
  }
})

interface Pair {
  readonly network: InProcessNetwork
  readonly a: Transport
  readonly b: Transport
  /** Numbers that arrived at b, and at a. */
  readonly atB: number[]
  readonly atA: number[]
  readonly send: (from: Transport, first: number, count: number) => void
  /** Waits until nothing is under way any more. */
  readonly settle: () => Promise<void>
}

function numbers (transport: Transport, subject: string): number[] {
  const arrived: number[] = []
  transport.subscribe(subject, ({ bytes }) => {
    arrived.push(new DataView(bytes.buffer).getUint32(0))
  })
  return arrived
}

function pair (
  t: ExecutionContext,
  options: Partial<InProcessNetworkOptions> = {},
  seed?: number
): Pair {
  const ports = testPorts(seed)
  t.log(describeSeed(ports.seed))
  const network = new InProcessNetwork({ limits, ...ports, ...options })
  const [a, b] = [network.connect('a'), network.connect('b')]
  return {
    network,
    a,
    b,
    atA: numbers(a, 'to.a'),
    atB: numbers(b, 'to.b'),
    send (from, first, count) {
      const bytes = new Uint8Array(4)
      for (let i = first; i < first + count; i++) {
        new DataView(bytes.buffer).setUint32(0, i)
        from.publish(from === a ? 'to.b' : 'to.a', bytes)
      }
    },
    async settle () {
      // Every message is delivered from a timer no later than this one plus one turn of the queue.
      await new Promise<void>(resolve => {
        ports.timers.after(network.faults.delayMs[1] + 15, resolve)
      })
      for (const transport of [a, b]) if (transport.connected) await transport.flush()
    }
  }
}

const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i)

test('lost messages are counted, and the others arrive in order', async t => {
  const { network, a, atB, send, settle } = pair(t, { faults: { loss: 0.3 } })
  send(a, 0, 2000)
  await settle()
  t.is(atB.length + network.counters.lost, 2000)
  t.is(network.counters.delivered, atB.length)
  t.true(atB.length > 1000 && atB.length < 1800)
  t.deepEqual(atB, atB.toSorted((x, y) => x - y))
})

test('doubled messages arrive twice and are counted', async t => {
  const { network, a, atB, send, settle } = pair(t, { faults: { duplicate: 0.5 } })
  send(a, 0, 1000)
  await settle()
  t.is(atB.length, 1000 + network.counters.duplicated)
  t.is(new Set(atB).size, 1000)
  t.true(network.counters.duplicated > 300)
})

test('delays within a range reorder messages but lose none', async t => {
  const { a, atB, send, settle } = pair(t, { faults: { delayMs: [1, 20] } })
  send(a, 0, 500)
  await settle()
  t.notDeepEqual(atB, range(0, 500))
  t.deepEqual(atB.toSorted((x, y) => x - y), range(0, 500))
})

test('a fixed delay keeps the order', async t => {
  const { a, atB, send, settle } = pair(t, { faults: { delayMs: [5, 5] } })
  send(a, 0, 500)
  await settle()
  t.deepEqual(atB, range(0, 500))
})

test('held back messages are overtaken but not lost', async t => {
  const { network, a, atB, send, settle } = pair(t)
  network.setFaults({ reorder: 0.1 })
  send(a, 0, 500)
  await settle()
  t.notDeepEqual(atB, range(0, 500))
  t.deepEqual(atB.toSorted((x, y) => x - y), range(0, 500))
})

test('the same seed gives the same faults, another seed gives others', async t => {
  const run = async (seed: number): Promise<number[]> => {
    const { a, atB, send, settle } = pair(t, { faults: { loss: 0.2, duplicate: 0.2 } }, seed)
    send(a, 0, 300)
    await settle()
    return atB
  }
  t.deepEqual(await run(7), await run(7))
  t.notDeepEqual(await run(7), await run(8))
})

test('a partition cuts both ways, and what it lost stays lost after it is healed', async t => {
  const { network, a, b, atA, atB, send, settle } = pair(t)
  network.partition('a', 'b')
  send(a, 0, 3)
  send(b, 0, 3)
  await settle()
  t.deepEqual([atA, atB], [[], []])
  t.is(network.counters.lost, 6)
  network.heal()
  send(a, 3, 2)
  send(b, 3, 2)
  await settle()
  t.deepEqual([atA, atB], [[3, 4], [3, 4]])
})

test('a one-way partition lets the other direction through', async t => {
  const { network, a, b, atA, atB, send, settle } = pair(t)
  network.partition(['a'], ['b'], 'one-way')
  send(a, 0, 3)
  send(b, 0, 3)
  await settle()
  t.deepEqual([atA, atB], [[0, 1, 2], []])
})

test('a message under way when its link is cut is lost', async t => {
  const { network, a, atB, send, settle } = pair(t)
  send(a, 0, 3)
  network.partition('a', 'b')
  await settle()
  t.deepEqual(atB, [])
})

test('a request across a partition is lost unnoticed: the other side is subscribed', async t => {
  const { network, a, settle } = pair(t)
  const answers: unknown[] = []
  a.subscribe(`${a.inbox}.*`, message => {
    answers.push(message)
  })
  network.partition('a', 'b')
  a.publish('to.b', new Uint8Array(4), `${a.inbox}.1`)
  await settle()
  t.deepEqual(answers, [])
})

test('a lost connection drops what it sends, misses what comes, and tells listeners', async t => {
  const { network, a, b, atA, atB, send, settle } = pair(t)
  const seen: boolean[] = []
  b.onConnection(connected => {
    seen.push(connected)
  })
  b.onConnection(connected => {
    seen.push(connected)
  }).close()
  send(a, 0, 2)
  network.disconnect('b')
  t.false(b.connected)
  send(a, 2, 2)
  t.false(b.publish('to.a', new Uint8Array(4)))
  await t.throwsAsync(() => b.flush(), { code: 'CONNECTION' })
  await settle()
  network.reconnect('b')
  send(a, 4, 2)
  send(b, 4, 2)
  await settle()
  t.deepEqual(atB, [4, 5])
  t.deepEqual(atA, [4, 5])
  t.is(b.dropped, 1)
  t.deepEqual(seen, [false, true])
})

test('a flush that is pending when the connection is lost fails instead of hanging', async t => {
  const { network, a } = pair(t)
  const flushing = a.flush()
  network.disconnect('a')
  await t.throwsAsync(flushing, { code: 'CONNECTION' })
  await a.close()
})

test('a request to a lost connection is told that nobody answers', async t => {
  const { network, a, settle } = pair(t)
  const answers: boolean[] = []
  a.subscribe(`${a.inbox}.*`, ({ noResponders }) => {
    answers.push(noResponders === true)
  })
  network.disconnect('b')
  a.publish('to.b', new Uint8Array(4), `${a.inbox}.1`)
  await settle()
  t.deepEqual(answers, [true])
})

test('a killed connection is gone at once, and its name is free for a new process', async t => {
  const { network, a, b, atB, send, settle } = pair(t)
  t.throws(() => network.connect('b'), { code: 'CONFIG_CONFLICT', message: /name b is taken/ })
  send(a, 0, 2)
  network.kill('b')
  t.throws(() => b.publish('to.a', new Uint8Array(4)), { code: 'CLOSED' })
  const again = network.connect('b')
  t.not(again.inbox, b.inbox)
  await settle()
  t.deepEqual(atB, [])
})

test('a sender outrunning its receivers must drop, and recovers when they catch up', async t => {
  const { a, atB, send, settle } = pair(t, { maxQueuedBytes: 26_000 })
  send(a, 0, 1000)
  t.is(a.dropped, 900)
  await settle()
  t.deepEqual(atB, range(0, 100))
  send(a, 1000, 1)
  await settle()
  t.is(atB.at(-1), 1000)
})

test('many messages do not keep timers waiting', async t => {
  const ports = testPorts()
  const network = new InProcessNetwork({ limits, ...ports })
  const a = network.connect('a')
  let delivered = 0
  a.subscribe('x', () => {
    delivered++
  })
  for (let i = 0; i < 1000; i++) a.publish('x', new Uint8Array(1))
  const deliveredBefore = await new Promise<number>(resolve => {
    ports.timers.after(0, () => resolve(delivered))
  })
  t.true(deliveredBefore < 1000)
  await a.flush()
  t.is(delivered, 1000)
})

test('faults can be changed and ended as messages pass, and nonsense is refused', async t => {
  const { network, a, atB, send, settle } = pair(t, { maxMessageBytes: 8, faults: { loss: 1 } })
  send(a, 0, 5)
  network.setFaults(NO_FAULTS)
  send(a, 5, 5)
  await settle()
  t.deepEqual(atB, range(5, 5))
  t.is(a.maxMessageBytes, 8)
  t.throws(() => network.setFaults({ loss: 1.5 }), { instanceOf: TypeError })
  t.throws(() => network.setFaults({ delayMs: [5, 1] }), { instanceOf: TypeError })
  t.throws(() => network.disconnect('nobody'), { instanceOf: TypeError })
})
