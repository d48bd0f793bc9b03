/**
 * Whole clusters under seeded faults: first chaos while several nodes write, then peace, and then
 * every replica must hold the same and what the writers wrote last. Time is virtual, so a run is
 * repeated exactly by its seed.
 */
import test, { type ExecutionContext } from 'ava'
import type { Fields } from '../../../engine/base/values.js'
import { NO_FAULTS, type Faults } from '../../../replication/transport/in-process/faults.js'
import { CACHE, startCluster, type Cluster } from '../../support/cluster.js'

const STORM: Partial<Faults> = { loss: 0.2, duplicate: 0.1, reorder: 0.2, delayMs: [0, 8] }

/**
 * The outcome that all writes together must have: per key and field the value with the latest time,
 * and nothing deleted later.
 */
class Expected {
  readonly #fields = new Map<string, Map<string, { at: number, value: number }>>()

  put (key: string, field: string, value: number, at: number): void {
    let fields = this.#fields.get(key)
    if (fields === undefined) {
      this.#fields.set(key, fields = new Map<string, { at: number, value: number }>())
    }
    if (at > (fields.get(field)?.at ?? -1)) fields.set(field, { at, value })
  }

  get records (): Map<string, Fields> {
    return new Map(
      [...this.#fields].map((
        [key, fields]
      ) => [key, Object.fromEntries([...fields].map(([name, { value }]) => [name, value]))])
    )
  }
}

/**
 * Writes from every node with times drawn at random, so that arrival and order of time have nothing
 * to do with each other.
 */
async function writeEverywhere (
  cluster: Cluster,
  expected: Expected,
  writes: number
): Promise<void> {
  const { time } = cluster
  const now = Date.UTC(2024, 0, 1)
  const pick = (n: number): number => time.random.uint32() % n
  for (let i = 0; i < writes; i++) {
    const names = [...cluster.nodes.keys()]
    const name = names[pick(names.length)] as string
    const [key, field, at] = [`k${pick(60)}`, `f${pick(3)}`,
      now - 1_000_000 + pick(900_000) + i / 1e3]
    expected.put(key, field, i, at)
    cluster.cache(name).put(key, { [field]: i }, { at, timeoutMs: 60_000 }).catch(() => {})
    if (pick(4) === 0) await time.advance(pick(12))
  }
}

async function assertConverged (
  t: ExecutionContext,
  cluster: Cluster,
  expected: Map<string, Fields>
): Promise<void> {
  await cluster.untilSettled()
  for (const [name] of cluster.nodes) {
    t.deepEqual(
      differences(await cluster.scan(cluster.cache(name)), expected),
      [],
      `as seen from ${name}`
    )
  }
  for (const [name, node] of cluster.nodes) {
    const own = await cluster.scan(cluster.cache(name), name)
    const held = new Set(node.status().caches[CACHE]?.held.map(({ group }) => group))
    t.is(held.size > 0, own.size > 0)
    for (const [key, fields] of own) t.deepEqual(fields, expected.get(key), `${key} at ${name}`)
  }
}

const textOf = (fields: Fields | undefined): string =>
  fields === undefined
    ? 'nothing'
    : JSON.stringify(Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1))

/** Where two views of the cache disagree, in words. */
function differences (seen: Map<string, Fields>, expected: Map<string, Fields>): string[] {
  return [...new Set([...seen.keys(), ...expected.keys()])].filter(key =>
    textOf(seen.get(key)) !== textOf(expected.get(key))
  )
    .map(key => `${key}: ${textOf(seen.get(key))} instead of ${textOf(expected.get(key))}`)
}

for (const replicas of [2, 3]) {
  const all = `${replicas} replicas`
  test(`${all} converge after loss, duplicates, reordering and delays (SPEC E1, R4)`, async t => {
    const cluster = await startCluster(t, ['a', 'b', 'c', 'd'], { replicas })
    const expected = new Expected()
    cluster.network.setFaults(STORM)
    await writeEverywhere(cluster, expected, 600)
    cluster.network.setFaults(NO_FAULTS)
    await cluster.time.wait(
      Promise.all([...cluster.nodes.keys()].map(name => cluster.cache(name).flush()))
    )
    await assertConverged(t, cluster, expected.records)
    t.deepEqual(cluster.eventsOf('write-failed'), [])
  })
}

test('replicas converge after partitions during writes from both sides', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c', 'd'], { replicas: 2 })
  const expected = new Expected()
  for (let round = 0; round < 4; round++) {
    const names = [...cluster.nodes.keys()].sort(() => cluster.time.random.uint32() % 2 - 0.5)
    cluster.network.partition(
      names.slice(0, 2),
      names.slice(2),
      cluster.time.random.uint32() % 2 === 0 ? 'both' : 'one-way'
    )
    await writeEverywhere(cluster, expected, 150)
    // long enough for each side to think the other dead
    if (round % 2 === 0) await cluster.time.advance(5000)
    cluster.network.heal()
    await writeEverywhere(cluster, expected, 50)
  }
  await cluster.time.wait(
    Promise.all([...cluster.nodes.keys()].map(name => cluster.cache(name).flush()))
  )
  await assertConverged(t, cluster, expected.records)
  t.deepEqual(cluster.eventsOf('write-failed'), [])
})

test('nodes that come and go in the storm lose nothing that two replicas held', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2 })
  const expected = new Expected()
  for (let round = 0; round < 6; round++) {
    cluster.network.setFaults({ ...STORM, loss: 0.05 })
    await writeEverywhere(cluster, expected, 80)
    cluster.network.setFaults(NO_FAULTS)
    await cluster.time.wait(
      Promise.all([...cluster.nodes.keys()].map(name => cluster.cache(name).flush()))
    )
    await cluster.untilSettled()
    const name = `n${round % 2}`
    if (cluster.nodes.has(name)) await cluster.close(name)
    else await cluster.startNode(name)
  }
  await assertConverged(t, cluster, expected.records)
})

test('a node whose disk lost its tail catches up, and its replicated writes live on', async t => {
  const cluster = await startCluster(t, ['a', 'b'], {
    replicas: 2,
    timing: { storeIntervalMs: 1000 }
  })
  for (let i = 0; i < 100; i++) await cluster.time.wait(cluster.cache('a').put(`k${i}`, { n: i }))
  await cluster.time.wait(cluster.cache('a').put('durable', { n: 1 }, { ack: 'durable' }))
  for (let i = 100; i < 200; i++) {
    await cluster.time.wait(cluster.cache('a').put(`k${i % 150}`, { n: i }))
  }
  await cluster.time.advance(50) // published, and not stored yet
  cluster.kill('a')
  for (let i = 200; i < 250; i++) {
    await cluster.time.wait(cluster.cache('b').put(`k${i % 150}`, { n: i }))
  }
  await cluster.startNode('a')
  await cluster.untilSettled()
  const records = await cluster.scan(cluster.cache('a'), 'a')
  t.is(records.size, 151)
  t.deepEqual(records.get('k149'), { n: 149 })
  t.deepEqual(records.get('k99'), { n: 249 })
  t.deepEqual(differences(records, await cluster.scan(cluster.cache('b'), 'b')), [])
})

test('a cluster that is killed and started again serves what its disks had', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 2 })
  for (let i = 0; i < 200; i++) {
    await cluster.time.wait(cluster.cache('abc'[i % 3] as string).put(`k${i}`, { n: i }))
  }
  await cluster.time.wait(cluster.cache('b').delete('k7'))
  await cluster.time.advance(1000)
  for (const name of ['a', 'b', 'c']) cluster.kill(name)
  await cluster.start('b', 'c', 'a')
  await cluster.untilSettled()
  const records = await cluster.scan(cluster.cache('a'))
  t.is(records.size, 199)
  t.false(records.has('k7'))
})
