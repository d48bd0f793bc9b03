/**
 * The bytes a node leaves on disk for its shards: as many as their live records ask for, whichever
 * node wrote them, and none of a placement group that it gave up (SPEC S3). A node that only merges
 * never flushes by itself, and has to ask for a flush.
 */
import test from 'ava'
import { startOf } from '../../../engine/cursor.js'
import { limits } from '../../../engine/limits.js'
import { MemoryDisk } from '../../../storage/stores/memory-store.js'
import type { ShardSet } from '../../../storage/shard-set.js'
import type { Store } from '../../../storage/store.js'
import { openShardSet } from '../../support/open-shard-set.js'

const SHARDS = 16

const open = (incarnation: number, store?: Store) =>
  openShardSet(incarnation, { shards: SHARDS, ...store === undefined ? {} : { store } })

/**
 * Writes the keys more often than a store takes deltas, and has another node merge every single
 * one.
 */
function overwhelm (from: ReturnType<typeof open>, to: ShardSet, keys: readonly string[]): void {
  for (let value = 0; value <= limits.maxStoredDeltas; value++) {
    for (const key of keys) from.put(key, { value })
    from.shards.flush()
    from.deliverTo(to)
  }
}

test('a dropped group takes along the cursors of shards that hold nothing (SPEC S3)', async t => {
  const disk = new MemoryDisk()
  const a = open(1, disk.open())
  a.shards.cursors.commit('etl', startOf(1))
  a.shards.cursors.commit('etl', startOf(2))
  await a.time.wait(a.persister.synced())
  a.shards.drop(1)
  await a.time.wait(a.persister.close())
  t.deepEqual([...a.store.shards()].map(({ shard }) => shard), [2])
})

// Only flushes of own writes folded: the store of a node that merely merged grew with every write
// of the others.
test('a node that only merges asks for a flush to fold deltas in a snapshot (SPEC S3)', async t => {
  const [a, b] = [open(1), open(2)]
  overwhelm(a, b.shards, ['k'])
  t.is(b.asked, 1)
  b.shards.flush()
  t.is(b.asked, 1)
  await b.time.wait(b.persister.close())
  const [stored] = b.store.shards()
  t.not(stored?.snapshot, null)
  t.deepEqual(stored?.deltas, [])
})

test('a flush that does not come to fold a shard asks for another flush (SPEC S3)', t => {
  const [a, b] = [open(1), open(2)]
  overwhelm(a, b.shards, Array.from({ length: 40 }, (_, i) => `k${i}`))
  t.true([...b.shards.residents()].length > limits.maxSnapshotsPerFlush)
  let flushes = 0
  while (b.asked > flushes && flushes < 10 * SHARDS) {
    flushes = b.asked
    b.shards.flush()
  }
  for (const { shard } of b.shards.residents()) {
    t.false(b.persister.wantsSnapshot(shard), `shard ${shard}`)
  }
})

test('a store that was left with too many deltas is folded by the next life (SPEC S3)', async t => {
  const disk = new MemoryDisk()
  const [a, b] = [open(1), open(2, disk.open())]
  overwhelm(a, b.shards, ['k'])
  await b.time.wait(b.persister.synced())
  disk.crash()
  const again = open(3, disk.open())
  again.shards.load(again.store)
  t.is(again.asked, 1)
  again.shards.flush()
  await again.time.wait(again.persister.close())
  const [stored] = again.store.shards()
  t.deepEqual(stored?.deltas, [])
  t.deepEqual(again.get('k'), { value: limits.maxStoredDeltas })
})
