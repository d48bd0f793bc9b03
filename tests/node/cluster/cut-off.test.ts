/**
 * Holders that were cut off from each other: until one exchange after they meet again, neither
 * says "not found" or takes an operation.
 */
import test from 'ava'
import { Topology } from '../../../engine/topology/topology.js'
import { CACHE, startCluster, type Cluster } from '../../support/cluster.js'

const RECORDS = 60
const CUT_MS = 5000

const members = (cluster: Cluster, name: string): number =>
  cluster.node(name).status().members.length

async function cut (cluster: Cluster): Promise<void> {
  cluster.network.partition('a', 'b')
  await cluster.time.until(
    () => members(cluster, 'a') === 1 && members(cluster, 'b') === 1,
    'the two to miss each other'
  )
}

test('a removal after a cut finds what was added on the other side (SPEC R19)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  const { time } = cluster
  const [a, b] = [cluster.cache('a'), cluster.cache('b')]
  const keys = Array.from({ length: RECORDS }, (_, i) => `k${i}`)
  await time.wait(Promise.all(keys.map(key => a.put(key, { n: 1 }, { ack: 'all' }))))
  await cut(cluster)
  await time.wait(Promise.all(keys.map(key => a.addToSet(key, 'tags', 'x'))))
  await time.wait(Promise.all(keys.map(key => a.put(`new ${key}`, { n: 1 }))))
  await time.advance(CUT_MS)
  cluster.network.heal()
  await time.until(() => members(cluster, 'b') === 2, 'b to see a')
  const removed = keys.map(key => b.removeFromSet(key, 'tags', 'x'))
  const found = await time.wait(Promise.all(keys.map(key => b.get(`new ${key}`))))
  t.is(found.filter(record => record === undefined).length, 0, 'not found, and is there')
  await time.wait(Promise.all(removed))
  await cluster.untilSettled()
  const left = await time.wait(Promise.all(keys.map(key => a.hasElement(key, 'tags', 'x'))))
  t.is(left.filter(has => has).length, 0, 'removed, and came back')
})

test('a replica that met another again refuses by its name until it has exchanged', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2, expect: ['repair-failed'] })
  const { time, transports } = cluster
  await time.wait(cluster.cache('a').put('k', { n: 1 }, { ack: 'all' }))
  await cut(cluster)
  // Heartbeats get through afterwards, and no exchange does.
  const publish = transports.get('a')?.publish.bind(transports.get('a'))
  const transport = transports.get('a') as { publish: typeof publish }
  transport.publish = (subject, bytes, replyTo) =>
    subject.startsWith('_INBOX') || publish?.(subject, bytes, replyTo) === true
  cluster.network.heal()
  await time.until(() => members(cluster, 'b') === 2, 'b to see a')
  const error = await t.throwsAsync(cluster.scan(cluster.cache('b'), 'b'), { code: 'UNAVAILABLE' })
  t.regex(error?.message ?? '', /b has yet to learn what a took .* out of touch/)
  const phases = cluster.node('b').status().caches[CACHE]?.held.map(({ phase }) => phase)
  t.deepEqual([...new Set(phases)], ['stale'])
  // When a leaves for good, b is what it was before.
  cluster.network.partition('a', 'b')
  await time.until(() => members(cluster, 'b') === 1, 'b to miss a')
  await time.wait(cluster.cache('b').increment('k', 'count'))
  t.like(await time.wait(cluster.cache('b').get('k')), { n: 1, count: 1 })
})

const keysOf = (cluster: Cluster, name: string, count: number): string[] => {
  const held = new Set(cluster.node(name).status().caches[CACHE]?.held.map(({ group }) => group))
  const topology = new Topology({ shards: 16, groups: 8 })
  return Array.from({ length: 1000 }, (_, i) => `k${i}`)
    .filter(key => held.has(topology.groupOfKey(key))).slice(0, count)
}

// A node that heard no other took itself for the first holder of everything.
test('a node that is cut off answers nothing of what it never held (SPEC R20)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 1, expect: ['write-failed'] })
  const { time } = cluster
  const [a, b] = [cluster.cache('a'), cluster.cache('b')]
  const [atA, atB] = [keysOf(cluster, 'a', 40), keysOf(cluster, 'b', 40)]
  await time.wait(Promise.all([...atA, ...atB].map(key => a.put(key, { n: 1 }))))
  await time.wait(Promise.all([...atA, ...atB].map(key => a.addToSet(key, 'tags', 'x'))))
  await cut(cluster)
  const refused = async (calls: ReadonlyArray<Promise<unknown>>): Promise<void> => {
    for (const call of await time.wait(Promise.allSettled(calls))) {
      t.regex(
        call.status === 'rejected' ? String(call.reason) : 'answered',
        /waits for [ab], which/
      )
    }
  }
  await refused(atB.slice(0, 10).map(key => a.get(key)))
  await refused(atA.slice(0, 10).map(key => b.get(key)))
  const operations = atB.map(key => a.increment(key, 'count', 1, { timeoutMs: 20_000 }))
  const removals = atA.map(key => b.removeFromSet(key, 'tags', 'x', { timeoutMs: 20_000 }))
  const updates = atB.map(key => a.update(key, fields => ({ seen: fields?.['n'] ?? 'nothing' })))
  t.deepEqual(await time.wait(Promise.all(atA.map(key => a.has(key)))), atA.map(() => true))
  await time.advance(1000)
  cluster.network.heal()
  await time.wait(Promise.all([...operations, ...removals, ...updates]))
  await cluster.untilSettled()
  for (const key of atB) {
    t.like(await time.wait(b.get(key)), { n: 1, count: 1, seen: 1, tags: ['x'] })
  }
  for (const key of atA) t.false(await time.wait(b.hasElement(key, 'tags', 'x')))
})

test('a node that starts while the only holder is silent waits for it (SPEC R20)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1, expect: ['write-failed'] })
  const { time } = cluster
  await time.wait(cluster.cache('a').put('k', { n: 1 }))
  cluster.network.partition('a', 'b')
  await cluster.startNode('b')
  await time.advance(2000)
  const phases = cluster.node('b').status().caches[CACHE]?.held.map(({ phase }) => phase)
  t.deepEqual([...new Set(phases)], ['syncing'])
  const increment = cluster.cache('b').increment('k', 'n2')
  cluster.network.heal()
  await time.wait(increment)
  t.like(await time.wait(cluster.cache('b').get('k')), { n: 1, n2: 1 })
})
