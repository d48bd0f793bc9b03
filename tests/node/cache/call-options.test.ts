/**
 * The time of a call is for all that it does, and its signal ends it (SPEC K1, K5). Nodes are
 * silent here by a network that loses what is sent to them.
 */
import test from 'ava'
import type { AckOptions, Cache, CallOptions } from '../../../index.js'
import { CACHE, Cluster, startCluster } from '../../support/cluster.js'

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

const WRITES: ReadonlySet<string> = new Set(['put', 'increment'])

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
    t.is((error as { changed?: string }).changed, WRITES.has(title) ? 'maybe' : 'no', title)
    t.regex(
      error.message,
      WRITES.has(title) ? /write of/ : /at (a|b|a, b|b, a): no answer within 250 ms/
    )
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
    const changed = WRITES.has(title) ? 'maybe' : 'no'
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

test('a consumer that waits for an answer ends with its signal (SPEC K5)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: { failureTimeoutMs: 60_000 } })
  const client = await silent(cluster)
  for (const isBegun of [false, true]) {
    const controller = new AbortController()
    const consumer = client.consume({ group: 'g', signal: controller.signal })
    if (isBegun) {
      cluster.network.heal()
      await cluster.time.wait(consumer.next())
      await cluster.time.wait(client.put('k', { n: 2 }, { ack: 'all' }))
      cluster.network.partition('far', ['a', 'b'])
    }
    const next = consumer.next()
    await cluster.time.advance(100)
    const begunMs = cluster.time.nowMs
    controller.abort()
    t.true((await cluster.time.wait(next)).done)
    t.is(cluster.time.nowMs, begunMs, isBegun ? 'for a page' : 'for committed cursors')
  }
  t.deepEqual(cluster.eventsOf('consumer-retrying'), [])
})

test('a scan and a query end with their signal between two records too (SPEC K5)', async t => {
  const cluster = new Cluster(t)
  const [shards, groups, replicas] = [1, 1, 1]
  await cluster.startNode('a', {
    caches: { [CACHE]: { shards, groups, replicas, indexes: { n: 'equality' } } }
  })
  const cache = cluster.cache('a')
  for (const key of ['k', 'l', 'm']) await cluster.time.wait(cache.put(key, { n: 1 }))
  for (
    const read of [
      (options: CallOptions) => cache.scan(options),
      (options: CallOptions) => cache.query({ n: 1 }, options)
    ]
  ) {
    const controller = new AbortController()
    const records = read({ signal: controller.signal })
    t.is((await cluster.time.wait(records.next())).value?.key, 'k')
    controller.abort()
    await t.throwsAsync(cluster.time.wait(records.next()), { code: 'ABORTED' })
  }
})

test('a patch whose options throw as they are read is not half written', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const cache = cluster.cache('a')
  const outcomes = new Set<string>()
  for (let most = 0; most < 10; most++) {
    let reads = 0
    const options: AckOptions = {
      get ack (): 'buffered' {
        if (reads++ === most) throw new Error('not readable')
        return 'buffered'
      }
    }
    const parts = { m: { value: 1, at: 5 }, n: { value: 1, at: 6 }, o: { value: 1, sequence: 7 } }
    const sent = (async () => await cache.patch(`k${most}`, parts, options))()
    const [{ status }] = await cluster.time.wait(Promise.allSettled([sent]))
    const record = await cluster.time.wait(cache.get(`k${most}`))
    t.deepEqual(record, status === 'fulfilled' ? { m: 1, n: 1, o: 1 } : undefined, `read ${most}`)
    outcomes.add(status)
  }
  t.is(outcomes.size, 2)
})

test('forget says what it could not do, and whether anything changed (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: { failureTimeoutMs: 60_000 } })
  const { time } = cluster
  await silent(cluster)
  const far = cluster.clients.get('far')
  if (far === undefined) return t.fail()
  const late = await time.wait(t.throwsAsync(far.forget('gone', { timeoutMs: 200 })))
  t.like(late, { code: 'TIMEOUT', changed: 'maybe' })
  t.regex(late.message, /forget at (a|b): no answer within 200 ms/)
  const controller = new AbortController()
  const aborted = t.throwsAsync(far.forget('gone', { signal: controller.signal }))
  await time.advance(10)
  controller.abort()
  t.like(await time.wait(aborted), { code: 'ABORTED', changed: 'maybe' })
  await cluster.time.wait(far.close())
  t.like(await t.throwsAsync(far.forget('gone')), { code: 'CLOSED', changed: 'no' })
  cluster.network.heal()
  const alone = await cluster.connect('alone')
  await cluster.close('a')
  await cluster.close('b')
  await time.advance(5000)
  t.like(await t.throwsAsync(alone.forget('gone')), { code: 'UNAVAILABLE', changed: 'no' })
})
