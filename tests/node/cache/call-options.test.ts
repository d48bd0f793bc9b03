/**
 * The time of a call is for all that it does, and its signal ends it (SPEC K1, K5). Nodes are
 * silent here by a network that loses what is sent to them.
 */
import test from 'ava'
import type { Cache, CallOptions } from '../../../index.js'
import { startCluster, type Cluster } from '../../support/cluster.js'

const CALLS: ReadonlyArray<
  readonly [title: string, call: (cache: Cache, options: CallOptions) => Promise<unknown>]
> = [
  ['get', (cache, options) => cache.get('k', options)],
  ['getMany', (cache, options) => cache.getMany(['k', 'l'], options)],
  ['has', (cache, options) => cache.has('k', options)],
  ['hasElement', (cache, options) => cache.hasElement('k', 's', 1, options)],
  ['update', (cache, options) => cache.update('k', () => ({ n: 2 }), options)],
  ['scan', (cache, options) => cache.scan(options).next()],
  ['query', (cache, options) => cache.query({ n: 1 }, options).next()],
  ['put', (cache, options) => cache.put('k', { n: 1 }, options)],
  ['increment', (cache, options) => cache.increment('k', 'c', 1, options)]
]

/** A client of two nodes that hold everything and do not answer any more. */
async function silent (cluster: Cluster): Promise<Cache> {
  const client = await cluster.client('far')
  await cluster.time.wait(client.put('k', { n: 1 }, { ack: 'all' }))
  cluster.network.partition('far', ['a', 'b'])
  return client
}

test('every call ends within its time, whatever the nodes do (SPEC K1, K5)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: { failureTimeoutMs: 60_000 } })
  const client = await silent(cluster)
  for (const [title, call] of CALLS) {
    const begunMs = cluster.time.nowMs
    const error = await cluster.time.wait(
      t.throwsAsync(call(client, { timeoutMs: 250 }), undefined, title)
    )
    t.true(['TIMEOUT', 'OUTCOME_UNKNOWN'].includes((error as { code?: string }).code ?? ''), title)
    t.is(cluster.time.nowMs - begunMs, 250, title)
  }
  const begunMs = cluster.time.nowMs
  await cluster.time.wait(t.throwsAsync(client.get('k'), { code: 'TIMEOUT' }))
  t.is(cluster.time.nowMs - begunMs, 3000, 'the usual time')
})

test('a silent node leaves the others a part of the time (SPEC K5)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: { failureTimeoutMs: 60_000 } })
  const client = await cluster.client('far')
  await cluster.time.wait(client.put('k', { n: 1 }, { ack: 'all' }))
  for (const quiet of ['a', 'b']) {
    cluster.network.partition('far', [quiet])
    const begunMs = cluster.time.nowMs
    t.deepEqual(await cluster.time.wait(client.get('k', { timeoutMs: 400 })), { n: 1 })
    t.deepEqual(await cluster.time.wait(client.getMany(['k'], { timeoutMs: 400 })), [{ n: 1 }])
    t.true(cluster.time.nowMs - begunMs < 800)
    cluster.network.heal()
  }
})

test('every call ends with its signal (SPEC K5)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: { failureTimeoutMs: 60_000 } })
  const client = await silent(cluster)
  for (const [title, call] of CALLS) {
    const controller = new AbortController()
    const begunMs = cluster.time.nowMs
    const failed = t.throwsAsync(call(client, { signal: controller.signal }), undefined, title)
    await cluster.time.advance(100)
    controller.abort()
    const error = await cluster.time.wait(failed)
    const code = title === 'increment' ? 'OUTCOME_UNKNOWN' : 'ABORTED'
    const changed = ['put', 'increment'].includes(title) ? 'maybe' : 'no'
    t.like(error, { code, changed }, title)
    t.is(cluster.time.nowMs - begunMs, 100, title)
  }
})

test('a call whose signal was aborted before sends nothing (SPEC K5)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.client('far')
  for (const cache of [client, cluster.cache('a')]) {
    for (const [title, call] of CALLS) {
      const error = await t.throwsAsync(call(cache, { signal: AbortSignal.abort() }), {
        code: 'ABORTED'
      }, title)
      t.like(error, { changed: 'no' }, title)
    }
    t.is(await cluster.time.wait(cache.get('k')), undefined)
    await t.throwsAsync(cache.flush(), { code: 'WRITES_FAILED' })
  }
})

test('a commit and a status end within their time and with their signal (SPEC K5)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: { failureTimeoutMs: 60_000 } })
  const client = await cluster.client('far')
  await cluster.time.wait(client.put('k', { n: 1 }, { ack: 'all' }))
  const consumer = client.consume({ group: 'g' })
  const { value: batch } = await cluster.time.wait(consumer.next())
  cluster.network.partition('far', ['a', 'b'])
  const far = cluster.clients.get('far')
  const calls: ReadonlyArray<(options: CallOptions) => Promise<unknown> | undefined> = [
    options => batch?.commit(options),
    options => far?.statusOf('a', options)
  ]
  for (const call of calls) {
    const begunMs = cluster.time.nowMs
    await cluster.time.wait(
      t.throwsAsync(async () => await call({ timeoutMs: 200 }), { code: 'TIMEOUT' })
    )
    t.is(cluster.time.nowMs - begunMs, 200)
    const controller = new AbortController()
    const failed = t.throwsAsync(async () => await call({ signal: controller.signal }), {
      code: 'ABORTED'
    })
    await cluster.time.advance(10)
    controller.abort()
    await cluster.time.wait(failed)
    await t.throwsAsync(async () => await call({ timeoutMs: -1 }), { instanceOf: TypeError })
  }
  cluster.network.heal()
  await cluster.time.wait(consumer.return())
})
