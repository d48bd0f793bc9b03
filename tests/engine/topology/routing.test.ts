import test from 'ava'
import { hash32 } from '../../../engine/base/hash.js'
import { groupOf, routingPart, shardOf, shardsOfGroup } from '../../../engine/topology/routing.js'

test('keys land where they always have: the values are part of the stored format (SPEC E13)', t => {
  t.deepEqual(['', 'a', 'product:1', 'größe', '🛒'].map(key => hash32(key)), [46947589, 1426945110,
    1631928734, 2864935639, 284880358])
  t.deepEqual(['a', 'product:1', 'user:{42}:cart', 'größe', '🛒'].map(key => shardOf(key, 1024)), [
    86,
    414,
    411,
    727,
    486
  ])
})

test('only what stands between the first braces decides, if there is anything', t => {
  t.is(routingPart('user:{42}:cart'), '42')
  t.is(routingPart('{42}'), '42')
  t.is(routingPart('{a}{b}'), 'a')
  t.is(routingPart('x{a{b}c'), 'a{b')
  for (const whole of ['plain', '{}', '{}{a}', 'a{', 'a}b{', '}{', '{open']) {
    t.is(routingPart(whole), whole)
  }
})

test('keys with the same tag share a shard (SPEC E13)', t => {
  for (let i = 0; i < 100; i++) t.is(shardOf(`order:{c7}:${i}`, 64), shardOf('{c7}', 64))
})

test('keys spread evenly', t => {
  const counts = new Uint32Array(16)
  for (let i = 0; i < 16_000; i++) {
    const shard = shardOf(`key-${i}`, 16)
    counts[shard] = (counts[shard] as number) + 1
  }
  for (const count of counts) t.true(count > 850 && count < 1150, `${count} of about 1000`)
})

test('every shard belongs to exactly one placement group', t => {
  for (const [shards, groups] of [[1, 1], [10, 3], [64, 64], [7, 2]] as const) {
    const all = Array.from({ length: groups }, (_, group) => shardsOfGroup(group, shards, groups))
    t.deepEqual(all.flat().sort((a, b) => a - b), Array.from({ length: shards }, (_, i) => i))
    all.forEach((members, group) => {
      for (const shard of members) t.is(groupOf(shard, groups), group)
    })
  }
})
