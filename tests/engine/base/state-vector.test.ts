import test from 'ava'
import * as Y from 'yjs'
import { limits } from '../../../engine/limits.js'
import { covers, decodeStateVector, digestOf, encodeStateVector, join, sameVector,
  type StateVector } from '../../../engine/base/state-vector.js'

const EMPTY: StateVector = new Map()
const A = new Map([[1, 5], [7, 2]])
const B = new Map([[1, 3], [9, 1]])

test('one vector covers another when it has seen everything the other has', t => {
  t.true(covers(A, A))
  t.true(covers(A, EMPTY))
  t.false(covers(EMPTY, A))
  t.false(covers(A, B))
  t.true(covers(A, new Map([[1, 4]])))
  t.true(covers(EMPTY, new Map([[1, 0]])))
})

test('the join is the least vector that covers both', t => {
  t.deepEqual(join(A, B), new Map([[1, 5], [7, 2], [9, 1]]))
  t.true(sameVector(join(A, B), join(B, A)))
  t.true(sameVector(join(A, A), A))
  t.deepEqual(A, new Map([[1, 5], [7, 2]]), 'its arguments stay as they are')
})

test('equal vectors have equal bytes and digests, in whatever order they were made', t => {
  const turned = new Map([...A].reverse())
  t.deepEqual(encodeStateVector(turned), encodeStateVector(A))
  t.is(digestOf(turned), digestOf(A))
  t.not(digestOf(A), digestOf(B))
  t.regex(digestOf(EMPTY), /^[0-9a-f]{16}$/)
  t.deepEqual(
    encodeStateVector(new Map([[3, 0], ...A])),
    encodeStateVector(A),
    'nothing seen is the same as unknown'
  )
})

test('vectors read back as they were written, also by Yjs', t => {
  for (const vector of [EMPTY, A, B, new Map([[0xffffffff, 2 ** 40], [1, 1]])]) {
    t.true(sameVector(decodeStateVector(encodeStateVector(vector), limits), vector))
    t.true(sameVector(Y.decodeStateVector(encodeStateVector(vector)), vector))
  }
})

test('bytes that are not one canonical vector are refused', t => {
  const bad: readonly (readonly [what: string, ...bytes: number[]])[] = [
    ['nothing'],
    ['a missing pair', 1],
    ['half a pair', 1, 5],
    ['trailing bytes', 0, 0],
    ['ascending ids', 2, 1, 1, 2, 1],
    ['a repeated id', 2, 1, 1, 1, 2],
    ['clock zero', 1, 1, 0],
    ['incarnation zero', 1, 0, 1],
    ['an id beyond 32 bits', 1, 0x80, 0x80, 0x80, 0x80, 0x10, 1],
    ['a huge count', 0xff, 0xff, 0xff, 0xff, 0x0f]
  ]
  for (const [what, ...bytes] of bad) {
    t.throws(
      () => decodeStateVector(Uint8Array.from(bytes), limits),
      { instanceOf: RangeError },
      what
    )
  }
})

test('the number of incarnations is bounded', t => {
  const vector = (size: number): Map<number, number> =>
    new Map(Array.from({ length: size }, (_, i) => [i + 1, 1]))
  t.is(
    decodeStateVector(encodeStateVector(vector(limits.maxIncarnationsPerShard)), limits).size,
    limits.maxIncarnationsPerShard
  )
  t.throws(
    () => decodeStateVector(encodeStateVector(vector(limits.maxIncarnationsPerShard + 1)), limits),
    {
      instanceOf: RangeError
    }
  )
})

test('every truncation of a vector is refused', t => {
  const bytes = encodeStateVector(new Map([[0xfffffff0, 2 ** 33], [500, 300], [1, 1]]))
  for (let length = 0; length < bytes.length; length++) {
    t.throws(() => decodeStateVector(bytes.slice(0, length), limits), { instanceOf: RangeError })
  }
})

test('a clock too large to be exact is refused', t => {
  const bytes = Uint8Array.of(1, 1, 255, 255, 255, 255, 255, 255, 255, 127)
  t.throws(() => decodeStateVector(bytes, limits), { instanceOf: RangeError })
})

test('a number of endless zeros is refused, since its sum is NaN and passes comparisons', t => {
  t.throws(
    () => decodeStateVector(Uint8Array.of(1, ...new Uint8Array(159).fill(0x80), 0, 1), limits),
    {
      instanceOf: RangeError
    }
  )
  t.throws(
    () => decodeStateVector(Uint8Array.of(1, 5, ...new Uint8Array(159).fill(0x80), 0), limits),
    {
      instanceOf: RangeError
    }
  )
})
