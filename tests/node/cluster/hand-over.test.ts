/**
 * Groups that change hands: nodes join, leave and die while writers write and readers read. Two
 * things must hold at every moment: a record that was acknowledged by all its replicas can be read,
 * and the last copy of a group is never given up.
 */
import test, { type ExecutionContext } from 'ava'
import type { Cache } from '../../../node/cache/cache.js'
import { CACHE, startCluster, type Cluster } from '../../support/cluster.js'

const RECORDS = 120

async function fill (cluster: Cluster, cache: Cache): Promise<void> {
  await cluster.time.wait(
    Promise.all(
      Array.from(
        { length: RECORDS },
        (_, i) => cache.put(`k${i}`, { n: i, round: 0 }, { ack: 'all' })
      )
    ),
    'the first records'
  )
}

/** Reads one record after the other, from every node and client in turn, until told to stop. */
function keepReading (
  cluster: Cluster,
  extra: readonly Cache[] = []
): { readonly problems: string[], readonly reads: () => number, stop: () => Promise<void> } {
  const problems: string[] = []
  let running = true
  let reads = 0
  const loop = async (): Promise<void> => {
    while (running) {
      const readers: Array<readonly [string, Cache]> = [
        ...[...cluster.nodes.keys()].map(name => [name, cluster.cache(name)] as const),
        ...extra.map(cache => ['client', cache] as const)
      ]
      const [name, cache] = readers[reads % readers.length] as readonly [string, Cache]
      const key = `k${(reads * 7) % RECORDS}`
      try {
        if (await cache.get(key) === undefined) {
          problems.push(`${name} missed ${key} at ${cluster.time.nowMs}`)
        }
      } catch (error) {
        if (cluster.nodes.has(name) || name === 'client') {
          problems.push(`${name} could not read ${key} at ${cluster.time.nowMs}: ${String(error)}`)
        }
      }
      reads++
      await new Promise<void>(resolve => {
        cluster.time.ports('reader').timers.after(2, resolve)
      })
    }
  }
  const reading = loop()
  return {
    problems,
    reads: () => reads,
    async stop () {
      running = false
      await cluster.time.wait(reading, 'the last read')
    }
  }
}

/** Looks at every phase change: a placement group that no node holds any more was lost. */
function watchForLoss (cluster: Cluster): () => void {
  return () => {
    for (let group = 0; group < 8; group++) {
      if (cluster.holders(group).length === 0) {
        throw new Error(`nobody holds group ${group} at ${cluster.time.nowMs}`)
      }
    }
  }
}

async function assertComplete (t: ExecutionContext, cluster: Cluster, cache: Cache): Promise<void> {
  const records = await cluster.scan(cache)
  t.deepEqual(
    Array.from({ length: RECORDS }, (_, i) => `k${i}`).filter(key => !records.has(key)),
    []
  )
}

test('while nodes join, every record can be read from everywhere at every moment', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  const client = await cluster.client('reader')
  await fill(cluster, cluster.cache('a'))
  const reading = keepReading(cluster, [client])
  for (const name of ['c', 'd', 'e']) {
    await cluster.startNode(name)
    await cluster.untilSettled()
  }
  await reading.stop()
  t.deepEqual(reading.problems.slice(0, 5), [])
  t.true(reading.reads() > 100)
  await assertComplete(t, cluster, cluster.cache('e'))
  t.true(
    cluster.eventsOf('group-phase').some(event =>
      event.type === 'group-phase' && event.phase === 'dropped'
    )
  )
})

test('while nodes leave with a goodbye, every record can be read at every moment', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c', 'd'], { replicas: 2 })
  const client = await cluster.client('reader')
  await fill(cluster, cluster.cache('a'))
  const reading = keepReading(cluster, [client])
  for (const name of ['b', 'd']) {
    await cluster.close(name)
    await cluster.untilSettled()
    await cluster.time.advance(600) // the others know it a heartbeat later
  }
  await reading.stop()
  t.deepEqual(reading.problems.slice(0, 5), [])
  await assertComplete(t, cluster, cluster.cache('a'))
})

// A node that took a group up, and had not heard yet who else holds it since the last change, took
// itself for the first and answered that there was nothing.
test('nodes leaving in succession may delay a read, but none answers with nothing', async t => {
  for (const seed of [1, 2, 3, 4]) {
    const cluster = await startCluster(t, ['a', 'b', 'c', 'd'], { replicas: 2, seed })
    const client = await cluster.client('reader')
    await fill(cluster, cluster.cache('a'))
    const reading = keepReading(cluster, [client])
    for (const name of ['b', 'd']) {
      await cluster.close(name)
      await cluster.untilSettled()
    }
    await cluster.time.advance(1000)
    await reading.stop()
    t.deepEqual(reading.problems.filter(problem => problem.includes('missed')), [])
    await assertComplete(t, cluster, cluster.cache('a'))
    await cluster.close('a')
    await cluster.close('c')
    await cluster.close('reader')
  }
})

test('a node gives up a group only after all its owners hold all of it (SPEC R7)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2, shards: 16, groups: 8 })
  await fill(cluster, cluster.cache('a'))
  const opening = cluster.startNode('c')
  let writes = 0
  let checked = 0
  const drops: string[] = []
  const seen = new Set<unknown>()
  await cluster.time.until(async () => {
    if (cluster.time.nowMs % 7 < 1) {
      cluster.cache('a').put(`w${writes % 40}`, { n: writes++ }).catch(() => {})
    }
    for (const entry of cluster.events) {
      if (
        seen.has(entry) || entry.event.type !== 'group-phase' || entry.event.phase !== 'dropped'
      ) continue
      seen.add(entry)
      const { group } = entry.event
      checked++
      const holders = [...cluster.nodes].filter(([name, node]) =>
        name !== entry.node &&
        node.status().caches[CACHE]?.held.some(held =>
            held.group === group && held.phase === 'ready'
          ) === true
      )
      if (holders.length < 2) {
        drops.push(
          `${entry.node} dropped group ${group}, held ready by ${
            holders.map(([name]) => name).join()
          }`
        )
      }
    }
    return cluster.nodes.has('c') && cluster.settled
  }, 'the hand-over')
  await opening
  t.true(checked > 0)
  t.deepEqual(drops, [])
  await assertComplete(t, cluster, cluster.cache('c'))
})

test('a group that left a node and comes back to it is complete there (SPEC R7)', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  await fill(cluster, cluster.cache('a'))
  for (let round = 0; round < 3; round++) {
    await cluster.startNode('c')
    await cluster.untilSettled()
    for (let i = 0; i < RECORDS; i += 3) {
      await cluster.time.wait(cluster.cache('abc'[i % 3] as string).put(`k${i}`, { round }))
    }
    await cluster.close('c')
    await cluster.untilSettled()
    for (const name of ['a', 'b']) {
      const records = await cluster.scan(cluster.cache(name), name)
      t.is(records.size, RECORDS, `${name} in round ${round}`)
      t.is(records.get('k3')?.['round'], round)
      t.is(records.get('k3')?.['n'], 3)
    }
  }
})

test('with one replica, records move to a node that joins, and are never nowhere', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  await fill(cluster, cluster.cache('a'))
  const assertHeld = watchForLoss(cluster)
  const reading = keepReading(cluster)
  for (const name of ['b', 'c']) {
    const opening = cluster.startNode(name)
    await cluster.time.until(() => {
      assertHeld()
      return cluster.nodes.has(name) && cluster.settled
    }, `the hand-over to ${name}`)
    await opening
  }
  await reading.stop()
  t.deepEqual(reading.problems.slice(0, 5), [])
  await assertComplete(t, cluster, cluster.cache('a'))
})

test('a node that dies in the middle of a hand-over costs nothing', async t => {
  for (let deadAfterMs = 10; deadAfterMs < 900; deadAfterMs += 97) {
    const cluster = await startCluster(t, ['a', 'b'], {
      replicas: 2,
      timing: { heartbeatMs: 100, failureTimeoutMs: 400, joinWaitMs: 120 }
    })
    await fill(cluster, cluster.cache('a'))
    const opening = cluster.startNode('c')
    await cluster.time.advance(deadAfterMs)
    await cluster.time.until(() => cluster.nodes.has('c'), 'c')
    await opening
    const victim = deadAfterMs % 2 === 0 ? 'c' : 'b'
    await cluster.time.advance(deadAfterMs % 41)
    cluster.kill(victim)
    await cluster.untilSettled()
    await assertComplete(t, cluster, cluster.cache('a'))
    for (const name of [...cluster.nodes.keys()]) await cluster.close(name)
  }
})

test('writes during a hand-over all arrive, wherever they enter', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 2 })
  const client = await cluster.client('writer')
  const written: Array<Promise<void>> = []
  const writers =
    (): Cache[] => [client, ...[...cluster.nodes.keys()].map(name => cluster.cache(name))]
  const write = (): void => {
    const all = writers()
    const i = written.length
    written.push((all[i % all.length] as Cache).put(`k${i}`, { n: i }))
  }
  for (const name of ['c', 'd']) {
    const opening = cluster.startNode(name)
    await cluster.time.until(() => {
      if (written.length < 2000) write()
      return cluster.nodes.has(name) && cluster.settled
    }, `${name} to settle`)
    await opening
  }
  await cluster.time.wait(Promise.all(written))
  await cluster.untilSettled()
  const records = await cluster.scan(client)
  t.deepEqual(written.map((_, i) => `k${i}`).filter(key => !records.has(key)), [])
})
