/**
 * Properties that hold whatever was written and whichever way it travelled: replicas read what the
 * definition says, and merging is commutative, associative and idempotent, down to the bytes.
 */
import test from 'ava'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import type { StateVector } from '../../engine/base/state-vector.js'
import { assertProperty } from '../support/properties.js'
import { readWire, updateOf } from '../fuzz/wire.js'
import { histories, play } from './histories.js'
import { assertWhole, dump, openSmallChunkedShard, type TestShard } from './shards.js'

const FILE = 'tests/engine/properties.test.ts'
const NOBODY = 0xffffffff

const sure = {
  deepEqual: (a: unknown, b: unknown, what = 'whole') => same(a, b, what),
  is: (a: unknown, b: unknown, what = 'whole') => same(a, b, what)
}

function same (a: unknown, b: unknown, what: string): void {
  if (!isDeepStrictEqual(a, b)) {
    throw new Error(`${what}: ${JSON.stringify(a)} is not ${JSON.stringify(b)}`)
  }
}

function sameShards (a: TestShard, b: TestShard, what: string): void {
  same(dump(a), dump(b), `${what}: records`)
  same(new Map(a.stateVector), new Map(b.stateVector), `${what}: state vectors`)
  same(
    Buffer.from(a.encode()).toString('hex'),
    Buffer.from(b.encode()).toString('hex'),
    `${what}: bytes`
  )
  same(a.digest, b.digest, `${what}: digests`)
}

/**
 * A shard that writes nothing itself and was given these updates, each again and again until it no
 * longer comes too early.
 */
function fed (updates: readonly Uint8Array[]): TestShard {
  const shard = openSmallChunkedShard(NOBODY)
  for (let left = [...updates], before = -1; left.length > 0 && left.length !== before;) {
    before = left.length
    left = left.filter(update => shard.merge(update).outcome === 'gap')
  }
  return shard
}

const copyOf = (shard: TestShard, since?: StateVector): Uint8Array => shard.encode(since).slice()

test('a replica always reads as its entries define, and is whole (SPEC E1, E3, E4, E5, E12)', t => {
  assertProperty(
    t,
    FILE,
    fc.property(histories, history => {
      for (const shard of play(history).shards) assertWhole(sure, shard)
    }),
    400
  )
})

// Two writes of equal version and stamp that meet in a write buffer have no dots yet, and only
// those can order them.
test('a replica reads as defined where two writers share a version and stamp (SPEC E2, E3)', t => {
  assertProperty(
    t,
    FILE,
    fc.property(histories, history => {
      for (const shard of play(history, true).shards) assertWhole(sure, shard)
    }),
    400
  )
})

test('merging is commutative, associative and idempotent (SPEC E1, E2)', t => {
  assertProperty(
    t,
    FILE,
    fc.property(histories, history => {
      const [a, b, c] = play(history).shards.map(shard => copyOf(shard)) as [
        Uint8Array,
        Uint8Array,
        Uint8Array
      ]
      const all = fed([a, b, c])
      for (
        const order of [[a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a], [a, b, a, c, b, c,
          a]]
      ) sameShards(fed(order), all, 'in another order')
      sameShards(fed([fed([a, b]).encode(), c]), all, '(a + b) + c')
      sameShards(fed([a, fed([c, b]).encode()]), all, 'a + (c + b)')
      const before = all.encode()
      for (const update of [a, b, c, before]) {
        same(all.merge(update).outcome, 'known', 'a second time')
      }
      same(all.encode(), before, 'a second time: bytes')
      assertWhole(sure, all)
    }),
    200
  )
})

test('deltas in any order or split, diffs and states end in equal bytes (SPEC E1, E2, E6)', t => {
  const shuffled = histories.chain(history =>
    fc.tuple(fc.constant(history), fc.infiniteStream(fc.nat(1000)).map(stream => stream))
  )
  assertProperty(
    t,
    FILE,
    fc.property(shuffled, ([history, chance]) => {
      const { shards, deltas } = play(history)
      const drawn = (): number => chance.next().value as number
      const mixed = (updates: readonly Uint8Array[]): Uint8Array[] =>
        updates.map(update => ({ update, at: drawn() })).sort((x, y) => x.at - y.at).map((
          { update }
        ) => update)
      const whole = fed(shards.map(shard => shard.encode()))
      sameShards(fed(deltas), whole, 'deltas')
      sameShards(fed(mixed([...deltas, ...deltas])), whole, 'deltas, doubled, in any order')
      sameShards(fed(mixed(deltas.flatMap(split))), whole, 'deltas split')
      // Diffs against an earlier state, taken from replicas that hold different parts.
      const partial = fed(mixed(deltas).slice(0, drawn() % (deltas.length + 1)))
      const vector = new Map(partial.stateVector)
      for (const shard of shards) partial.merge(shard.encode(partial.stateVector))
      sameShards(partial, whole, `diffs above ${JSON.stringify([...vector])}`)
      partial.compact()
      sameShards(partial, whole, 'compacted')
    }),
    200
  )
})

test('a buffered write reads as it does once it is flushed (SPEC E5)', t => {
  const quiet = histories.map(history =>
    history.filter(step => step.do === 'write').map(step => ({ ...step, keepLoser: false }))
  )
  assertProperty(
    t,
    FILE,
    fc.property(histories, quiet, (history, writes) => {
      for (const [at, shard] of play(history).shards.entries()) {
        writes.forEach(({ late }, i) =>
          shard.write({
            key: `k${i % 4}`,
            version: 105 - late,
            stamp: 9001 + i,
            fields: i % 5 === 0 ? null : { [`f${late % 3}`]: at }
          })
        )
        const buffered = dump(shard)
        shard.flush()
        same(dump(shard), buffered, 'once flushed')
        assertWhole(sure, shard)
      }
    }),
    200
  )
})

/** One update for each entry of a delta. */
function split (delta: Uint8Array): Uint8Array[] {
  return readWire(delta).spans.flatMap(({ incarnation, clock, structs }) =>
    structs.flatMap(({ entries }) => entries ?? []).map(({ bytes }, i) =>
      updateOf(incarnation, clock + i, [bytes])
    )
  )
}
