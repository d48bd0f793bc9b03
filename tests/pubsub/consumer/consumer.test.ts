/**
 * Consumers of whole clusters: what they are shown, how often, in which order, and what becomes of
 * them when nodes die, hints vanish and cursors point beyond what is left.
 */
import type { Transport } from '../../../replication/transport/transport.js'
import test from 'ava'
import { Topology } from '../../../engine/topology/topology.js'
import type { Cache } from '../../../node/cache/cache.js'
import type { ConsumedBatch, ConsumeOptions } from '../../../pubsub/consumer/options.js'
import { CACHE, startCluster, type Cluster } from '../../support/cluster.js'

/** The default, which these clusters run with. */
const HEARTBEAT_MS = 500

interface Watcher {
  /** Per key the last value shown. */
  readonly seen: Map<string, unknown>
  readonly batches: ConsumedBatch[]
  /** Changes shown, over all keys. */
  readonly shown: () => number
  /** Keys whose version went back from one batch to a later one. */
  readonly wentBack: string[]
  readonly ended: () => boolean
  stop(): Promise<void>
}

/** Consumes until it is stopped, and holds every batch against the guarantees. */
function watch (
  cluster: Cluster,
  cache: Cache,
  options: Partial<ConsumeOptions> = {},
  onBatch: (batch: ConsumedBatch) => Promise<void> | void = () => {}
): Watcher {
  const abort = new AbortController()
  const seen = new Map<string, unknown>()
  const versions = new Map<string, number>()
  const wentBack: string[] = []
  const batches: ConsumedBatch[] = []
  let shown = 0
  let ended = false
  const running = (async () => {
    for await (const batch of cache.consume({ group: 'test', signal: abort.signal, ...options })) {
      batches.push(batch)
      shown += batch.changes.length
      for (const { key, fields, deleted, version } of batch.changes) {
        if (version < (versions.get(key) ?? 0)) {
          wentBack.push(`${key} from ${versions.get(key)} to ${version}`)
        }
        versions.set(key, version)
        seen.set(key, deleted ? undefined : fields['n'])
      }
      await onBatch(batch)
    }
  })().finally(() => {
    ended = true
  })
  return {
    seen,
    batches,
    wentBack,
    shown: () => shown,
    ended: () => ended,
    stop: async () => {
      abort.abort()
      await cluster.time.wait(running, 'the consumer to end', 1000)
    }
  }
}

async function fill (cluster: Cluster, cache: Cache, records: number, n = 0): Promise<void> {
  await cluster.time.wait(
    Promise.all(
      Array.from({ length: records }, (_, i) => cache.put(`k${i}`, { n }, { ack: 'all' }))
    ),
    'the records'
  )
}

test('a consumer sees every record once, then every change, then nothing (SPEC C4)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'])
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 200)
  const watcher = watch(cluster, client)
  await cluster.time.until(() => watcher.seen.size === 200, 'all records')
  t.is(watcher.shown(), 200)
  await cluster.time.wait(cluster.cache('b').put('k7', { n: 1 }))
  await cluster.time.wait(cluster.cache('c').delete('k8'))
  await cluster.time.until(
    () => watcher.seen.get('k7') === 1 && watcher.seen.get('k8') === undefined,
    'the changes'
  )
  t.is(watcher.shown(), 202)
  await cluster.time.advance(5000)
  t.is(watcher.shown(), 202)
  await watcher.stop()
})

test('the backlog of a slow consumer never exceeds the live records (SPEC C4)', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const client = await cluster.client('consumer')
  const watcher = watch(cluster, client, { ratePerSecond: 50, batchSize: 10 })
  let written = 0
  for (let round = 0; round < 100; round++) {
    for (let i = 0; i < 40; i++) {
      cluster.cache('ab'[i % 2] as string).put(`k${i}`, { n: ++written }).catch(() => {})
    }
    await cluster.time.advance(20)
  }
  const shownMeanwhile = watcher.shown()
  t.is(written, 4000)
  t.true(shownMeanwhile <= 50 * 2.1 + 10, `${shownMeanwhile} were shown in 2 s`)
  await cluster.untilSettled()
  await cluster.time.until(
    () =>
      watcher.seen.size === 40 && [...watcher.seen.values()].every(n => Number(n) > written - 40),
    'the final values'
  )
  t.true(watcher.shown() - shownMeanwhile <= 2 * 40, `${watcher.shown() - shownMeanwhile} waited`)
  t.deepEqual(watcher.wentBack, [])
  await watcher.stop()
})

test('a consumer whose node is killed resumes and sees nothing older (SPEC C2, C3)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2 })
  const client = await cluster.client('consumer')
  const watcher = watch(cluster, client)
  let n = 0
  const write = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 30; i++) {
        client.put(`k${i}`, { n: ++n }, { timeoutMs: 60_000 }).catch(() => {})
      }
      await cluster.time.advance(15)
    }
  }
  await write(20)
  await cluster.time.advance(200)
  cluster.kill('b')
  await write(20)
  await cluster.time.wait(client.flush())
  await cluster.untilSettled()
  const expected = [...await cluster.scan(client)].map(([key, fields]) => [key, fields['n']])
  await cluster.time.until(
    () => expected.every(([key, value]) => watcher.seen.get(key as string) === value),
    'every final value'
  )
  if (watcher.batches.every(({ resets }) => resets.length === 0)) t.deepEqual(watcher.wentBack, [])
  t.is(watcher.seen.size, 30)
  await watcher.stop()
})

test('consumers see every final value and nothing older despite faults (SPEC C1, C2)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2 })
  const clients = [await cluster.client('one'), await cluster.client('two')]
  const watchers = [...clients, cluster.cache('a')].map((cache, i) =>
    watch(cluster, cache, { group: `g${i}`, batchSize: 7 + i })
  )
  cluster.network.setFaults({ loss: 0.2, duplicate: 0.1, reorder: 0.2, delayMs: [0, 5] })
  let n = 0
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 20; i++) {
      cluster.cache('abc'[(i + round) % 3] as string).put(`k${(i * 13 + round) % 50}`, { n: ++n }, {
        timeoutMs: 60_000
      }).catch(() => {})
    }
    await cluster.time.advance(15)
  }
  cluster.network.setFaults({ loss: 0, duplicate: 0, reorder: 0, delayMs: [0, 0] })
  await cluster.untilSettled()
  const expected = [...await cluster.scan(clients[0] as Cache)].map(([key, fields]) =>
    [key, fields['n']] as const
  )
  for (const [i, watcher] of watchers.entries()) {
    await cluster.time.until(
      () => expected.every(([key, value]) => watcher.seen.get(key) === value),
      `every final value at consumer ${i}`
    )
    t.deepEqual(watcher.wentBack, [])
    t.false(watcher.ended())
    await watcher.stop()
  }
})

test('every replica knows a commit, and new consumers start at it anywhere (SPEC C8)', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2 })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 100)
  const first = watch(cluster, client, { batchSize: 30 }, batch => batch.commit())
  await cluster.time.until(() => first.seen.size === 100, 'all records')
  await cluster.time.advance(100)
  await first.stop()
  await cluster.time.advance(1500)
  cluster.kill('a')
  await cluster.untilSettled()
  await cluster.time.wait(cluster.cache('b').put('k5', { n: 9 }, { ack: 'all' }))
  const second = watch(cluster, cluster.cache('c'))
  await cluster.time.until(() => second.seen.get('k5') === 9, 'the change')
  await cluster.time.advance(2000)
  t.is(second.shown(), 1)
  await second.stop()
  const other = watch(cluster, cluster.cache('c'), { group: 'other' })
  await cluster.time.until(() => other.seen.size === 100, 'all records for another group')
  await other.stop()
})

test('a commit that meets a node on its way out is taken by another one', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 3 })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 100)
  const failed: string[] = []
  const watcher = watch(
    cluster,
    client,
    { batchSize: 1 },
    batch =>
      batch.commit().catch((error: unknown) => {
        failed.push(String(error))
      })
  )
  await cluster.time.until(() => watcher.shown() > 20, 'some records')
  await cluster.close('b')
  await cluster.time.until(() => watcher.shown() > 50, 'some more')
  await cluster.close('a')
  await cluster.time.until(() => watcher.seen.size === 100, 'all records')
  t.deepEqual(failed, [])
  await watcher.stop()
})

test('changes that were not committed are shown again, those that were are not', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 50)
  let committed = 0
  const first = watch(cluster, client, { batchSize: 10 }, async batch => {
    if (committed >= 25) return
    await batch.commit()
    committed += batch.changes.length
  })
  await cluster.time.until(() => first.seen.size === 50, 'all records')
  await first.stop()
  const second = watch(cluster, client)
  await cluster.time.until(() => second.shown() >= 50 - committed, 'the rest')
  await cluster.time.advance(2000)
  t.true(committed > 0 && committed < 50)
  t.is(second.shown(), 50 - committed)
  await second.stop()
})

test('commits survive a restart of the whole cluster (SPEC C8)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  await fill(cluster, cluster.cache('a'), 50)
  const first = watch(cluster, cluster.cache('a'), {}, batch => batch.commit())
  await cluster.time.until(() => first.seen.size === 50, 'all records')
  await first.stop()
  await cluster.time.advance(500)
  cluster.kill('a')
  cluster.kill('b')
  await cluster.start('b', 'a')
  await cluster.untilSettled()
  const second = watch(cluster, cluster.cache('b'))
  await cluster.time.advance(3000)
  t.is(second.shown(), 0)
  await second.stop()
})

test('a hint that is lost is made up for by the digests (SPEC C6)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 20)
  const watcher = watch(cluster, client)
  await cluster.time.until(() => watcher.seen.size === 20, 'all records')
  for (const name of ['a', 'b']) {
    const transport = cluster.transports.get(name)
    if (transport === undefined) throw new Error(`${name} has no transport`)
    const publish = transport.publish.bind(transport)
    transport.publish = (subject, bytes, replyTo) =>
      subject.includes('.n.') ? true : publish(subject, bytes, replyTo)
  }
  await cluster.time.wait(cluster.cache('b').put('k3', { n: 1 }))
  await cluster.time.until(
    () => watcher.seen.get('k3') === 1,
    'the change nobody hinted at',
    10_000
  )
  t.is(watcher.shown(), 21)
  await watcher.stop()
})

test('a lost hint is noticed though the rest of its group keeps changing (SPEC C6)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2, shards: 4, groups: 1 })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 20)
  const watcher = watch(cluster, client)
  await cluster.time.until(() => watcher.seen.size === 20, 'all records')
  let hintless = true
  for (const name of ['a', 'b']) {
    const transport = cluster.transports.get(name)
    if (transport === undefined) throw new Error(`${name} has no transport`)
    const publish = transport.publish.bind(transport)
    transport.publish = (subject, bytes, replyTo) =>
      hintless && subject.includes('.n.') ? true : publish(subject, bytes, replyTo)
  }
  const quiet = 'k3'
  await cluster.time.wait(cluster.cache('b').put(quiet, { n: 1 }, { ack: 'all' }))
  await cluster.time.advance(50)
  hintless = false
  const topology = new Topology({ shards: 4, groups: 2 })
  const busy = Array.from({ length: 17 }, (_, i) => `k${i + 3}`).filter(key =>
    topology.shardOf(key) !== topology.shardOf(quiet)
  )
  const startMs = cluster.time.nowMs
  for (let n = 2; watcher.seen.get(quiet) !== 1 && cluster.time.nowMs < startMs + 10_000; n++) {
    for (const key of busy) cluster.cache('a').put(key, { n }).catch(() => {})
    await cluster.time.advance(20)
  }
  t.true(
    cluster.time.nowMs - startMs <= 5 * HEARTBEAT_MS,
    `it took ${cluster.time.nowMs - startMs} ms`
  )
  await watcher.stop()
})

// The holder had shown entries to the consumer that it never got to replicate. No replica can
// continue such a cursor. With two of them left, the consumer went from one to the other and back
// without a pause.
for (const names of [['a', 'b'], ['a', 'b', 'c']] as const) {
  const left = `${names.length - 1} of ${names.length} replicas`
  test(`with ${left} left, a consumer of lost data says so and starts over (SPEC C12)`, async t => {
    const cluster = await startCluster(t, names, { replicas: names.length })
    const client = await cluster.client('consumer')
    await fill(cluster, cluster.cache('a'), 60)
    const watcher = watch(cluster, client)
    await cluster.time.until(() => watcher.seen.size === 60, 'all records')
    cluster.network.partition('a', names.slice(1))
    for (const name of names) {
      for (let i = 0; i < 60; i += 2) {
        await cluster.time.wait(cluster.cache(name).put(`k${i}`, { [name]: 1, n: name }))
      }
    }
    await cluster.time.advance(1000)
    cluster.kill('a')
    cluster.network.heal()
    await cluster.time.wait(cluster.cache('b').put('later', { n: 2 }))
    await cluster.time.until(
      () => watcher.batches.some(({ resets }) => resets.length > 0),
      'a reset'
    )
    const expected = [...await cluster.scan(cluster.cache('b'))].map(([key, fields]) =>
      [key, fields['n']] as const
    )
    await cluster.time.until(
      () => expected.every(([key, value]) => watcher.seen.get(key) === value),
      'what is left, and what came after'
    )
    t.false(watcher.ended())
    await watcher.stop()
  })
}

test('a reset is reported even when the poll that makes it fails', async t => {
  const cluster = await startCluster(t, ['a', 'b'], {
    replicas: 2,
    shards: 1,
    groups: 1,
    timing: { requestTimeoutMs: 200 }
  })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 10)
  const watcher = watch(cluster, client)
  await cluster.time.until(() => watcher.seen.size === 10, 'all records')
  cluster.network.partition('a', 'b')
  for (const name of ['a', 'b']) {
    await cluster.time.wait(cluster.cache(name).put('k1', { [name]: 1, n: name }))
  }
  await cluster.time.advance(1000)
  const dead = watcher.seen.get('k1') as string
  const alive = dead === 'a' ? 'b' : 'a'
  cluster.kill(dead)
  cluster.network.heal()
  // Loses every answer to the consumer from just before it gives up waiting until well after.
  const fromMs = cluster.time.nowMs + 10_000
  const transport = cluster.transports.get(alive)
  if (transport === undefined) throw new Error(`${alive} has no transport`)
  const publish = transport.publish.bind(transport)
  transport.publish = (subject, bytes, replyTo) =>
    subject.startsWith('_INBOX_consumer') && cluster.time.nowMs > fromMs &&
      cluster.time.nowMs < fromMs + 10_000
      ? true
      : publish(subject, bytes, replyTo)
  await cluster.time.until(() => watcher.seen.get('k1') === alive, 'the record of the survivor')
  t.deepEqual(watcher.batches.flatMap(({ resets }) => resets), [0])
  await watcher.stop()
})

test('stopWhenIdleMs ends the iteration once nothing new was seen for so long', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 30)
  const startMs = cluster.time.nowMs
  const watcher = watch(cluster, client, { stopWhenIdleMs: 700 })
  await cluster.time.until(() => watcher.ended(), 'the end')
  t.is(watcher.shown(), 30)
  t.true(cluster.time.nowMs - startMs >= 700)
  t.true(cluster.time.nowMs - startMs < 1500)
})

test('time spent waiting for a holder at the start does not count as idle', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  await fill(cluster, cluster.cache('a'), 30)
  const client = await cluster.client('consumer')
  await cluster.time.advance(1000)
  cluster.kill('a')
  const watcher = watch(cluster, client, { stopWhenIdleMs: 4000 })
  await cluster.time.advance(5000)
  t.false(watcher.ended())
  const isPoll = (subject: string): boolean => subject.includes('.q.')
  const started = (): boolean =>
    cluster.events.some(({ event }) => event.type === 'consumer-started')
  await cluster.startNode('a')
  // The first poll is lost, and times out after 3 s: the consumer stalls with nothing delivered.
  const transport = cluster.transports.get('consumer') as Transport
  const publish = transport.publish.bind(transport)
  let lost = 0
  transport.publish = (subject, bytes, replyTo) => {
    if (isPoll(subject) && started() && lost++ === 0) return true
    return publish(subject, bytes, replyTo)
  }
  await cluster.time.until(() => watcher.ended(), 'the end', 30_000)
  t.is(watcher.shown(), 30)
})

test('a consumer that is aborted ends at once, however slow its rate', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  await fill(cluster, cluster.cache('a'), 10)
  const watcher = watch(cluster, cluster.cache('a'), { ratePerSecond: 0.01 })
  await cluster.time.until(() => watcher.shown() === 1, 'the first record')
  await cluster.time.advance(100)
  await watcher.stop()
  t.is(watcher.shown(), 1)
})

test('leaving the loop releases timers and subscriptions', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 10)
  await cluster.time.advance(1000)
  const before = cluster.time.pending('consumer')
  const delivered = async (): Promise<number> => {
    const start = cluster.network.counters.delivered
    await cluster.time.wait(cluster.cache('a').put('k1', { n: cluster.time.nowMs }))
    await cluster.time.advance(50)
    return cluster.network.counters.delivered - start
  }
  const quiet = await delivered()
  const once = (async () => {
    for await (const { changes } of client.consume({ group: 'g' })) return changes.length
    return 0
  })()
  t.true(await cluster.time.wait(once) > 0)
  const thrown = (async () => {
    for await (const batch of client.consume({ group: 'g' })) {
      throw new Error(`${batch.changes.length} were too many`)
    }
  })()
  await t.throwsAsync(cluster.time.wait(thrown), { message: /too many/ })
  await cluster.time.advance(2000)
  t.true(cluster.time.pending('consumer') <= before)
  t.is(await delivered(), quiet)
})

test('a consumer ends when its node or client is closed, and leaves nothing behind', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 10)
  for (const [name, cache] of [['consumer', client], ['b', cluster.cache('b')]] as const) {
    const watcher = watch(cluster, cache, { group: name })
    await cluster.time.until(() => watcher.seen.size === 10, 'all records')
    await cluster.close(name)
    await cluster.time.until(() => watcher.ended(), `the consumer at ${name} to end`, 5000)
    await cluster.time.advance(200)
    t.is(cluster.time.pending(name), 0)
  }
})

test('a consumer that starts while its node is unreachable asks another one', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2 })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 50)
  cluster.kill('b')
  const watcher = watch(cluster, client)
  await cluster.time.until(() => watcher.seen.size === 50 || watcher.ended(), 'all records')
  t.false(watcher.ended())
  t.is(watcher.seen.size, 50)
  await watcher.stop()
})

test('ten consumers leave nothing behind on a node (SPEC C7)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.client('consumer')
  await fill(cluster, cluster.cache('a'), 10)
  await cluster.time.advance(1000)
  const before = cluster.time.pending('a')
  const watchers = Array.from({ length: 10 }, (_, i) => watch(cluster, client, { group: `g${i}` }))
  await cluster.time.until(
    () => watchers.every(({ seen }) => seen.size === 10),
    'all records at all consumers'
  )
  await cluster.time.advance(1000)
  t.true(cluster.time.pending('a') <= before)
  t.is(cluster.node('a').status().caches[CACHE]?.records, 10)
  for (const watcher of watchers) await watcher.stop()
})

test('options that cannot work are refused by the call itself (SPEC B3)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  for (
    const wrong of [{ ratePerSecond: 0 }, { ratePerSecond: -1 }, { ratePerSecond: NaN }, {
      batchSize: 0
    }, { batchSize: 1.5 }, { batchSize: 1e9 }, { stopWhenIdleMs: NaN }, { stopWhenIdleMs: -1 }, {
      group: ''
    }, { group: 7 as unknown as string }]
  ) {
    t.throws(() => cluster.cache('a').consume({ group: 'g', ...wrong }), {
      code: 'CONFIG_INVALID',
      message: new RegExp(`^${Object.keys(wrong)[0]} must .*${Object.values(wrong)[0]}`)
    })
  }
})
