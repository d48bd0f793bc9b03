/**
 * A promise where none belongs: each call of a store or transport that must give its answer at once
 * gives a promise that rejects. The mistake is a TypeError, and no such promise ends the process.
 */
import test from 'ava'
import { openMemoryStore, type Store } from '../../../adapters.js'
import { connect, createNetwork, openNode, type MillpondEvent } from '../../../index.js'
import { networkWith, replace, unhandledRejections } from '../../support/own-adapters.js'

const config = {
  cluster: 'promises',
  name: 'a',
  caches: { offers: { shards: 4, replicas: 1 } },
  timing: { joinWaitMs: 0, settleMs: 0 }
}
const rejecting = (): Promise<never> => Promise.reject(new Error('EIO'))
const row = { shard: 0, snapshot: null, deltas: [], cursors: [], damaged: 0 }
const iterable = (next: () => unknown) => ({ [Symbol.iterator]: () => ({ next }) })

test.serial('a store that answers with promises is refused (SPEC B4)', async t => {
  const rejections = unhandledRejections(t)
  const cases: Array<[parts: object, message: RegExp]> = [
    [{ getMeta: rejecting }, /getMeta.*must return a string.*got a Promise/],
    [{ setMeta: rejecting }, /setMeta.*gave a promise/],
    [{ shards: rejecting }, /shards.*must return an iterable, got a Promise/],
    [{ shards: () => ({ [Symbol.iterator]: rejecting }) }, /shards.*not a promise of one/],
    [{ shards: () => iterable(rejecting) }, /shards.*at once, and gave a promise/],
    [{ shards: () => iterable(() => ({ done: rejecting() })) }, /shard is undefined/],
    [{ shards: () => [rejecting(), rejecting()] }, /shards.*at once, and gave a promise/],
    [{ shards: () => [{ ...row, shard: rejecting() }] }, /shard is a Promise/],
    [{ shards: () => [{ ...row, snapshot: rejecting(), damaged: rejecting() }] }, /snapshot is/],
    [{ shards: () => [{ ...row, deltas: rejecting() }] }, /deltas is a Promise/],
    [{ shards: () => [{ ...row, deltas: [rejecting()] }] }, /deltas is an array/],
    [{
      shards: () => [{ ...row, cursors: [{ consumerGroup: 'g', cursor: rejecting() }] }]
    }, /cursors is an array/]
  ]
  for (const [parts, message] of cases) {
    const openStore = () => replace(openMemoryStore(), parts)
    await t.throwsAsync(openNode(config, { openStore }), { instanceOf: TypeError, message })
  }
  const openStore = () => rejecting() as unknown as Store
  await t.throwsAsync(openNode(config, { openStore }), { instanceOf: TypeError })
  t.deepEqual(await rejections(), [])
})

test.serial('a transport that answers with promises is refused (SPEC B4)', async t => {
  const rejections = unhandledRejections(t)
  const cases: Array<[parts: () => object, message: RegExp]> = [
    [() => ({ subscribe: rejecting }), /subscribe must return a Subscription, not a promise/],
    [() => ({ onConnection: rejecting }), /onConnection must return a Subscription, not a promise/],
    [() => ({ inbox: rejecting() }), /inbox must be .*got a Promise/],
    [() => ({ maxMessageBytes: rejecting() }), /maxMessageBytes must be .*got a Promise/],
    [() => ({ isWhole: rejecting() }), /isWhole must be .*got a Promise/]
  ]
  for (const [parts, message] of cases) {
    const { network, inner } = networkWith(parts)
    const wrong = { instanceOf: TypeError, message }
    await t.throwsAsync(openNode(config, { network }), wrong)
    const node = await openNode(config, { network: inner })
    await t.throwsAsync(connect({ cluster: config.cluster }, { network }), wrong)
    await node.close()
  }
  t.deepEqual(await rejections(), [])
})

test.serial('properties and calls that become promises are reported (SPEC B4)', async t => {
  const rejections = unhandledRejections(t)
  const events: MillpondEvent[] = []
  const { network, given } = networkWith(() => ({}))
  const node = await openNode(config, { network, onEvent: event => events.push(event) })
  const [transport] = given
  if (transport === undefined) throw new Error('the node has no transport')
  replace(transport, {
    get connected () {
      return rejecting()
    },
    get maxMessageBytes () {
      return rejecting()
    },
    publish: rejecting
  })
  await node.cache('offers').put('k', { n: 1 })
  await node.close()
  t.deepEqual(await rejections(), [])
  t.true(events.some(({ type }) => type === 'connection-problem'))
})

test.serial('what comes of a promise that nobody takes is let go of (SPEC B4)', async t => {
  const rejections = unhandledRejections(t)
  const network = { connect: () => rejecting() }
  await t.throwsAsync(openNode(config, { network }), { code: 'CONNECTION' })
  const openStore = () => replace(openMemoryStore(), { commit: rejecting, close: rejecting })
  const node = await openNode(config, { network: createNetwork(), openStore })
  await t.throwsAsync(node.cache('offers').put('k', { n: 1 }, { ack: 'durable' }), {
    code: 'STORE'
  })
  await t.throwsAsync(node.close(), { code: 'STORE' })
  t.deepEqual(await rejections(), [])
})
