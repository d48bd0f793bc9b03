/** One object says where keys live, and agrees with the arithmetic that stored data relies on. */
import test from 'ava'
import { groupOf, shardOf } from '../../../engine/topology/routing.js'
import { Topology } from '../../../engine/topology/topology.js'

test('a key has the shard and the placement group it always had (SPEC E13)', t => {
  const topology = new Topology({ shards: 1024, groups: 64 })
  for (const key of ['a', 'product:1', 'user:{42}:cart', 'größe', '🛒']) {
    const shard = shardOf(key, 1024)
    t.is(topology.shardOf(key), shard)
    t.is(topology.groupOf(shard), groupOf(shard, 64))
    t.is(topology.groupOfKey(key), groupOf(shard, 64))
  }
})

test('every shard is listed once, and once under the placement group it is in', t => {
  for (const [shards, groups] of [[1, 1], [10, 3], [64, 64], [7, 2]] as const) {
    const topology = new Topology({ shards, groups })
    const all = [...topology.allShards()]
    t.is(all.length, shards)
    t.is([...topology.allGroups()].length, groups)
    t.deepEqual(
      [...topology.allGroups()].flatMap(group => topology.shardsOf(group)).sort(
        (a, b) => a - b
      ),
      all
    )
    for (const group of topology.allGroups()) {
      for (const shard of topology.shardsOf(group)) t.is(topology.groupOf(shard), group)
    }
  }
})

test('numbers that name no shard or placement group are in none', t => {
  const topology = new Topology({ shards: 10, groups: 3 })
  for (const shard of [0, 9]) t.true(topology.includes(shard))
  for (const shard of [-1, 10, 1.5, NaN]) t.false(topology.includes(shard))
  for (const group of [-1, 3, 1.5, NaN]) {
    t.false(topology.includesGroup(group))
    t.deepEqual(topology.shardsOf(group), [])
  }
})
