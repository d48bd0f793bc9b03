/**
 * Loops that need nothing from outside, on a real node: timers and messages get their turns all the
 * same. Each loop runs until the others had theirs, and fails after so many rounds that they never
 * would; it never looks at the time.
 */
import test, { type ExecutionContext } from 'ava'
import { openNode, type MillpondEvent, type MillpondNode, type NodeConfig } from '../../index.js'
import { StoreError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import { intervals } from '../../engine/timing.js'
import { systemPorts } from '../../node/system-ports.js'
import { InProcessNetwork } from '../../replication/transport/in-process/network.js'
import type { Transport } from '../../replication/transport/transport.js'
import type { Store } from '../../storage/store.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'

const SHAPE = { shards: 16, groups: 8, replicas: 1 }
const TIMING = {
  joinWaitMs: 1,
  heartbeatMs: 20,
  failureTimeoutMs: 400,
  flushIntervalMs: 2,
  storeIntervalMs: 5
}
/** A loop that keeps the event loop makes so many rounds in seconds. */
const IN_VAIN = 3_000_000
/** The same of rounds that read thousands of records each. */
const READS_IN_VAIN = 30_000

interface Watched {
  readonly node: MillpondNode
  readonly disk: MemoryDisk
  /** Messages sent and commits stored so far. */
  readonly counts: { beats: number, deltas: number, commits: number }
}

async function watched (
  t: ExecutionContext,
  disk = new MemoryDisk(),
  openStore: () => Store = () => disk.open(),
  sent: string[] = []
): Promise<Watched> {
  const counts = { beats: 0, deltas: 0, commits: 0 }
  const inner = new InProcessNetwork({ limits, ...systemPorts })
  const network = {
    connect: (name: string): Transport => {
      const transport = inner.connect(name)
      const publish = transport.publish.bind(transport)
      transport.publish = (subject, bytes, replyTo) => {
        sent.push(subject)
        if (subject.includes('.hb.')) counts.beats++
        if (subject.includes('.d.')) counts.deltas++
        return publish(subject, bytes, replyTo)
      }
      return transport
    }
  }
  const config: NodeConfig = {
    cluster: 'turns',
    name: 'a',
    caches: { c: { ...SHAPE, indexes: { i: 'range' } } },
    timing: TIMING
  }
  const node = await openNode(config, {
    network,
    openStore,
    onEvent: ({ type }: MillpondEvent) => {
      if (type === 'store-committed') counts.commits++
    }
  })
  t.teardown(() => node.close().catch(() => {})) // its disk may have gone
  return { node, disk, counts }
}

test('awaited puts let flushes, commits and heartbeats have their turns (SPEC B6, S7)', async t => {
  const { node, counts } = await watched(t)
  const cache = node.cache('c')
  const before = { ...counts }
  const had = () =>
    counts.beats - before.beats >= 3 && counts.deltas - before.deltas >= 3 &&
    counts.commits - before.commits >= 3
  let puts = 0
  for (; puts < IN_VAIN && !had(); puts++) await cache.put(`k${puts % 100}`, { puts })
  t.true(had(), `${puts} puts, ${JSON.stringify(counts)}`)
})

for (
  const [title, round] of [
    ['awaited gets', async node => {
      for (let i = 0; i < 100; i++) await node.cache('c').get(`k${i}`)
    }],
    ['getMany', async node => {
      await node.cache('c').getMany(['k1', 'k2', 'k3'])
    }],
    ['scans', async node => {
      for await (const { key } of node.cache('c').scan()) key.trim()
    }],
    ['queries', async node => {
      for await (const { key } of node.cache('c').query({ i: { gte: 0 } })) key.trim()
    }],
    ['consumers', async node => {
      for await (const _ of node.cache('c').consume({ group: 'g', stopWhenIdleMs: 1e-9 })) return
    }]
  ] as ReadonlyArray<readonly [string, (node: MillpondNode) => Promise<void>]>
) {
  test(`${title} in a loop let heartbeats have their turns (SPEC B6)`, async t => {
    const { node, counts } = await watched(t)
    const writes = Array.from({ length: 2000 }, (_, i) => node.cache('c').put(`k${i}`, { i }))
    await Promise.all(writes)
    const { beats } = counts
    let rounds = 0
    for (; rounds < READS_IN_VAIN && counts.beats - beats < 3; rounds++) await round(node)
    t.true(counts.beats - beats >= 3, `${rounds} rounds`)
  })
}

test('a process killed in a loop of awaited puts loses only the last ones (SPEC S7)', async t => {
  const { node, disk, counts } = await watched(t)
  const { commits } = counts
  let lastStored = -1
  for (let i = 0; i < IN_VAIN && counts.commits - commits < 5; i++) {
    await node.cache('c').put('k', { i })
    lastStored = i
  }
  disk.crash()
  const again = await watched(t, disk)
  const found = (await again.node.cache('c').get('k'))?.['i']
  t.true(Number(found) > 0 && Number(found) <= lastStored, `${String(found)} of ${lastStored}`)
})

/** A disk whose shards take longer to read than a turn may last. */
function slowDisk (disk: MemoryDisk, atEnd: () => void): () => Store {
  return () => {
    const store = disk.open()
    const shards = store.shards.bind(store)
    store.shards = function* () {
      for (const shard of shards()) {
        const endMs = performance.now() + intervals.turnBudgetMs + 1
        while (performance.now() < endMs) { /* reads */ }
        yield shard
      }
      atEnd()
    }
    return store
  }
}

test(
  'a node that reads its store back gives way, and takes no part before the end (B6, S6)',
  async t => {
    const { node, disk } = await watched(t)
    const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
    await Promise.all(keys.map(key => node.cache('c').put(key, { key }, { ack: 'durable' })))
    await node.close()
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns++
      if (!isOver) setImmediate(count)
    }
    count()
    const failing = slowDisk(disk, () => {
      throw new StoreError('it ends too soon')
    })
    const sent: string[] = []
    await t.throwsAsync(watched(t, disk, failing, sent), { code: 'STORE' })
    isOver = true
    t.true(turns > SHAPE.shards / 2, `${turns} turns`)
    t.deepEqual(sent.filter(subject => !subject.endsWith('.hello')), [])
    const again = await watched(t, disk, slowDisk(disk, () => {}))
    const records = await again.node.cache('c').getMany(keys)
    t.deepEqual(records, keys.map(key => ({ key })))
  }
)
