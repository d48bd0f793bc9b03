/** Positions: what is dirty, in which order it is read, and how digests find what hints missed. */
import test from 'ava'
import { encodeCursor } from '../../../engine/cursor.js'
import { digestOf } from '../../../engine/base/state-vector.js'
import { limits } from '../../../engine/limits.js'
import { Topology } from '../../../engine/topology/topology.js'
import { Positions } from '../../../pubsub/consumer/positions.js'

const TOPOLOGY = new Topology({ shards: 8, groups: 4 })

const cursorAt = (shard: number, clock: number): Uint8Array => {
  const seen = new Map([[9, clock]])
  return encodeCursor({
    shard,
    generation: 0,
    seen,
    witness: seen,
    floor: new Map(),
    retired: new Map()
  })
}

test('shards are read in the order they became dirty, each once', t => {
  const positions = new Positions(TOPOLOGY, limits)
  for (const shard of [5, 2, 7, 2, 5, 99]) positions.markDirty(shard)
  t.deepEqual([...positions.dirty()], [5, 2, 7])
  positions.markClean(5)
  positions.markDirty(5)
  t.deepEqual([...positions.dirty()], [2, 7, 5])
  positions.markClean(5)
  positions.markClean(5)
  t.deepEqual([...positions.dirty()], [2, 7])
  for (const shard of [2, 7]) positions.markClean(shard)
  t.true(positions.isClean)
})

test('the digest tells which shards of a group hold something that was not read', t => {
  const positions = new Positions(TOPOLOGY, limits)
  t.deepEqual(positions.shardsOf(1), [1, 5])
  positions.moveTo(1, cursorAt(1, 3))
  const digests = [digestOf(new Map([[9, 3]])), digestOf(new Map())]
  t.deepEqual(positions.differing(1, digests), [])
  t.deepEqual(positions.differing(1, [digestOf(new Map([[9, 4]])), digests[1] as string]), [1])
  t.not(positions.root(1), positions.root(2))
})

test('starting over forgets what was read, in a new generation', t => {
  const positions = new Positions(TOPOLOGY, limits)
  const before = positions.root(1)
  positions.moveTo(1, cursorAt(1, 3))
  positions.startOver(1)
  t.is(positions.root(1), before)
  t.deepEqual(
    positions.cursor(1),
    encodeCursor({
      shard: 1,
      generation: 1,
      seen: new Map(),
      witness: new Map(),
      floor: new Map(),
      retired: new Map()
    })
  )
})
