/** A process that stood still was replaced under its name, and goes on. */
import test from 'ava'
import { startCluster, type Cluster } from '../../support/cluster.js'

const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)

/** Cuts `a` off from all, has another process take its name, and heals. */
async function replace (cluster: Cluster, meanwhile: () => Promise<void>): Promise<void> {
  const { network, time } = cluster
  for (const other of ['b', 'c', 'a again']) network.partition('a', other)
  await time.until(
    () => !cluster.node('b').status().members.includes('a'),
    'b to miss a'
  )
  await meanwhile()
  await cluster.startNode('a again', { name: 'a' })
  await time.wait(cluster.node('a again').whenReady())
  network.heal()
}

test('of two processes under one name the later one keeps it (SPEC R17)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], {
    replicas: 2,
    expect: ['name-taken', 'name-lost', 'write-failed', 'repair-failed']
  })
  const { time } = cluster
  const first = cluster.node('a')
  await time.wait(Promise.all(keys.map(key => cluster.cache('b').put(key, { n: 1 }))))
  await replace(cluster, async () => {
    await time.wait(Promise.all(keys.map(key => cluster.cache('a').put(key, { late: 2 }))))
  })
  const why = await time.wait(first.ended, 'the first one to give way')
  t.like(why, { code: 'NAME_TAKEN', changed: 'no' })
  t.regex(why?.message ?? '', /another process began later under the name a/)
  t.throws(() => first.cache('prices').get('k0'), { code: 'CLOSED' })
  cluster.nodes.delete('a')
  await cluster.untilSettled()
  const records = await cluster.scan(cluster.cache('b'))
  t.deepEqual(keys.filter(key => records.get(key)?.['late'] !== 2), [], 'what it had is there')
  const [second] = [cluster.node('a again').status()]
  await time.advance(20_000)
  t.is(cluster.node('b').status().members.length, 3)
  t.is(cluster.node('a again').status().incarnation, second.incarnation)
  const swaps = cluster.eventsOf('member-left').filter(event =>
    event.type === 'member-left' && event.why === 'replaced'
  )
  t.true(swaps.length <= 2, 'at most once at each of the others')
})

const BEHIND_MS = -60_000

test('a replacement whose clock is behind keeps the name as well (SPEC R17)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], {
    replicas: 2,
    expect: ['name-taken', 'name-lost', 'write-failed', 'repair-failed']
  })
  const { time } = cluster
  const [first, second] = [cluster.node('a'), 'a again']
  time.setWrong(second, BEHIND_MS)
  await replace(cluster, async () => {
    await time.wait(Promise.all(keys.map(key => cluster.cache('a').put(key, { late: 2 }))))
  })
  t.like(await time.wait(first.ended, 'the first one to give way'), { code: 'NAME_TAKEN' })
  cluster.nodes.delete('a')
  await cluster.untilSettled()
  const records = await cluster.scan(cluster.cache('b'))
  t.deepEqual(keys.filter(key => records.get(key)?.['late'] !== 2), [], 'what it had is there')
  await time.advance(20_000)
  t.is(cluster.node('b').status().members.length, 3)
})

test('so does one that begins while the others still have the former in view', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], {
    replicas: 2,
    expect: ['name-taken', 'name-lost', 'write-failed', 'repair-failed']
  })
  const { network, time } = cluster
  const first = cluster.node('a')
  time.setWrong('a again', BEHIND_MS)
  for (const other of ['b', 'c', 'a again']) network.partition('a', other)
  await cluster.startNode('a again', { name: 'a' })
  t.deepEqual(
    cluster.eventsOf('member-left').filter(event =>
      event.type === 'member-left' && event.node === 'a' && event.why === 'silent'
    ),
    [],
    'nobody missed the first one yet'
  )
  network.heal()
  t.like(await time.wait(first.ended, 'the first one to give way'), { code: 'NAME_TAKEN' })
  cluster.nodes.delete('a')
  await cluster.untilSettled()
})

test('one that hears nobody but its replacement hands over to that (SPEC R17)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], {
    replicas: 2,
    expect: ['name-taken', 'name-lost', 'write-failed', 'repair-failed']
  })
  const { network, time } = cluster
  const first = cluster.node('a')
  for (const other of ['b', 'a again']) network.partition('a', other)
  await time.until(() => !cluster.node('b').status().members.includes('a'), 'b to miss a')
  await time.wait(Promise.all(keys.map(key => cluster.cache('a').put(key, { late: 2 }))))
  await cluster.startNode('a again', { name: 'a' })
  await time.wait(cluster.node('a again').whenReady())
  network.heal()
  network.partition('a', 'b')
  t.like(await time.wait(first.ended, 'the first one to give way'), { code: 'NAME_TAKEN' })
  t.deepEqual(cluster.eventsOf('drain-ended'), [])
  cluster.nodes.delete('a')
  network.heal()
  await cluster.untilSettled()
  const records = await cluster.scan(cluster.cache('b'))
  t.deepEqual(keys.filter(key => records.get(key)?.['late'] !== 2), [], 'what it had is there')
})

test('one that nobody hears says what it could not hand over', async t => {
  const cluster = await startCluster(t, ['a', 'b'], {
    replicas: 2,
    expect: ['name-taken', 'name-lost', 'write-failed', 'repair-failed']
  })
  const { network, time } = cluster
  const first = cluster.node('a')
  for (const other of ['b', 'a again']) network.partition('a', other)
  await time.until(() => !cluster.node('b').status().members.includes('a'), 'b to miss a')
  await time.wait(Promise.all(keys.map(key => cluster.cache('a').put(key, { late: 2 }))))
  await cluster.startNode('a again', { name: 'a' })
  await time.wait(cluster.node('a again').whenReady())
  network.heal()
  for (const other of ['b', 'a again']) network.partition('a', other, 'one-way')
  t.like(await time.wait(first.ended), { code: 'NAME_TAKEN' })
  const [told] = cluster.eventsOf('drain-ended')
  t.is(told?.type === 'drain-ended' ? told.groups.length : 0, 8)
  cluster.nodes.delete('a')
})

test('a node that is closed has ended for no reason of its own', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const node = cluster.node('a')
  await cluster.close('a')
  t.is(await node.ended, undefined)
})
