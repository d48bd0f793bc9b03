/**
 * The indexes of the shards one node holds: read back with them, given up with them, and never kept
 * where none is declared.
 */
import { limits } from '../../engine/limits.js'
import test from 'ava'
import { parseWhere, type IndexDeclaration, type Where } from '../../engine/query/query.js'
import { Topology } from '../../engine/topology/topology.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'
import { openShardSet } from '../support/open-shard-set.js'

const SHARDS = 8
const GROUPS = 4
const TOPOLOGY = new Topology({ shards: SHARDS, groups: GROUPS })
const DECLARED: IndexDeclaration = { country: 'equality', price: 'range' }

function open (incarnation: number, disk: MemoryDisk, indexes?: IndexDeclaration) {
  const opened = openShardSet(incarnation, {
    shards: SHARDS,
    groups: GROUPS,
    store: disk.open(),
    ...indexes === undefined ? {} : { indexes }
  })
  const { shards } = opened
  shards.load(opened.store)
  return {
    ...opened,
    put: (key: string, price: number | null) =>
      opened.put(key, price === null ? null : { price, country: 'France' }),
    find: (where: Where): string[] =>
      Array.from(
        { length: SHARDS },
        (_, shard) =>
          shards.indexes.query(shard, parseWhere(where, limits), { limit: 1000 }).records.map((
            { key }
          ) => key)
      ).flat().sort()
  }
}

test('a record that is written, or that a peer sends, can be found at once (SPEC E20)', t => {
  const a = open(1, new MemoryDisk(), DECLARED)
  const b = open(2, new MemoryDisk(), DECLARED)
  for (let i = 0; i < 40; i++) a.put(`k${i}`, i)
  t.deepEqual(a.find({ price: { lt: 3 } }), ['k0', 'k1', 'k2'], 'before it is flushed')
  a.put('k1', null)
  a.put('k2', 50)
  a.shards.flush()
  for (const [shard, delta] of a.deltas) b.shards.merge(shard, delta)
  for (const { find } of [a, b]) {
    t.deepEqual(find({ price: { lt: 3 } }), ['k0'])
    t.deepEqual(find({ country: 'France', price: 50 }), ['k2'])
    t.is(find({ country: 'France' }).length, 39)
  }
})

test('indexes are back after a restart, also ones declared only now (SPEC E20)', async t => {
  const disk = new MemoryDisk()
  const first = open(1, disk)
  for (let i = 0; i < 40; i++) first.put(`k${i}`, i)
  first.put('k0', null)
  await first.close()
  t.deepEqual(open(2, disk, DECLARED).find({ price: { lte: 2 } }), ['k1', 'k2'])
})

test('indexes go with the group, and come back with it', t => {
  const { shards, put, find } = open(1, new MemoryDisk(), DECLARED)
  const shard = TOPOLOGY.shardOf('k')
  put('k', 1)
  shards.drop(TOPOLOGY.groupOf(shard))
  t.is(shards.indexes.of(shard), undefined)
  t.deepEqual(find({ price: 1 }), [])
  put('k', 1)
  t.deepEqual(find({ price: 1 }), ['k'])
})

for (const indexes of [undefined, {}]) {
  const declared = indexes === undefined ? 'nothing' : 'none'
  test(`no index is kept where ${declared} is declared, and a query says so`, t => {
    const { shards, put, find } = open(1, new MemoryDisk(), indexes)
    put('k', 1)
    t.is(shards.indexes.of(TOPOLOGY.shardOf('k')), undefined)
    t.throws(() => find({ price: 1 }), { code: 'NOT_INDEXED', message: /no field is indexed/ })
  })
}

test('a shard that nothing was written to refuses what the others refuse', t => {
  const { find } = open(1, new MemoryDisk(), DECLARED)
  t.deepEqual(find({ price: 1 }), [])
  t.throws(() => find({ stock: 1 }), { code: 'NOT_INDEXED', message: /indexed are country/ })
})
