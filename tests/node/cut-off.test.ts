/**
 * Holders that were cut off from each other: until one exchange after they meet again, neither
 * says "not found" or takes an operation.
 */
import test from 'ava'
import { CACHE, startCluster, type Cluster } from '../support/cluster.js'

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
