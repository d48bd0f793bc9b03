/** A node that leaves in good order hands over what it has, and only then says goodbye. */
import test from 'ava'
import { CACHE, startCluster, type Cluster } from '../../support/cluster.js'

const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)

async function fill (cluster: Cluster, name: string): Promise<void> {
  const cache = cluster.cache(name)
  await cluster.time.wait(Promise.all(keys.map(key => cache.increment(key, 'n', 1))))
}

async function missing (cluster: Cluster, name: string): Promise<string[]> {
  const records = await cluster.scan(cluster.cache(name))
  return keys.filter(key => records.get(key)?.['n'] !== 1)
}

/** Restarts nodes one after the other; what they had was in memory. */
async function rollOver (cluster: Cluster, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await cluster.close(name)
    cluster.disks.delete(name)
    await cluster.startNode(name)
    await cluster.time.wait(cluster.node(name).whenReady(), `${name} to be ready`)
  }
}

for (const replicas of [1, 2]) {
  test(`a rolling restart of memory nodes loses nothing, R = ${replicas} (SPEC R23)`, async t => {
    const names = ['a', 'b', 'c']
    const cluster = await startCluster(t, names, { replicas })
    await fill(cluster, 'a')
    await rollOver(cluster, names)
    t.deepEqual(await missing(cluster, 'c'), [])
    t.deepEqual(cluster.eventsOf('data-lost'), [])
    t.deepEqual(cluster.eventsOf('drain-ended'), [])
  })
}

test('without a drain such a restart loses what one node had, and says so (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 1, timing: { drainTimeoutMs: 0 } })
  await fill(cluster, 'a')
  await rollOver(cluster, ['a'])
  t.true((await missing(cluster, 'b')).length > 0)
  t.true(cluster.eventsOf('data-lost').length > 0)
})

test('a node that leaves keeps what it has on its disk (SPEC R23)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2 })
  await fill(cluster, 'a')
  await cluster.time.advance(1000)
  const held = cluster.node('a').status().caches[CACHE]?.held.length ?? 0
  await cluster.close('a')
  t.is([...cluster.disks.get('a')?.open().shards() ?? []].length > 0, held > 0)
  t.deepEqual(await missing(cluster, 'b'), [])
})

test('nodes that all leave at once wait for nobody (SPEC R23)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2 })
  await fill(cluster, 'a')
  const beganMs = cluster.time.nowMs
  await Promise.all(['a', 'b', 'c'].map(name => cluster.close(name)))
  t.true(cluster.time.nowMs - beganMs < 1000)
  t.deepEqual(cluster.eventsOf('drain-ended'), [])
})

test('a drain that nobody takes part in ends in time, and says so (SPEC R23)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], {
    replicas: 1,
    timing: { drainTimeoutMs: 1000 },
    expect: ['repair-failed']
  })
  await fill(cluster, 'a')
  cluster.kill('b') // and is not known to be gone for a while
  const beganMs = cluster.time.nowMs
  await cluster.close('a')
  t.true(cluster.time.nowMs - beganMs < 2000)
  const [event] = cluster.eventsOf('drain-ended')
  t.like(event, { type: 'drain-ended', cache: CACHE })
})

test('writes go on while a node leaves, and none is lost (SPEC R23)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 1 })
  const client = await cluster.client('writer')
  await fill(cluster, 'a')
  const closing = cluster.close('a')
  for (const key of keys) await cluster.time.wait(client.increment(key, 'late', 1))
  await closing
  await cluster.untilSettled()
  const records = await cluster.scan(cluster.cache('b'))
  t.deepEqual(keys.filter(key => records.get(key)?.['late'] !== 1), [])
})
