/** Every holder of a placement group is gone: the one that is back first waits for the others. */
import test from 'ava'
import { CACHE, Cluster, startCluster } from '../../support/cluster.js'

const RECORDS = 60
const keys = Array.from({ length: RECORDS }, (_, i) => `k${i}`)

async function fill (cluster: Cluster, name: string): Promise<void> {
  const cache = cluster.cache(name)
  await cluster.time.wait(Promise.all(keys.map(key => cache.put(key, { n: 1 }, { ack: 'all' }))))
  await cluster.time.wait(Promise.all(keys.map(key => cache.increment(key, 'count'))))
  await cluster.time.advance(1000)
}

const phases = (cluster: Cluster, name: string): string[] => [
  ...new Set(cluster.node(name).status().caches[CACHE]?.held.map(({ phase }) => phase))
]

test('of nodes that were all killed the first one back waits for the rest (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2, expect: ['write-failed'] })
  const { time } = cluster
  await fill(cluster, 'a')
  for (const name of ['a', 'b', 'c']) cluster.kill(name)
  await cluster.startNode('a')
  await time.advance(30_000)
  t.deepEqual(phases(cluster, 'a'), ['syncing'])
  const found = await time.wait(
    Promise.allSettled(keys.slice(0, 20).map(key => cluster.cache('a').get(key))),
    'reads',
    120_000
  )
  t.deepEqual(found.filter(({ status }) => status === 'fulfilled'), [], 'none can be sure')
  await t.throwsAsync(cluster.scan(cluster.cache('a'), 'a'), {
    code: 'UNAVAILABLE',
    message: /a waits for (b|c|b, c|c, b), which held placement group/
  })
  const increments = keys.map(key => cluster.cache('a').increment(key, 'count'))
  await cluster.start('b', 'c')
  await time.wait(Promise.all(increments))
  await cluster.untilSettled()
  for (const key of keys) {
    t.like(await time.wait(cluster.cache('a').get(key)), { n: 1, count: 2 }, key)
  }
  t.deepEqual(cluster.eventsOf('data-lost'), [])
})

test('stores that stay away are declared lost, by name (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c', 'd', 'e'], {
    replicas: 2,
    timing: { diskLostAfterMs: 20_000 }
  })
  await fill(cluster, 'a')
  for (const name of ['c', 'd', 'e']) cluster.kill(name)
  await cluster.time.advance(15_000)
  t.true(phases(cluster, 'a').includes('syncing'), 'some groups had no other holder')
  t.deepEqual(cluster.eventsOf('data-lost'), [])
  await cluster.untilSettled()
  const lost = cluster.eventsOf('data-lost').flatMap(event =>
    event.type === 'data-lost' ? event.nodes : []
  )
  t.true(lost.length > 0)
  t.deepEqual(lost.filter(name => !['c', 'd', 'e'].includes(name)), [])
  // What was declared lost and comes back after all is merged.
  await cluster.start('c', 'd', 'e')
  await cluster.untilSettled()
  const records = await cluster.scan(cluster.cache('a'))
  t.is(records.size, RECORDS)
})

test('a node that is back without its disk is a loss at once (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 1 })
  await fill(cluster, 'a')
  cluster.kill('b')
  cluster.disks.delete('b')
  await cluster.startNode('b')
  await cluster.untilSettled(5000)
  t.true(cluster.eventsOf('data-lost').length > 0)
})

test('a node that outlived another waits for it: it may have gone on (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  await fill(cluster, 'a')
  cluster.network.partition('a', 'b')
  await cluster.time.advance(10_000)
  await cluster.time.wait(cluster.cache('a').put('here', { n: 1 }))
  await cluster.time.wait(cluster.cache('b').put('there', { n: 1 }))
  await cluster.time.advance(1000)
  for (const name of ['a', 'b']) {
    cluster.kill(name)
    await cluster.startNode(name)
    await cluster.time.advance(10_000)
    t.deepEqual(phases(cluster, name), ['syncing'], name)
  }
  cluster.network.heal()
  await cluster.untilSettled()
  t.is((await cluster.scan(cluster.cache('a'))).size, RECORDS + 2)
})

test('a node that handed over and left is waited for by nobody (SPEC R22, R23)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  await fill(cluster, 'a')
  await cluster.close('b')
  await cluster.time.advance(1000)
  cluster.kill('a')
  await cluster.startNode('a')
  await cluster.untilSettled(5000)
  t.is((await cluster.scan(cluster.cache('a'))).size, RECORDS)
})

test('a new node does not begin anew without the nodes it expects (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2, expectNodes: 2 })
  await fill(cluster, 'a')
  cluster.kill('a')
  cluster.kill('b')
  await cluster.startNode('new')
  await cluster.time.advance(30_000)
  t.deepEqual(phases(cluster, 'new'), ['syncing'])
  await t.throwsAsync(cluster.scan(cluster.cache('new'), 'new'), {
    code: 'UNAVAILABLE',
    message: /new knows of nobody that held .* waits for 1 more node \(expectNodes 2\)/
  })
  await cluster.start('a', 'b')
  await cluster.untilSettled()
  t.is((await cluster.scan(cluster.cache('new'))).size, RECORDS)
})

test('an operator gives a store up, by the name of its node (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 1 })
  const { time } = cluster
  await fill(cluster, 'a')
  cluster.kill('a')
  cluster.kill('b')
  await cluster.startNode('a')
  const client = await cluster.connect('operator', { connectTimeoutMs: 100 })
  await time.advance(5000)
  t.true(phases(cluster, 'a').includes('syncing'))
  t.throws(() => client.forget(''), { instanceOf: TypeError, message: /forget takes the id/ })
  t.deepEqual(await time.wait(client.forget('nobody')), [])
  t.deepEqual(await time.wait(client.forget('a')), [], 'a store that runs is left alone')
  t.like(await time.wait(client.forget('b')), [{ cache: CACHE, node: 'b' }])
  await cluster.untilSettled(5000)
  const [lost] = cluster.eventsOf('data-lost')
  t.like(lost, { nodes: ['b'] })
  t.true((cluster.node('a').status().caches[CACHE]?.lostGroups.length ?? 0) > 0)
})

test('a roster is written down before a node has closed (SPEC R22)', async t => {
  const cluster = new Cluster(t, { replicas: 2, timing: { drainTimeoutMs: 0 } })
  const { time } = cluster
  await cluster.start('a', 'b')
  await time.wait(Promise.all(['a', 'b'].map(name => cluster.node(name).whenReady())))
  await cluster.close('a')
  await time.wait(cluster.cache('b').put('k', { n: 1 }, { ack: 'durable' }))
  await cluster.close('b')
  await cluster.startNode('a')
  await time.advance(30_000)
  t.deepEqual(phases(cluster, 'a'), ['syncing'])
  await cluster.startNode('b')
  t.like(await time.wait(cluster.cache('a').get('k')), { n: 1 })
})

test('a holder that took writes before it was ready is waited for (SPEC R22)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2, expect: ['write-failed'] })
  const { time } = cluster
  await fill(cluster, 'a')
  cluster.kill('b')
  cluster.kill('a')
  await cluster.start('a', 'c')
  await time.advance(5000)
  t.deepEqual([...phases(cluster, 'a'), ...phases(cluster, 'c')], ['syncing', 'syncing'])
  const put = async (key: string): Promise<unknown> =>
    await time.wait(cluster.cache('c').put(key, { n: 2 }, { ack: 'durable' }))
  await Promise.all(keys.map(put))
  await time.advance(5000)
  cluster.network.partition('a', 'c')
  await Promise.all(keys.map(key => put(`new ${key}`)))
  cluster.kill('c')
  cluster.network.heal()
  await cluster.startNode('b')
  await time.advance(30_000)
  t.deepEqual([...phases(cluster, 'a'), ...phases(cluster, 'b')], ['syncing', 'syncing'])
  await cluster.startNode('c')
  await cluster.untilSettled()
  t.is((await cluster.scan(cluster.cache('a'))).size, 2 * RECORDS)
})
