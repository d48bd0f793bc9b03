/** Writes that fail and that nobody awaits: what the next flush tells of them. */
import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { RemoteError, UnavailableError, WriteConcernError,
  WritesFailedError } from '../../../engine/errors.js'
import { WriteAccount } from '../../../node/cache/write-account.js'
import { CACHE, startCluster } from '../../support/cluster.js'

async function failureOf (work: Promise<unknown>): Promise<WritesFailedError | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof WritesFailedError) return error
    throw error
  }
}

test('flush tells of 100 lost writes that nobody awaited, once (SPEC B5)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.client('far')
  await cluster.time.wait(client.put('before', { n: 1 }))
  t.is(await cluster.time.wait(failureOf(client.flush())), undefined)
  cluster.network.disconnect('far')
  for (let i = 0; i < 100; i++) void client.put(`k${i}`, { n: i }, { timeoutMs: 200 })
  const error = await cluster.time.wait(failureOf(client.flush()))
  t.like(error, {
    code: 'WRITES_FAILED',
    failed: 100,
    codes: { TIMEOUT: 100 },
    changed: 'no',
    retryable: true,
    cause: { code: 'TIMEOUT' }
  })
  t.is(error?.writes.length, limits.maxFailedKeys)
  t.deepEqual(error?.writes[0], { key: 'k0', code: 'TIMEOUT' })
  t.regex(String(error?.message), /^100 writes of cache prices failed since the last flush/)
  cluster.network.reconnect('far')
  await cluster.time.wait(client.put('after', { n: 1 }, { timeoutMs: 10_000 }))
  t.is(await cluster.time.wait(failureOf(client.flush())), undefined, 'a new account')
})

test('flush counts a failure that was awaited, and one of a write taken here (B5)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const cache = cluster.cache('a')
  await cluster.time.wait(cache.put('k', { n: 1 }))
  await t.throwsAsync(cache.increment('k', 'n'), { code: 'FIELD_KIND' })
  void cache.increment('k', 'n')
  t.like(await failureOf(cache.flush()), {
    failed: 2,
    codes: { FIELD_KIND: 2 },
    changed: 'no',
    retryable: false
  })
})

test('two flushes at once tell each failure in one of them, and both wait (SPEC B5)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.client('far')
  cluster.network.disconnect('far')
  void client.put('slow', { n: 1 }, { timeoutMs: 400 })
  const first = failureOf(client.flush())
  void client.put('fast', { n: 1 }, { timeoutMs: 100 })
  const second = failureOf(client.flush())
  const startMs = cluster.time.nowMs
  t.deepEqual((await cluster.time.wait(second))?.writes, [{ key: 'fast', code: 'TIMEOUT' }])
  t.true(cluster.time.nowMs - startMs >= 400, 'the earlier write had ended')
  t.deepEqual((await cluster.time.wait(first))?.writes, [{ key: 'slow', code: 'TIMEOUT' }])
})

test('flush does not wait for writes that begin after it (SPEC B5)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.client('far')
  let writes = 0
  let isOver = false
  const writer = (async () => {
    for (; !isOver; writes++) await client.put(`k${writes % 100}`, { writes })
  })()
  const other = (async () => {
    for (; !isOver; writes++) await client.put(`o${writes % 100}`, { writes })
  })()
  await cluster.time.until(() => writes > 4, 'the writers to begin')
  t.is(await cluster.time.wait(failureOf(client.flush()), 'a flush beside two writers'), undefined)
  isOver = true
  await cluster.time.wait(Promise.all([writer, other]))
})

test('an account of failures stays small, and says what is true of all of them (B1, B5)', t => {
  const account = new WriteAccount({ maxFailedKeys: 3, maxFailureCodes: 2 })
  t.is(account.error(CACHE), undefined)
  for (let i = 0; i < 1000; i++) {
    account.begun()
    account.failed(
      `k${i}`,
      i === 0
        ? new UnavailableError('nobody')
        : new RemoteError(`CODE_${i}`, 'no', { changed: 'no', retryable: true })
    )
  }
  const error = account.error(CACHE)
  t.like(error, { failed: 1000, changed: 'no', retryable: true })
  t.deepEqual(error?.codes, { UNAVAILABLE: 1, CODE_1: 1, OTHER: 998 })
  t.is(error?.writes.length, 3)
  account.begun()
  account.failed('stands', new WriteConcernError('all', 1, 2, 100))
  t.like(account.error(CACHE), { changed: 'maybe', retryable: true })
  account.begun()
  account.failed('mistake', 'not even an error')
  t.like(account.error(CACHE), { changed: 'maybe', retryable: false, failed: 1002 })
})
