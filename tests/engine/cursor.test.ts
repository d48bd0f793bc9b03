import { limits } from '../../engine/limits.js'
import test from 'ava'
import * as fc from 'fast-check'
import { changesSince } from '../../engine/changes.js'
import { CursorError } from '../../engine/errors.js'
import { comparePositions, decodeCursor, encodeCursor, joinCursors, startOf,
  type Cursor } from '../../engine/cursor.js'
import { covers, sameVector, type StateVector } from '../../engine/base/state-vector.js'
import { dump, openShard, put, type TestShard } from './shards.js'

function cursor (
  seen: readonly (readonly [number, number])[],
  witness = seen,
  shard = 3,
  generation = 0
): Cursor {
  return {
    shard,
    generation,
    seen: new Map(seen),
    witness: new Map(witness),
    floor: new Map(),
    retired: new Map()
  }
}

const SAMPLE = cursor([[70_000, 12], [5, 900]], [[70_000, 13], [5, 900], [4, 1]])

function sameCursor (a: Cursor, b: Cursor): boolean {
  return a.shard === b.shard && a.generation === b.generation && sameVector(a.seen, b.seen) &&
    sameVector(a.witness, b.witness) && sameVector(a.floor, b.floor) &&
    sameVector(a.retired, b.retired)
}

test('a cursor reads back as it was written', t => {
  for (const one of [SAMPLE, startOf(3), startOf(3, 7), cursor([[1, 1]])]) {
    t.true(sameCursor(decodeCursor(encodeCursor(one), 3, limits), one))
  }
})

test('one cursor has one encoding, and a drained one is about as long as its vector', t => {
  t.deepEqual(
    encodeCursor(cursor([[5, 900], [70_000, 12]])),
    encodeCursor(cursor([[70_000, 12], [5, 900]]))
  )
  t.true(encodeCursor(cursor([[5, 900]])).length <= 16)
})

test('every single-bit flip and every truncation of a cursor is refused', t => {
  const bytes = encodeCursor(SAMPLE)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    t.throws(() => decodeCursor(flipped, 3, limits), { instanceOf: CursorError }, `bit ${bit}`)
  }
  for (let length = 0; length < bytes.length; length++) {
    t.throws(() => decodeCursor(bytes.slice(0, length), 3, limits), { instanceOf: CursorError })
  }
})

test('bytes behind a cursor, and bytes that are no cursor, are refused', t => {
  t.throws(() => decodeCursor(Uint8Array.of(...encodeCursor(SAMPLE), 0), 3, limits), {
    instanceOf: CursorError,
    message: /damaged/
  })
  for (
    const bytes of [[], [0], [1], [1, 3, 255, 255, 255], Array.from({ length: 40 }, () => 255)]
  ) {
    t.throws(() => decodeCursor(Uint8Array.from(bytes), 3, limits), { instanceOf: CursorError })
  }
})

test('a cursor of a newer format says so', t => {
  const bytes = encodeCursor(SAMPLE)
  bytes[0] = 3
  t.throws(() => decodeCursor(bytes, 3, limits), {
    instanceOf: CursorError,
    message: /format 3 is not known here \(2 is\)/
  })
})

test('a cursor of another shard is refused', t => {
  t.throws(() => decodeCursor(encodeCursor(SAMPLE), 4, limits), {
    instanceOf: CursorError,
    message: /belongs to shard 3, not 4/
  })
  t.throws(() => joinCursors(startOf(1), startOf(2)), { instanceOf: CursorError })
})

test('of two cursors the one further on stands, and both witnesses do (SPEC C3)', t => {
  const a = cursor([[1, 5], [2, 1]])
  const b = cursor([[1, 3], [9, 4]], [[1, 6], [9, 4]])
  t.true(sameCursor(joinCursors(a, b), cursor([[1, 3], [9, 4]], [[1, 6], [2, 1], [9, 4]])))
  t.true(sameCursor(joinCursors(startOf(3), a), a))
  const further = cursor([[1, 5], [2, 2], [9, 4]])
  t.true(sameCursor(joinCursors(a, further), further))
})

const vectors = fc.dictionary(
  fc.integer({ min: 1, max: 4 }).map(String),
  fc.integer({ min: 1, max: 6 })
).map(clocks =>
  new Map(Object.entries(clocks).map(([incarnation, clock]) => [Number(incarnation), clock]))
)
// who has read nothing has no floor
const cursors = fc.record({
  shard: fc.constant(3),
  generation: fc.nat(1),
  seen: vectors,
  more: vectors,
  floor: vectors,
  retired: vectors.map(vector =>
    new Map([...vector].map(([incarnation, clock]) => [incarnation + 10, clock]))
  )
}).map(({ more, floor, ...one }) => ({
  more,
  ...one,
  floor: one.seen.size === 0 ? new Map<number, number>() : floor
}))
  .map(({ more, ...one }): Cursor => ({
    ...one,
    witness: joinCursors({ ...one, witness: one.seen }, { ...one, witness: more }).witness
  }))

test('joining does not depend on the order or on repetition, and never goes back (SPEC C3)', t => {
  fc.assert(
    fc.property(
      fc.array(cursors, { minLength: 1, maxLength: 8 }).chain(all =>
        fc.tuple(
          fc.constant(all),
          fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }),
          fc.nat(all.length - 1)
        )
      ),
      ([all, shuffled, split]) => {
        const joined = all.reduce(joinCursors)
        t.true(sameCursor(joined, shuffled.reduce(joinCursors)))
        const halves = [shuffled.slice(0, split + 1), shuffled.slice(split + 1)].map(half =>
          half.reduce(joinCursors, startOf(3))
        )
        t.true(sameCursor(joined, halves.reduce(joinCursors)))
        for (const one of all) {
          t.true(sameCursor(joinCursors(joined, one), joined))
          if (one.generation === joined.generation) {
            t.true(
              comparePositions(joined, one) >= 0 && covers(joined.witness, one.witness) &&
                covers(joined.witness, joined.seen)
            )
          }
        }
      }
    ),
    { numRuns: 500 }
  )
})

test('a reader that reads on stands further on than before (SPEC C3)', t => {
  fc.assert(fc.property(cursors, vectors, (one, more) => {
    const later = {
      ...one,
      seen: joinCursors({ ...one, witness: one.seen }, { ...one, witness: more }).witness
    }
    t.is(comparePositions(later, one) > 0, !sameVector(later.seen, one.seen))
    t.is(Math.sign(comparePositions(one, later)) + Math.sign(comparePositions(later, one)), 0)
  }))
})

test('a record that two readers saw in pieces does not count as seen whole (SPEC C1)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  const shown: string[] = []
  a.write(put('k', 1, { x: 1 }))
  b.write(put('k', 2, { y: 1 }))
  const one = read(a, startOf(0), shown)
  const two = read(b, startOf(0), shown)
  a.merge(b.encode())
  const joined = joinCursors(one, two)
  read(a, joined, shown)
  t.true(shown.includes(stateOf('k', { x: 1, y: 1 })))
})

test('pieces two readers saw do not make a whole, though each knew of the other (SPEC C1)', t => {
  const shards = [openShard(1), openShard(2)] as const
  const shown: string[] = []
  const readers = shards.map((shard, i) => {
    shard.write(put('k', 1 + i, { [`f${i}`]: 1 }))
    for (const key of ['l', 'm']) shard.write(put(`${key}${i}`, 5, { n: 1 }))
    return page(shard, startOf(0), 1, shown)
  })
  for (const [i, shard] of shards.entries()) shard.merge((shards[1 - i] as TestShard).encode())
  const [one, two] = readers.map((reader, i) => page(shards[i] as TestShard, reader, 1, shown)) as [
    Cursor,
    Cursor
  ]
  t.true(covers(one.witness, two.seen) && covers(two.witness, one.seen))
  read(shards[0], joinCursors(one, two), shown)
  t.true(shown.includes(stateOf('k', { f0: 1, f1: 1 })))
})

// Replicas that come back from old copies, readers that go on from whatever is committed there,
// cursors joined in any order.
test('a change below a joined cursor was shown by someone, whatever was lost (SPEC C1, C8)', t => {
  const step = fc.tuple(fc.nat(9), fc.nat(2), fc.nat(2), fc.nat(3), fc.nat(3))
  let continued = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), steps => {
      let incarnations = 3
      const replicas = [1, 2, 3].map((id): Replica => ({
        shard: openShard(id),
        committed: startOf(0),
        copy: undefined
      }))
      const shown: string[] = []
      steps.forEach(([what, at, from, key, field], i) => {
        const replica = replicas[at] as Replica
        const other = replicas[from] as Replica
        switch (what) {
          case 0:
          case 1:
          case 2:
            replica.shard.write(put(`k${key}`, 1 + (i * 7 + field) % 20, { [`f${field}`]: i }, i))
            break
          case 3:
          case 4:
            if (other !== replica) {
              replica.shard.merge(other.shard.encode(replica.shard.stateVector))
            }
            break
          case 5:
            replica.committed = joinCursors(replica.committed, other.committed)
            break
          case 6:
          case 7: {
            // Goes on from what one replica has committed, reads at another, and commits there or
            // at the first one.
            if (!covers(replica.shard.stateVector, other.committed.witness)) break
            const taker = field === 0 ? other : replica
            taker.committed = joinCursors(
              taker.committed,
              page(replica.shard, other.committed, 1 + key, shown)
            )
            break
          }
          case 8:
            replica.copy = { update: replica.shard.encode(), committed: replica.committed }
            break
          default: {
            const { copy } = replica
            replica.shard = openShard(++incarnations)
            if (copy !== undefined) replica.shard.merge(copy.update)
            replica.committed = copy?.committed ?? startOf(0)
          }
        }
      })
      const [{ shard }] = replicas as [Replica]
      for (const other of replicas.slice(1)) shard.merge(other.shard.encode(shard.stateVector))
      const joined = replicas.map(({ committed }) => committed).reduce(joinCursors)
      // it names what is lost: the shard is read again from the start
      if (!covers(shard.stateVector, joined.witness)) return
      continued++
      read(shard, joined, shown)
      for (const [record, fields] of Object.entries(dump(shard))) {
        t.true(
          shown.includes(stateOf(record, fields)),
          `${record} was never shown as ${stateOf(record, fields)}`
        )
      }
    }),
    { numRuns: 1500 }
  )
  t.true(continued > 300, `only ${continued} readers could go on`)
})

interface Replica {
  shard: TestShard
  committed: Cursor
  copy: { readonly update: Uint8Array, readonly committed: Cursor } | undefined
}

function stateOf (key: string, fields: object): string {
  return `${key} ${JSON.stringify(Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1))}`
}

/** Reads to the end. @returns where that is */
function read (shard: TestShard, from: Cursor, shown: string[]): Cursor {
  return page(shard, from, 1000, shown)
}

function page (shard: TestShard, from: Cursor, limit: number, shown: string[]): Cursor {
  const found = changesSince(shard, from, limit)
  if (found.outcome !== 'changes') {
    throw new Error(`the replica answers its reader ${found.outcome}`)
  }
  for (const { key, fields } of found.changes) shown.push(stateOf(key, fields))
  return found.cursor
}

test('of two generations the later one stands alone', t => {
  const old = cursor([[1, 500]])
  const fresh: Cursor = startOf(3, 1)
  t.is(joinCursors(old, fresh), fresh)
  t.is(joinCursors(fresh, old), fresh)
  const seen: StateVector = joinCursors(fresh, cursor([[1, 2]], [[1, 2]], 3, 1)).seen
  t.true(sameVector(seen, new Map([[1, 2]])))
})
