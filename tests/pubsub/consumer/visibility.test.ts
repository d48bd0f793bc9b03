/**
 * Consumers can be seen: by events in the process they run in, by the status of that process, and
 * by the groups whose cursors a node holds. Of consumers elsewhere a node knows nothing.
 */
import test from 'ava'
import type { ConsumedBatch } from '../../../pubsub/consumer/options.js'
import type { ConsumerEvent } from '../../../pubsub/events.js'
import type { ConsumerStatus } from '../../../pubsub/requests/status-protocol.js'
import { CACHE, startCluster, type Cluster } from '../../support/cluster.js'

const GROUP = 'repricer'
const of = { cache: CACHE, consumerGroup: GROUP }

function eventsOf (cluster: Cluster, node: string): ConsumerEvent[] {
  return cluster.events.flatMap(({ node: where, event }) =>
    where === node && (event.type.startsWith('consumer-') || event.type === 'commit-failed')
      ? [event as ConsumerEvent]
      : []
  )
}

/** Reads batches and keeps them; `commits` says whether each is committed at once. */
function reading (
  batches: AsyncIterable<ConsumedBatch>,
  commits: () => boolean = () => true
): { readonly all: ConsumedBatch[], readonly ended: Promise<void> } {
  const all: ConsumedBatch[] = []
  const ended = (async () => {
    for await (const batch of batches) {
      all.push(batch)
      if (commits()) await batch.commit()
    }
  })()
  ended.catch(() => {})
  return { all, ended }
}

async function put (cluster: Cluster, keys: readonly string[]): Promise<void> {
  const [node = ''] = cluster.nodes.keys()
  const cache = cluster.cache(node)
  await cluster.time.wait(Promise.all(keys.map(key => cache.put(key, { n: 1 }, { ack: 'all' }))))
}

test('a consumer shows what it was given and what of it is committed (SPEC C13)', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const cache = await cluster.client('far')
  await put(cluster, ['k1', 'k2', 'k3'])
  let commits = true
  const abort = new AbortController()
  const { all, ended } = reading(
    cache.consume({ group: GROUP, signal: abort.signal }),
    () => commits
  )
  const status = (): ConsumerStatus | undefined => cluster.clients.get('far')?.consumers[0]
  await cluster.time.until(() => status()?.committedAgoMs !== null && all.length > 0, 'a commit')
  await cluster.time.until(() => status()?.uncommitted === 0 && status()?.delivered === 3, 'three')
  t.like(status(), {
    ...of,
    phase: 'reading',
    shards: 16,
    cursors: 16,
    behindShards: 0,
    groupsWithoutHolder: 0,
    uncommittedShards: 0,
    lastError: null
  })
  commits = false
  await cluster.time.advance(5000)
  await put(cluster, ['k1', 'k4'])
  await cluster.time.until(() => status()?.delivered === 5, 'the changes')
  t.like(status(), { uncommitted: 2, dirtyShards: 0 })
  t.true((status()?.committedAgoMs ?? 0) >= 5000)
  t.true((status()?.deliveredAgoMs ?? Infinity) < 1000)
  t.true((status()?.ageMs ?? 0) >= 5000)
  t.deepEqual(eventsOf(cluster, 'far'), [{
    type: 'consumer-started',
    ...of,
    shards: 16,
    committedShards: 0
  }])
  abort.abort()
  await cluster.time.wait(ended)
  t.deepEqual(cluster.clients.get('far')?.consumers, [])
  t.deepEqual(eventsOf(cluster, 'far').slice(1), [{
    type: 'consumer-ended',
    ...of,
    why: 'stopped'
  }])
})

test('a consumer says where it begins and why it ends (SPEC C13)', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const cache = await cluster.client('far')
  await put(cluster, ['k1', 'k2', 'k3'])
  await cluster.time.wait(reading(cache.consume({ group: GROUP, stopWhenIdleMs: 500 })).ended)
  const again = reading(cache.consume({ group: GROUP }))
  await cluster.time.until(() => eventsOf(cluster, 'far').length === 3, 'the second start')
  await cluster.close('far')
  await cluster.time.wait(again.ended)
  t.deepEqual(again.all, [])
  const started = { type: 'consumer-started', ...of, shards: 16 } as const
  t.deepEqual(eventsOf(cluster, 'far'), [
    { ...started, committedShards: 0 },
    { type: 'consumer-ended', ...of, why: 'idle' },
    { ...started, committedShards: 16 },
    { type: 'consumer-ended', ...of, why: 'closed' }
  ])
})

test('a consumer that no node answers shows what it waits for (SPEC C13)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const cache = await cluster.client('far')
  await cluster.time.wait(cache.get('k1'))
  cluster.kill('a')
  await cluster.time.advance(10_000)
  const { ended } = reading(cache.consume({ group: GROUP }))
  await cluster.time.advance(1000)
  const [status] = cluster.clients.get('far')?.consumers ?? []
  t.like(status, { phase: 'starting', cursors: 0, delivered: 0, deliveredAgoMs: null })
  t.is(status?.lastError?.code, 'UNAVAILABLE')
  t.regex(status?.lastError?.message ?? '', /no node that holds placement group 0 and 7 others/)
  t.is(status?.groupsWithoutHolder, 8)
  const retries = eventsOf(cluster, 'far').filter(({ type }) => type === 'consumer-retrying')
  t.deepEqual(eventsOf(cluster, 'far'), [
    { type: 'consumer-unheld', ...of, groups: [0, 1, 2, 3, 4, 5, 6, 7], unlistedGroups: 0 },
    ...retries
  ], 'it has not started')
  t.like(retries[0], { ...of, code: 'UNAVAILABLE', times: 1, error: { code: 'UNAVAILABLE' } })
  t.is(retries[0]?.type === 'consumer-retrying' && retries[0].shards.length, 16)
  await cluster.time.advance(3000)
  const later = eventsOf(cluster, 'far').flatMap(event =>
    event.type === 'consumer-retrying' ? [event.times] : []
  )
  t.true(later.length >= 3 && later.length <= 5, `told ${later.length} times in 4 s`)
  t.true(later.slice(1).every(times => times > 10), `each stands for many: ${later.join()}`)
  await cluster.close('far')
  await cluster.time.wait(ended)
})

test('an idle consumer without nodes says so, once, and when they are back (SPEC C13)', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const cache = await cluster.client('far')
  await put(cluster, ['k1'])
  await cluster.untilSettled()
  const { ended } = reading(cache.consume({ group: GROUP }))
  const status = (): ConsumerStatus | undefined => cluster.clients.get('far')?.consumers[0]
  await cluster.time.until(() => status()?.committedAgoMs !== null, 'a commit')
  await cluster.time.advance(5000)
  t.like(status(), { phase: 'reading', dirtyShards: 0, groupsWithoutHolder: 0, lastError: null })
  const since = eventsOf(cluster, 'far').length
  const told = () => eventsOf(cluster, 'far').slice(since)

  cluster.kill('a')
  await cluster.time.advance(10_000)
  t.is(status()?.groupsWithoutHolder, 0)
  t.false(told().some(({ type }) => type === 'consumer-unheld'), 'b holds everything')
  cluster.kill('b')
  await cluster.time.advance(20_000)
  t.like(status(), { phase: 'reading', dirtyShards: 0, groupsWithoutHolder: 8 })
  const unheld = told().filter(({ type }) => type === 'consumer-unheld')
  t.deepEqual(unheld, [{
    type: 'consumer-unheld',
    ...of,
    groups: [0, 1, 2, 3, 4, 5, 6, 7],
    unlistedGroups: 0
  }])

  await cluster.startNode('b')
  await cluster.time.until(() => status()?.groupsWithoutHolder === 0, 'a holder')
  await cluster.time.advance(5000)
  const held = told().filter(({ type }) => type === 'consumer-held')
  t.is(held.length, 1)
  t.true(held[0]?.type === 'consumer-held' && held[0].forMs >= 15_000)
  t.is(told().filter(({ type }) => type === 'consumer-unheld').length, 1)
  await cluster.close('far')
  await cluster.time.wait(ended)
})

test('a commit that no holder takes is told, with its shards and its error (SPEC C13)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const cache = await cluster.client('far')
  await put(cluster, ['k1'])
  const { all, ended } = reading(cache.consume({ group: GROUP }), () => false)
  await cluster.time.until(() => all.length > 0, 'a batch')
  cluster.kill('a')
  await cluster.time.advance(10_000)
  await t.throwsAsync(cluster.time.wait((all[0] as ConsumedBatch).commit()), {
    code: 'UNAVAILABLE'
  })
  const failed = eventsOf(cluster, 'far').find(({ type }) => type === 'commit-failed')
  t.like(failed, { ...of, error: { code: 'UNAVAILABLE' } })
  t.true(failed?.type === 'commit-failed' && failed.shards.length > 0)
  t.is(cluster.clients.get('far')?.consumers[0]?.uncommitted, 1)
  await cluster.close('far')
  await cluster.time.wait(ended)
})

test('a node lists its own consumers and committed consumer groups (SPEC C7, C13)', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const far = await cluster.client('far')
  await put(cluster, ['k1'])
  const here = reading(cluster.cache('a').consume({ group: 'here' }))
  const there = reading(far.consume({ group: 'there' }))
  const names = (node: string) =>
    cluster.node(node).status().caches[CACHE]?.consumerGroups.map(({ name, shards }) =>
      shards > 0 ? name : 'none'
    ).join()
  await cluster.time.until(
    () => names('a') === 'here,there' && names('b') === 'here,there',
    'commits that are replicated'
  )
  const { consumers, unlistedConsumers } = cluster.node('a').status()
  t.deepEqual(consumers.map(({ consumerGroup }) => consumerGroup), ['here'])
  t.is(unlistedConsumers, 0)
  t.deepEqual(cluster.node('b').status().consumers, [])
  t.deepEqual(
    cluster.clients.get('far')?.consumers.map(({ consumerGroup }) => consumerGroup),
    ['there']
  )
  const asked = cluster.clients.get('far')?.statusOf('a')
  t.is(
    (await cluster.time.wait(asked ?? Promise.reject(new Error('no client')))).consumers.length,
    1
  )
  for (const name of ['a', 'far']) await cluster.close(name)
  await cluster.time.wait(Promise.all([here.ended, there.ended]))
})

test('a status lists so many consumers, and how many more there are (SPEC B1)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const cache = cluster.cache('a')
  const many = Array.from({ length: 260 }, () => reading(cache.consume({ group: GROUP })))
  await cluster.time.advance(100)
  const { consumers, unlistedConsumers } = cluster.node('a').status()
  t.deepEqual([consumers.length, unlistedConsumers], [256, 4])
  await cluster.close('a')
  await cluster.time.wait(Promise.all(many.map(({ ended }) => ended)))
})

test('hints that the transport drops are counted, and told once a second (SPEC C13)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const transport = cluster.transports.get('a')
  if (transport === undefined) throw new Error('a has no transport')
  const publish = transport.publish.bind(transport)
  let dropped = 0
  transport.publish = (subject, bytes, replyTo) => {
    if (!subject.includes('.n.')) return publish(subject, bytes, replyTo)
    dropped++
    return false
  }
  for (let i = 0; i < 50; i++) {
    cluster.cache('a').put(`k${i}`, { n: 1 }).catch(() => {})
    await cluster.time.advance(30)
  }
  await cluster.time.advance(1500)
  const told = cluster.eventsOf('hint-dropped')
  t.true(dropped > 20, `${dropped} were dropped`)
  t.true(told.length >= 1 && told.length <= 3, `${told.length} events`)
  t.is(
    told.reduce((sum, event) => sum + (event.type === 'hint-dropped' ? event.count : 0), 0),
    dropped
  )
})
