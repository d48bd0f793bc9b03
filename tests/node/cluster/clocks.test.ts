/** Nodes and clients whose wall clocks are wrong, by minutes and by a day. Time is virtual. */
import test, { type ExecutionContext } from 'ava'
import { MillpondError } from '../../../engine/errors.js'
import type { Cache } from '../../../node/cache/cache.js'
import { Cluster } from '../../support/cluster.js'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const NODES = ['a', 'b', 'c'] as const
const KEYS = Array.from({ length: 40 }, (_, i) => `k${i}`)

async function clusterWith (
  t: ExecutionContext,
  wrong: Readonly<Record<string, number>>
): Promise<Cluster> {
  const cluster = new Cluster(t)
  for (const [name, byMs] of Object.entries(wrong)) cluster.time.setWrong(name, byMs)
  await cluster.start(...NODES)
  await cluster.untilSettled()
  return cluster
}

/** The errors of as many calls, by code and text. */
async function failures (
  cluster: Cluster,
  calls: ReadonlyArray<() => Promise<unknown>>
): Promise<string[]> {
  const failed: string[] = []
  const all = Promise.all(
    calls.map(async call => {
      try {
        await call()
      } catch (error) {
        if (!(error instanceof MillpondError)) throw error
        failed.push(`${error.code} ${error.message}`)
      }
    })
  )
  await cluster.time.wait(all)
  return failed
}

async function readAll (cluster: Cluster, cache: Cache): Promise<unknown[]> {
  return await cluster.time.wait(Promise.all(KEYS.map(async key => (await cache.get(key))?.['n'])))
}

test('a node two minutes slow refuses no healthy write (SPEC T3)', async t => {
  const cluster = await clusterWith(t, { c: -2 * MINUTE_MS })
  const client = await cluster.client('client')
  for (const [n, cache] of [client, cluster.cache('a'), cluster.cache('c')].entries()) {
    const calls = KEYS.map(key => () => cache.put(key, { n }, { ack: 'majority' }))
    t.deepEqual(await failures(cluster, calls), [])
    t.deepEqual(await readAll(cluster, cache), KEYS.map(() => n))
  }
  const at = cluster.time.wallMs()
  const dated = KEYS.map(key => () => client.put(key, { n: 9 }, { at }))
  t.deepEqual(await failures(cluster, dated), [])
})

for (
  const [off, byMs] of [['a day ahead', DAY_MS], ['two minutes slow', -2 * MINUTE_MS]] as const
) {
  test(`a node ${off} ends no record before its time, and each in time (SPEC T3)`, async t => {
    const cluster = await clusterWith(t, { c: byMs })
    const cache = cluster.cache('a')
    const calls = KEYS.map((key, n) => () => cache.put(key, { n }, { ttlMs: 600_000, ack: 'all' }))
    t.deepEqual(await failures(cluster, calls), [])
    await cluster.time.advance(590_000)
    const all = KEYS.map((_, n) => n)
    for (const node of NODES) t.deepEqual(await readAll(cluster, cluster.cache(node)), all, node)
    await cluster.time.advance(11_000)
    for (const node of NODES) {
      t.deepEqual(await readAll(cluster, cluster.cache(node)), KEYS.map(() => undefined), node)
    }
  })
}

test('after a node a day ahead tried to write, writes of others count (SPEC T3, T4)', async t => {
  const cluster = await clusterWith(t, { c: DAY_MS })
  const [cache, wrong] = [cluster.cache('a'), cluster.cache('c')]
  const tried = KEYS.map(key => async () => await wrong.put(key, { n: 'wrong' }))
  const failed = await failures(cluster, tried)
  t.is(failed.length, KEYS.length)
  t.regex(failed[0] ?? '', /VERSION_IN_FUTURE.*clock of c .*86400 s ahead/)
  t.deepEqual(
    await failures(cluster, KEYS.map((key, n) => () => cache.put(key, { n }, { ack: 'majority' }))),
    []
  )
  t.deepEqual(await readAll(cluster, cache), KEYS.map((_, n) => n))
  t.deepEqual(
    await failures(cluster, KEYS.map(key => () => cache.delete(key, { ack: 'majority' }))),
    []
  )
  t.deepEqual(await readAll(cluster, cache), KEYS.map(() => undefined))
  t.deepEqual(
    await failures(cluster, [() => wrong.put('k', { n: 1 }, { at: cluster.time.wallMs() }), () =>
      wrong.increment('counter', 'n')]),
    [],
    'writes that do not go by its clock are taken there'
  )
})

test('a process says by how much its clock is off, and when no more (SPEC T5)', async t => {
  const cluster = await clusterWith(t, { c: -2 * MINUTE_MS, client: DAY_MS })
  await cluster.client('client')
  const told = (): Array<readonly [string, string, number, string]> =>
    cluster.events.splice(0).flatMap(({ node, event }) =>
      event.type === 'clock-differs' || event.type === 'clock-agrees'
        ? [[node, event.type, Math.round(event.aheadMs / 1000), event.from] as const]
        : []
    )
  await cluster.time.advance(2000)
  t.deepEqual(told().sort(([a], [b]) => a < b ? -1 : 1), [
    ['c', 'clock-differs', -120, 'the median clock of a, b, c'],
    ['client', 'clock-differs', 86_400, 'the time of a, b, c']
  ])
  cluster.time.setWrong('c', -6000)
  await cluster.time.advance(2 * MINUTE_MS)
  t.deepEqual(told(), [], 'a little is not right yet')
  for (let i = 0; i < 100; i++) {
    cluster.time.setWrong('c', i % 2 === 0 ? 0 : DAY_MS)
    await cluster.time.advance(1000)
  }
  const types = told().map(([node, type]) => `${node} ${type}`)
  t.true(types.length > 0 && types.length <= 2, types.join())
})

test('a client two minutes slow reads back what it wrote (SPEC T2)', async t => {
  const cluster = await clusterWith(t, { slow: -2 * MINUTE_MS })
  const calls = KEYS.map((key, n) => () => cluster.cache('a').put(key, { n, m: 1 }, { ack: 'all' }))
  t.deepEqual(await failures(cluster, calls), [])
  const slow = await cluster.client('slow')
  for (const [i, key] of KEYS.entries()) {
    await cluster.time.wait(slow.put(key, { n: i + 100 }))
    t.deepEqual(await cluster.time.wait(slow.get(key)), { n: i + 100, m: 1 })
  }
  await cluster.time.wait(slow.delete('k0'))
  t.is(await cluster.time.wait(slow.get('k0')), undefined)
  await cluster.time.wait(slow.update('k1', fields => ({ n: fields?.['m'] as number })))
  t.deepEqual(await cluster.time.wait(slow.get('k1')), { n: 1, m: 1 })
  await cluster.time.wait(slow.put('ttl', { n: 1 }, { ttlMs: MINUTE_MS }))
  t.deepEqual(await cluster.time.wait(slow.get('ttl')), { n: 1 })
})

test('a write of a client that is ahead gives way to a later one (SPEC T2)', async t => {
  const cluster = await clusterWith(t, { ahead: 50_000, behind: -2 * MINUTE_MS })
  const ahead = await cluster.client('ahead')
  for (const name of ['behind', 'healthy']) {
    const cache = await cluster.client(name)
    const first = KEYS.map(key => () => ahead.put(key, { n: 0, m: 1 }, { ack: 'all' }))
    t.deepEqual(await failures(cluster, first), [])
    // Not awaited one by one: the writes of one process keep their order all the same.
    const writes = KEYS.flatMap((
      key,
      n
    ) => [() => cache.put(key, { n: -1 }), () => cache.put(key, { n: n + 100 })])
    t.deepEqual(await failures(cluster, writes), [])
    t.deepEqual(await readAll(cluster, cache), KEYS.map((_, n) => n + 100), name)
    for (const node of NODES) {
      t.deepEqual(await readAll(cluster, cluster.cache(node)), KEYS.map((_, n) => n + 100), node)
    }
    t.deepEqual(await failures(cluster, KEYS.map(key => () => ahead.delete(key))), [])
    t.deepEqual(await readAll(cluster, cache), KEYS.map(() => undefined), name)
  }
})

test('a record dated far ahead refuses writes, and only that record (SPEC T2)', async t => {
  const cluster = new Cluster(t, { expect: ['clock-ahead'] })
  cluster.time.setWrong('c', DAY_MS)
  await cluster.start('c')
  await cluster.time.wait(cluster.cache('c').put('k', { n: 1 }))
  await cluster.start('a', 'b')
  await cluster.untilSettled()
  const client = await cluster.client('client')
  for (const cache of [client, cluster.cache('a'), cluster.cache('b')]) {
    const [failed] = await failures(cluster, [() => cache.put('k', { n: 2 })])
    t.regex(
      failed ?? '',
      /^SHADOWED "k": .* 86[34]\d\d[.\d]* s ahead of the (median clock|time) of a, b/
    )
    t.deepEqual(await failures(cluster, [() => cache.put('other', { n: 2 })]), [])
  }
})
