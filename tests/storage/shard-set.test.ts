/**
 * The shards of one node: what is published, what is stored and read back, digests, and what
 * becomes of a group that is given up and taken back.
 */
import test from 'ava'
import { LogError } from '../../engine/errors.js'
import { Topology } from '../../engine/topology/topology.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'
import type { Store } from '../../storage/store.js'
import { openShardSet } from '../support/open-shard-set.js'

const SHARDS = 8
const GROUPS = 4
const TOPOLOGY = new Topology({ shards: SHARDS, groups: GROUPS })

function open (incarnation: number, store?: Store) {
  const opened = openShardSet(incarnation, {
    shards: SHARDS,
    groups: GROUPS,
    ...store === undefined ? {} : { store }
  })
  const put = (key: string, value: number | null) =>
    opened.put(key, value === null ? null : { value })
  return {
    ...opened,
    get asked () {
      return opened.asked
    },
    put
  }
}

const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)

test('a write asks for a flush once, and the flush hands out its deltas', t => {
  const a = open(1)
  for (const key of keys) a.put(key, 1)
  t.is(a.asked, 1)
  t.deepEqual(a.deltas, [])
  a.shards.flush()
  t.is(a.deltas.length, SHARDS)
  a.put('k1', 2)
  t.is(a.asked, 2)
})

test('equal roots mean equal records, buffered writes included', t => {
  const [a, b] = [open(1), open(2)]
  for (const key of keys) a.put(key, 1)
  t.not(a.shards.root(0), b.shards.root(0))
  a.shards.flush()
  a.deliverTo(b.shards)
  for (let group = 0; group < GROUPS; group++) t.is(a.shards.root(group), b.shards.root(group))
  a.put('k1', 2)
  const group = TOPOLOGY.groupOfKey('k1')
  t.not(a.shards.root(group), b.shards.root(group))
  b.put('k2', 3)
  t.not(
    b.shards.root(TOPOLOGY.groupOfKey('k2')),
    a.shards.root(TOPOLOGY.groupOfKey('k2'))
  )
})

test('written and merged records are read back, with their digests', async t => {
  const disk = new MemoryDisk()
  const [a, b] = [open(1, disk.open()), open(2)]
  for (const key of keys) (key.endsWith('1') ? b : a).put(key, 1)
  a.put('k5', null)
  a.shards.flush()
  b.shards.flush()
  b.deliverTo(a.shards)
  const roots = Array.from({ length: GROUPS }, (_, group) => a.shards.root(group))
  await a.close()
  const again = open(3, disk.open())
  t.is(again.shards.load(again.store).length, SHARDS)
  t.deepEqual(Array.from({ length: GROUPS }, (_, group) => again.shards.root(group)), roots)
  t.is(again.get('k5'), undefined)
  t.deepEqual(again.get('k11'), { value: 1 })
  t.deepEqual(again.events, [])
})

test('a dropped group is gone from memory and disk, and the others stay', async t => {
  const disk = new MemoryDisk()
  const a = open(1, disk.open())
  for (const key of keys) a.put(key, 1)
  a.shards.flush()
  a.shards.drop(1)
  await a.close()
  const again = open(2, disk.open())
  t.deepEqual(again.shards.load(again.store), [0, 2, 3, 4, 6, 7])
})

// Dots are handed out once. A group that was given up and taken back started its log over under the
// same incarnation: its new writes passed for old ones at the peers, and what the peers gave back
// was refused as its own.
test('a group dropped and taken back gets back its own old writes, and its new ones count', t => {
  const [a, b] = [open(1), open(2)]
  for (const key of keys) a.put(key, 1)
  a.shards.flush()
  a.deliverTo(b.shards)
  for (let group = 0; group < GROUPS; group++) a.shards.drop(group)
  a.put('new', 2)
  a.shards.flush()
  a.deliverTo(b.shards)
  t.deepEqual(b.get('new'), { value: 2 })
  for (let shard = 0; shard < SHARDS; shard++) a.shards.merge(shard, b.shards.open(shard).encode())
  for (const key of [...keys, 'new']) t.deepEqual(a.get(key), b.get(key), key)
  t.deepEqual(a.events, [])
  for (let group = 0; group < GROUPS; group++) t.is(a.shards.root(group), b.shards.root(group))
})

test('a shard whose log fails is stored anew once the log takes entries again', async t => {
  const a = open(1)
  const shard = TOPOLOGY.shardOf('k0')
  const resident = a.shards.open(shard)
  const encode = resident.encode.bind(resident)
  resident.encode = () => {
    throw new LogError('planned', undefined)
  }
  a.put('k0', 1)
  a.shards.flush()
  for (let i = 0; !a.persister.wantsSnapshot(shard); i++) {
    a.put('k0', i)
    a.shards.flush()
  }
  a.put('k1', 1)
  t.notThrows(() => a.shards.flush())
  t.true(a.persister.wantsSnapshot(shard))
  resident.encode = encode
  a.shards.flush()
  t.false(a.persister.wantsSnapshot(shard))
  await a.close()
})

test('an update that is refused is not stored', async t => {
  const disk = new MemoryDisk()
  const a = open(1, disk.open())
  t.is(a.shards.merge(0, Uint8Array.of(9, 9, 9)).outcome, 'refused')
  await a.time.wait(a.persister.close())
  t.deepEqual([...a.store.shards()], [])
  t.deepEqual(a.events.map(({ type }) => type), ['update-refused'])
})

test('a damaged cursor is reported and left out', t => {
  const a = open(1)
  a.shards.cursors.merge(0, 'etl', Uint8Array.of(1, 2, 3))
  t.is(a.shards.cursors.get(0, 'etl'), undefined)
  t.deepEqual(a.events.map(({ type }) => type), ['update-refused'])
})

test('reading back queues nothing: the store has it all, cursors too (SPEC S6)', async t => {
  const disk = new MemoryDisk()
  const a = open(1, disk.open())
  a.put('k1', 1)
  a.shards.flush()
  const shard = TOPOLOGY.shardOf('k1')
  const seen = a.shards.known(shard)
  a.shards.cursors.commit('g', {
    shard,
    generation: 0,
    seen,
    witness: seen,
    floor: new Map(),
    retired: new Map()
  })
  const committed = a.shards.cursorRoot(TOPOLOGY.groupOf(shard))
  await a.close()
  const again = open(2, disk.open())
  const empty = again.shards.cursorRoot(TOPOLOGY.groupOf(shard))
  t.not(empty, committed)
  again.shards.load(again.store)
  t.is(again.persister.unstoredBytes, 0)
  t.is(again.shards.cursorRoot(TOPOLOGY.groupOf(shard)), committed)
})
