/**
 * Writes and what their writers are told: write concerns that are reached and that are not,
 * retries, events with equal times, and failures that are not awaited.
 */
import test, { type ExecutionContext } from 'ava'
import type { Cache } from '../../../node/cache/cache.js'
import type { WriteOptions } from '../../../node/cache/cache-writes.js'
import { MillpondError, WriteConcernError } from '../../../engine/errors.js'
import { Topology } from '../../../engine/topology/topology.js'
import { CACHE, startCluster, type Cluster } from '../../support/cluster.js'

const NAMES = ['a', 'b', 'c'] as const
const topology = new Topology({ shards: 16, groups: 8 })
const EVENT_MS = Date.UTC(2023, 5, 1)

async function failureOf (cluster: Cluster, write: Promise<void>): Promise<MillpondError> {
  const error = await cluster.time.wait(
    write.then(() => undefined, (cause: unknown) => cause),
    'a write to fail'
  )
  if (!(error instanceof MillpondError)) {
    throw new Error(`it did not fail as it should: ${String(error)}`)
  }
  return error
}

/** A key that this node holds, and whose placement group is held by these nodes only. */
function keyHeldBy (cluster: Cluster, holders: readonly string[]): string {
  for (let i = 0; i < 10_000; i++) {
    const owners = cluster.holders(topology.groupOfKey(`key${i}`))
    if (owners.length === holders.length && holders.every(name => owners.includes(name))) {
      return `key${i}`
    }
  }
  throw new Error(`no key is held by exactly ${holders.join()}`)
}

for (const ack of ['buffered', 'durable', 'majority', 'all', 1, 2, 3] as const) {
  test(`owners and clients are told when a write reaches concern ${ack} (SPEC R8)`, async t => {
    const cluster = await startCluster(t, NAMES, { replicas: 3 })
    const client = await cluster.client('writer')
    const needed = { buffered: 1, durable: 1, majority: 2, all: 3 }[ack as string] ?? Number(ack)
    for (const [key, cache] of [['own', cluster.cache('a')], ['far', client]] as const) {
      await cluster.time.wait(cache.put(key, { n: 1 }, { ack }))
      const holding = (await Promise.all(NAMES.map(name =>
        cluster.scan(cluster.cache(name), name)
      ))).filter(records => records.has(key))
      t.true(holding.length >= needed, `${holding.length} of ${needed} hold ${key}`)
    }
    await cluster.time.wait(client.delete('own', { ack }))
    t.is(await cluster.time.wait(client.get('own')), undefined)
  })
}

test('a durable write survives the death of its only holder', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1, timing: { storeIntervalMs: 10_000 } })
  await cluster.time.wait(cluster.cache('a').put('k', { n: 1 }, { ack: 'durable' }))
  cluster.kill('a')
  await cluster.startNode('a')
  t.deepEqual(await cluster.time.wait(cluster.cache('a').get('k')), { n: 1 })
})

test('a missed write concern says what was reached, and the write stands (SPEC R8)', async t => {
  const cluster = await startCluster(t, NAMES, { replicas: 3 })
  cluster.network.partition('a', ['b', 'c'])
  const failed = await failureOf(
    cluster,
    cluster.cache('a').put('k', { n: 1 }, { ack: 'majority', timeoutMs: 400 })
  )
  t.true(failed instanceof WriteConcernError)
  t.like(failed, {
    code: 'WRITE_CONCERN',
    changed: 'yes',
    retryable: true,
    wanted: 'majority',
    reached: 1,
    needed: 2
  })
  cluster.network.heal()
  await cluster.untilSettled()
  t.deepEqual((await cluster.scan(cluster.cache('c'), 'c')).get('k'), { n: 1 })

  cluster.network.partition('c', ['a', 'b'])
  t.like(
    await failureOf(cluster, cluster.cache('a').put('k', { n: 2 }, { ack: 'all', timeoutMs: 400 })),
    { code: 'WRITE_CONCERN', reached: 2, needed: 3, changed: 'yes' }
  )
  await cluster.time.wait(
    cluster.cache('a').put('k', { n: 3 }, { ack: 'majority', timeoutMs: 400 })
  )
})

test('a client is told the same about a write concern as a node', async t => {
  const cluster = await startCluster(t, NAMES, { replicas: 3 })
  const client = await cluster.client('writer')
  cluster.network.partition('a', ['b', 'c'])
  cluster.network.partition('b', 'c')
  const failed = await failureOf(cluster, client.put('k', { n: 1 }, { ack: 'all', timeoutMs: 300 }))
  t.true(failed instanceof WriteConcernError)
  t.like(failed, {
    code: 'WRITE_CONCERN',
    wanted: 'all',
    needed: 3,
    changed: 'yes',
    retryable: true
  })
})

test('a write concern that the cache can never reach is refused at once', async t => {
  const cluster = await startCluster(t, NAMES, { replicas: 2 })
  for (const ack of [0, 3, 1.5, -1, NaN]) {
    t.throws(() => cluster.cache('a').put('k', { n: 1 }, { ack }), {
      code: 'CONFIG_INVALID',
      message: new RegExp(String(ack))
    })
  }
})

// The batch, its second copy or the confirmation may be lost: in each case the write is there and
// is confirmed.
test('acknowledged writes get through a network that loses every fifth message', async t => {
  const cluster = await startCluster(t, NAMES, { replicas: 3, faults: { loss: 0 } })
  cluster.network.setFaults({ loss: 0.2 })
  const failures: string[] = []
  for (let i = 0; i < 60; i++) {
    const cache = cluster.cache(NAMES[i % 3] as string)
    await cluster.time.wait(
      cache.put(`k${i}`, { n: i }, { ack: 'all', timeoutMs: 20_000 }).catch((error: unknown) => {
        failures.push(String(error))
      })
    )
  }
  t.deepEqual(failures, [])
})

test('a write older than what is there is acknowledged too, and changes nothing', async t => {
  const cluster = await startCluster(t, NAMES, { replicas: 3 })
  const client = await cluster.client('writer')
  await cluster.time.wait(client.put('k', { n: 2 }, { at: EVENT_MS + 1000, ack: 'all' }))
  for (const [i, cache] of [client, ...NAMES.map(name => cluster.cache(name))].entries()) {
    await cluster.time.wait(
      cache.put('k', { n: 1, [`only${i}`]: 1 }, { at: EVENT_MS + i, ack: 'all' }),
      'the stale write'
    )
  }
  await cluster.untilSettled()
  for (const name of NAMES) {
    t.deepEqual((await cluster.scan(cluster.cache(name), name)).get('k'), {
      n: 2,
      only0: 1,
      only1: 1,
      only2: 1,
      only3: 1
    })
  }
})

test('a write whose answer was lost is tried again and changes nothing (SPEC E9)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  const client = await cluster.client('writer')
  const changes = await collectVersions(cluster, 'k')
  let dropped = 0
  for (const name of ['a', 'b']) {
    const transport = cluster.transports.get(name)
    if (transport === undefined) throw new Error(`${name} has no transport`)
    const publish = transport.publish.bind(transport)
    transport.publish = (subject, bytes, replyTo) => {
      if (subject.startsWith('_INBOX_writer') && dropped < 1) {
        dropped++
        return true
      }
      return publish(subject, bytes, replyTo)
    }
  }
  await cluster.time.wait(client.put('k', { n: 1 }, { timeoutMs: 20_000 }))
  t.is(dropped, 1)
  await cluster.untilSettled()
  await cluster.time.advance(1000)
  t.deepEqual(await cluster.time.wait(client.get('k')), { n: 1 })
  const versions = new Set(changes.versions)
  t.is(versions.size, 1)
  await changes.stop()
})

async function collectVersions (cluster: Cluster, key: string) {
  const abort = new AbortController()
  const versions: number[] = []
  const watcher = await cluster.client('watcher')
  const watching = (async () => {
    for await (const { changes } of watcher.consume({ group: 'watch', signal: abort.signal })) {
      for (const change of changes) {
        if (change.key === key) versions.push(change.version)
      }
    }
  })()
  return {
    versions,
    stop: async () => {
      abort.abort()
      await cluster.time.wait(watching, 'the watcher to stop')
    }
  }
}

test('of two events at one time the later wins, also after an owner died (SPEC E10)', async t => {
  const cluster = await startCluster(t, NAMES, { replicas: 2 })
  const client = await cluster.client('writer')
  const key = keyHeldBy(cluster, ['a', 'b'])
  for (let round = 0; round < 5; round++) {
    const at = EVENT_MS + round
    await cluster.time.wait(client.put(key, { n: `${round} first` }, { at, ack: 'all' }))
    const [owner] = firstHolder(cluster, key)
    if (round === 2 && owner !== undefined) cluster.kill(owner)
    if (round === 3) cluster.network.partition('writer', [...cluster.nodes.keys()][0] as string)
    await cluster.time.wait(client.put(key, { n: `${round} second` }, { at, timeoutMs: 30_000 }))
    cluster.network.heal()
    await cluster.untilSettled()
    for (const name of cluster.holders(topology.groupOfKey(key))) {
      t.deepEqual((await cluster.scan(cluster.cache(name), name)).get(key), {
        n: `${round} second`
      })
    }
  }
})

test('a write that waits for replicas goes on to another owner when its own dies', async t => {
  // An owner may take as long to answer as the write concern may take, so its death has to be
  // noticed by other means.
  const cluster = await startCluster(t, NAMES, { replicas: 3 })
  const client = await cluster.client('writer')
  const [owner] = firstHolder(cluster, 'key')
  cluster.network.partition('writer', owner ?? '', 'one-way')
  const write = client.put('key', { n: 1 }, { ack: 'majority' })
  await cluster.time.advance(50)
  cluster.kill(owner ?? '')
  await cluster.time.wait(write)
  t.deepEqual(await cluster.time.wait(client.get('key')), { n: 1 })
})

test('a write is tried again until its time is up', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.client('writer')
  cluster.kill('a')
  const write = client.put('key', { n: 1 }, { timeoutMs: 20_000 })
  await cluster.time.advance(8000)
  await cluster.startNode('a')
  await cluster.time.wait(write)
  t.deepEqual(await cluster.time.wait(client.get('key')), { n: 1 })
})

function firstHolder (cluster: Cluster, key: string): readonly string[] {
  const group = topology.groupOfKey(key)
  for (const node of cluster.nodes.values()) {
    const held = node.status().caches[CACHE]?.held.find(candidate => candidate.group === group)
    if (held !== undefined) return held.owners
  }
  return []
}

test('a write that fails and that nobody awaits is reported, and does no other harm', async t => {
  const cluster = await startCluster(t, NAMES, { replicas: 2 })
  const client = await cluster.client('writer')
  cluster.network.disconnect('writer')
  void client.put('k', { n: 1 }, { timeoutMs: 200 })
  await cluster.time.until(() => cluster.eventsOf('write-failed').length === 1, 'the report')
  t.like(cluster.eventsOf('write-failed')[0], {
    type: 'write-failed',
    cache: CACHE,
    key: 'k',
    error: { code: 'TIMEOUT' }
  })
  cluster.network.partition('a', ['b', 'c'])
  void cluster.cache('a').put(keyHeldBy(cluster, ['a', 'b']), { n: 1 }, {
    ack: 'all',
    timeoutMs: 200
  })
  await cluster.time.until(() => cluster.eventsOf('write-failed').length === 2, 'the second report')
})

test('a writer that runs ahead of the cluster is told to slow down (SPEC B2)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.client('writer')
  const writes: Array<Promise<void>> = []
  t.throws(() => {
    for (let i = 0; i < 20_000; i++) writes.push(client.put(`k${i}`, { n: i }))
  }, { code: 'TOO_BUSY' })
  t.is(writes.length, 16_384)
  await cluster.time.wait(Promise.all(writes))
  await cluster.time.wait(client.put('again', { n: 1 }))
})

const wrong: ReadonlyArray<readonly [string, (cache: Cache) => unknown, string]> = [
  ['an empty key', cache => cache.put('', { n: 1 }), 'VALUE_REFUSED'],
  ['a key that is too long', cache => cache.put('k'.repeat(513), { n: 1 }), 'LIMIT_EXCEEDED'],
  ['no fields', cache => cache.put('k', {}), 'VALUE_REFUSED'],
  ['a time too far ahead', cache => cache.put('k', { n: 1 }, { at: EVENT_MS * 2 }),
    'VERSION_IN_FUTURE']
]
for (const [what, write, code] of wrong) {
  test(`${what} is refused where the write enters`, async t => {
    const cluster = await startCluster(t, ['a'], { replicas: 1 })
    const client = await cluster.client('writer')
    for (const cache of [cluster.cache('a'), client]) t.is(thrownCode(t, () => write(cache)), code)
    t.is((await cluster.scan(client)).size, 0)
  })
}

function thrownCode (t: ExecutionContext, fn: () => unknown): string | undefined {
  const error = t.throws(fn)
  return error instanceof MillpondError ? error.code : error.name
}

const closing: ReadonlyArray<readonly [string, WriteOptions]> = [['with a concern out of reach', {
  ack: 'all',
  timeoutMs: 60_000
}], ['that is buffered', {}]]
for (const [what, options] of closing) {
  test(`a node that is closed settles a write ${what}, and leaves no timer behind`, async t => {
    const cluster = await startCluster(t, NAMES, { replicas: 3 })
    cluster.network.partition('a', ['b', 'c'])
    const outcome = cluster.cache('a').put('k', { n: 1 }, options).then(
      () => 'done',
      (error: unknown) => (error as MillpondError).code
    )
    await cluster.time.advance(20)
    await cluster.close('a')
    t.is(
      await cluster.time.wait(outcome, 'the write', 1),
      options.ack === undefined ? 'done' : 'WRITE_CONCERN'
    )
    await cluster.time.advance(25)
    t.is(cluster.time.pending('a'), 0)
  })
}
