/**
 * Fields that are more than registers where messages are doubled and lost and nodes die, and fields
 * that expire. Time is virtual, so a run is repeated exactly by its seed.
 */
import test from 'ava'
import { MillpondError } from '../../../engine/errors.js'
import type { Cache } from '../../../node/cache/cache.js'
import { NO_FAULTS } from '../../../replication/transport/in-process/faults.js'
import { startCluster, type Cluster } from '../../support/cluster.js'

const SECOND = 1000

async function sumOf (cluster: Cluster, cache: Cache, key: string): Promise<unknown> {
  return (await cluster.time.wait(cache.get(key)))?.['n']
}

test('an increment whose message is doubled, late or overtaken counts once (SPEC R11)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'])
  const client = await cluster.client('far')
  cluster.network.setFaults({ duplicate: 0.7, reorder: 0.3, delayMs: [0, 5] })
  const caches = [client, cluster.cache('a'), cluster.cache('b'), cluster.cache('c')]
  for (let round = 0; round < 40; round++) {
    const writes = caches.flatMap(cache => ['x', 'y', 'z'].map(key => cache.increment(key, 'n', 1)))
    if (round % 8 === 0) await cluster.time.wait(Promise.all(writes))
    else await cluster.time.advance(3)
  }
  await cluster.time.wait(Promise.all(caches.map(cache => cache.flush())))
  t.true(cluster.network.counters.duplicated > 100)
  cluster.network.setFaults(NO_FAULTS)
  await cluster.untilSettled()
  for (const cache of caches) {
    for (const key of ['x', 'y', 'z']) t.is(await sumOf(cluster, cache, key), 160)
  }
})

test('a refused increment tried elsewhere counts once, despite late copies (SPEC R11)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  const client = await cluster.client('far')
  let sum = 0
  for (let round = 0; round < 3; round++) {
    cluster.network.setFaults({ duplicate: 0.5, delayMs: [0, 20] })
    const starting = cluster.startNode('c')
    const writes: Array<Promise<void>> = []
    for (let i = 0; i < 60; i++) {
      for (const key of ['k1', 'k2', 'k3', 'k4']) {
        writes.push(client.increment(key, 'n', 1, { timeoutMs: 30_000 }))
      }
      await cluster.time.advance(20)
    }
    await cluster.time.wait(starting)
    await cluster.time.wait(Promise.all(writes))
    sum += 60
    cluster.network.setFaults(NO_FAULTS)
    await cluster.untilSettled()
    for (const key of ['k1', 'k2', 'k3', 'k4']) t.is(await sumOf(cluster, client, key), sum)
    await cluster.close('c')
    await cluster.untilSettled()
  }
})

test('an unanswered increment is reported as uncertain, and not sent again (SPEC R11)', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const client = await cluster.client('far')
  let [certain, unknown] = [0, 0]
  cluster.network.setFaults({ loss: 0.2 })
  for (let i = 0; i < 30; i++) {
    const error = await cluster.time.wait(
      client.increment('k', 'n', 1).then(() => undefined, (cause: unknown) => cause)
    )
    if (error === undefined) certain++
    else {
      unknown++
      t.like(error, { code: 'OUTCOME_UNKNOWN', changed: 'maybe', retryable: false })
      t.true(
        error instanceof MillpondError &&
          /increment of "k".*it may have taken effect/.test(error.message)
      )
    }
  }
  cluster.network.setFaults(NO_FAULTS)
  await cluster.untilSettled()
  const sum = await sumOf(cluster, client, 'k') as number
  t.true(
    sum >= certain && sum <= certain + unknown,
    `${certain} counted, ${unknown} perhaps: ${sum}`
  )
})

test('replicated counts survive a killed node, and a restart from its disk (SPEC E15)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], {
    replicas: 2,
    timing: { storeIntervalMs: 500 }
  })
  const keys = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6']
  const addFromAll = async (): Promise<void> => {
    await cluster.time.wait(
      Promise.all(
        [...cluster.nodes.keys()].flatMap(name =>
          keys.map(key =>
            cluster.cache(name).increment(key, 'n', 1, { ack: 'all', timeoutMs: 30_000 })
          )
        )
      )
    )
  }
  let sum = 0
  for (const victim of ['a', 'b', 'c', 'a']) {
    await addFromAll()
    cluster.kill(victim)
    await cluster.time.advance(5 * SECOND)
    await cluster.startNode(victim)
    await cluster.untilSettled()
    await addFromAll()
    sum += 6
    for (const key of keys) {
      for (const name of cluster.nodes.keys()) {
        t.is(await sumOf(cluster, cluster.cache(name), key), sum, `${key} at ${name}`)
      }
    }
  }
})

test('a field with a time to live is gone after it, wherever it is read (SPEC E23)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'])
  const client = await cluster.client('far')
  const caches = [client, cluster.cache('a'), cluster.cache('b'), cluster.cache('c')]
  await cluster.time.wait(client.put('k', { price: 1, stock: 2 }, { ack: 'all' }))
  await cluster.time.wait(client.put('k', { price: 3 }, { ttlMs: 10 * SECOND, ack: 'all' }))
  await cluster.time.wait(client.put('only', { price: 3 }, { ttlMs: 10 * SECOND, ack: 'all' }))
  await cluster.time.wait(
    client.replace('renewed', { price: 3, stock: 1 }, { ttlMs: 10 * SECOND, ack: 'all' })
  )
  await cluster.time.wait(client.put('renewed', { price: 4 }, { ack: 'all' }))
  await cluster.time.wait(
    client.put('past', { price: 3 }, {
      at: new Date(Date.UTC(2023, 0, 1)),
      ttlMs: 10 * SECOND,
      ack: 'all'
    })
  )
  const read = async (cache: Cache): Promise<unknown> =>
    await cluster.time.wait(cache.getMany(['k', 'only', 'renewed', 'past']))
  for (const cache of caches) {
    t.deepEqual(await read(cache), [{ price: 3, stock: 2 }, { price: 3 }, { price: 4, stock: 1 },
      undefined])
  }
  await cluster.time.advance(10 * SECOND)
  for (const cache of caches) {
    t.deepEqual(await read(cache), [{ stock: 2 }, undefined, { price: 4 }, undefined])
    t.deepEqual([...await cluster.scan(cache)].map(([key]) => key).sort(), ['k', 'renewed'])
  }
  await cluster.time.advance(2 * SECOND)
  await cluster.untilSettled()
  await cluster.time.wait(client.put('only', { price: 5 }, { ack: 'all' }))
  for (const cache of caches) {
    t.deepEqual(await read(cache), [{ stock: 2 }, { price: 5 }, { price: 4 }, undefined])
  }
})

test('expiry reaches a consumer in two seconds, even if an owner is dead (SPEC C10)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'])
  const client = await cluster.client('far')
  const abort = new AbortController()
  const seen = new Map<string, unknown>()
  const consuming = (async () => {
    for await (const { changes } of client.consume({ group: 'g', signal: abort.signal })) {
      for (const { key, deleted, fields } of changes) {
        seen.set(key, deleted ? 'deleted' : fields['n'])
      }
    }
  })()
  const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
  await cluster.time.wait(
    Promise.all(
      keys.map((key, i) =>
        client.put(key, { n: i }, { ttlMs: i < 20 ? 5 * SECOND : 20 * SECOND, ack: 'all' })
      )
    )
  )
  await cluster.time.advance(4 * SECOND)
  t.is(seen.size, 40)
  await cluster.time.advance(3 * SECOND)
  t.deepEqual(keys.filter(key => seen.get(key) === 'deleted'), keys.slice(0, 20))
  cluster.kill('a')
  await cluster.time.advance(15 * SECOND)
  t.deepEqual(keys.filter(key => seen.get(key) !== 'deleted'), [])
  abort.abort()
  await cluster.time.wait(consuming)
  await cluster.untilSettled()
})

test('very many fields that expire at once are all written down, in pieces (SPEC C10)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1, shards: 4, groups: 2 })
  const cache = cluster.cache('a')
  const records = 5000
  const abort = new AbortController()
  let [told, gone] = [0, 0]
  const consuming = (async () => {
    for await (const { changes } of cache.consume({ group: 'g', signal: abort.signal })) {
      for (const { deleted } of changes) if (deleted) gone++
      told += changes.length
    }
  })()
  for (let i = 0; i < records; i++) void cache.put(`k${i}`, { n: i }, { ttlMs: SECOND })
  await cluster.time.advance(500)
  t.deepEqual([told, gone], [records, 0])
  await cluster.time.advance(3 * SECOND)
  t.deepEqual([told, gone], [2 * records, records])
  abort.abort()
  await cluster.time.wait(consuming)
})
