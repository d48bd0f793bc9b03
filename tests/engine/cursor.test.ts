import test from 'ava'
import { CursorError } from '../../engine/errors.js'
import { decodeCursor, encodeCursor, joinCursors, startOf, type Cursor } from '../../engine/cursor.js'
import { sameVector, type StateVector } from '../../engine/state-vector.js'

function cursor (seen: readonly (readonly [number, number])[], witness = seen, shard = 3, generation = 0): Cursor {
  return { shard, generation, seen: new Map(seen), witness: new Map(witness) }
}

const SAMPLE = cursor([[70_000, 12], [5, 900]], [[70_000, 13], [5, 900], [4, 1]])

function sameCursor (a: Cursor, b: Cursor): boolean {
  return a.shard === b.shard && a.generation === b.generation && sameVector(a.seen, b.seen) && sameVector(a.witness, b.witness)
}

test('a cursor reads back as it was written', t => {
  for (const one of [SAMPLE, startOf(3), startOf(3, 7), cursor([[1, 1]])]) t.true(sameCursor(decodeCursor(encodeCursor(one), 3), one))
})

test('one cursor has one encoding, and a drained one is about as long as its vector', t => {
  t.deepEqual(encodeCursor(cursor([[5, 900], [70_000, 12]])), encodeCursor(cursor([[70_000, 12], [5, 900]])))
  t.true(encodeCursor(cursor([[5, 900]])).length <= 16)
})

test('every single-bit flip and every truncation of a cursor is refused', t => {
  const bytes = encodeCursor(SAMPLE)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    t.throws(() => decodeCursor(flipped, 3), { instanceOf: CursorError }, `bit ${bit}`)
  }
  for (let length = 0; length < bytes.length; length++) t.throws(() => decodeCursor(bytes.slice(0, length), 3), { instanceOf: CursorError })
})

test('bytes behind a cursor, and bytes that are no cursor, are refused', t => {
  t.throws(() => decodeCursor(Uint8Array.of(...encodeCursor(SAMPLE), 0), 3), { instanceOf: CursorError, message: /damaged/ })
  for (const bytes of [[], [0], [1], [1, 3, 255, 255, 255], Array.from({ length: 40 }, () => 255)]) {
    t.throws(() => decodeCursor(Uint8Array.from(bytes), 3), { instanceOf: CursorError })
  }
})

test('a cursor of a newer format says so', t => {
  const bytes = encodeCursor(SAMPLE)
  bytes[0] = 2
  t.throws(() => decodeCursor(bytes, 3), { instanceOf: CursorError, message: /format 2 is not known here \(1 is\)/ })
})

test('a cursor of another shard is refused', t => {
  t.throws(() => decodeCursor(encodeCursor(SAMPLE), 4), { instanceOf: CursorError, message: /belongs to shard 3, not 4/ })
  t.throws(() => joinCursors(startOf(1), startOf(2)), { instanceOf: CursorError })
})

test('joining never goes back, and does not depend on the order (SPEC C3)', t => {
  const a = cursor([[1, 5], [2, 1]])
  const b = cursor([[1, 3], [9, 4]], [[1, 6], [9, 4]])
  t.true(sameCursor(joinCursors(a, b), joinCursors(b, a)))
  t.true(sameCursor(joinCursors(a, b), cursor([[1, 5], [2, 1], [9, 4]], [[1, 6], [2, 1], [9, 4]])))
  t.true(sameCursor(joinCursors(a, a), a))
  t.true(sameCursor(joinCursors(joinCursors(a, b), a), joinCursors(a, b)))
  t.true(sameCursor(joinCursors(startOf(3), a), a))
})

test('of two generations the later one stands alone', t => {
  const old = cursor([[1, 500]])
  const fresh: Cursor = startOf(3, 1)
  t.is(joinCursors(old, fresh), fresh)
  t.is(joinCursors(fresh, old), fresh)
  const seen: StateVector = joinCursors(fresh, cursor([[1, 2]], [[1, 2]], 3, 1)).seen
  t.true(sameVector(seen, new Map([[1, 2]])))
})
