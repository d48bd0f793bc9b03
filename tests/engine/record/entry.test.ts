import test from 'ava'
import { encodeCbor } from '../../../engine/base/codec.js'
import { Entry, NO_FIELDS } from '../../../engine/record/entry.js'
import { decodeEntry as decodeWithin, encodeEntry } from '../../../engine/record/entry-codec.js'
import { limits } from '../../../engine/limits.js'
import type { Value } from '../../../engine/base/values.js'

const decodeEntry = (bytes: Uint8Array, incarnation: number, clock: number) =>
  decodeWithin(bytes, incarnation, clock, limits)

const SAMPLES: readonly (readonly [what: string, entry: Entry])[] = [
  ['a put', new Entry('k', 7, 7, { a: 1 }, false, 3, 4)],
  ['a put with a stamp of its own', new Entry('k', 7, 9, { a: 1, b: [null] }, false, 3, 4)],
  ['a delete', new Entry('k', 7, 7, NO_FIELDS, true, 3, 4)],
  ['a delete with a stamp of its own', new Entry('k', 7, 9, NO_FIELDS, true, 3, 4)],
  ['a replacement', new Entry('k', 7, 7, { a: 1 }, true, 3, 4)],
  ['the largest version', new Entry('k', Number.MAX_SAFE_INTEGER, 0, { a: 1 }, false, 3, 4)],
  ['the largest stamp', new Entry('k', 0, Number.MAX_SAFE_INTEGER, { a: 1 }, true, 3, 4)],
  ['an event written down years later', new Entry('k', 1.3e15, 1.8e15, { a: 1 }, false, 3, 4)],
  ['version zero', new Entry('k', 0, 0, { a: 1 }, false, 3, 4)]
]

for (const [what, entry] of SAMPLES) {
  test(`${what} reads back as it was written`, t => {
    t.deepEqual(decodeEntry(encodeEntry(entry), entry.incarnation, entry.clock), entry)
  })
}

test('a decoded delete has the one object that stands for no fields', t => {
  t.is(decodeEntry(encodeEntry(new Entry('k', 1, 1, NO_FIELDS, true)), 1, 0)?.fields, NO_FIELDS)
})

test('bytes that are no write are not decoded', t => {
  const bad: unknown[] = [
    null,
    7,
    'text',
    {},
    [],
    ['k'],
    ['k', 1],
    [1, 1, { a: 1 }],
    ['', 1, { a: 1 }],
    ['k'.repeat(limits.maxKeyBytes + 1), 1, { a: 1 }],
    ['k', -1, { a: 1 }],
    ['k', 1.5, { a: 1 }],
    ['k', '1', { a: 1 }],
    ['k', 2 ** 60, { a: 1 }],
    ['k', NaN, { a: 1 }],
    ['k', null, { a: 1 }],
    ['k', 1, {}],
    ['k', 1, 7],
    ['k', 1, [1]],
    ['k', 1, { a: undefined }],
    ['k', 1, undefined],
    ['k', 1, { a: 1 }, -1],
    ['k', 1, { a: 1 }, null],
    ['k', 1, { a: 1 }, 1, 2],
    ['k', 1, { a: 1 }, 1, true],
    ['k', 1, { a: 1 }, 1, 1, 1],
    ['k', 1, null, 1, 1],
    ['k', 1, null, 1, 0]
  ]
  for (const raw of bad) t.is(decodeEntry(encodeCbor(raw).slice(), 1, 0), null, JSON.stringify(raw))
  t.is(decodeEntry(new Uint8Array(0), 1, 0), null)
  t.is(
    decodeEntry(Uint8Array.of(...encodeEntry(new Entry('k', 1, 1, { a: 1 }, false)), 0), 1, 0),
    null,
    'a byte behind its end'
  )
  t.is(decodeEntry(new Uint8Array(limits.maxEntryBytes + 1), 1, 0), null)
})

test('CBOR that only looks like plain data is not decoded', t => {
  const frame = (...value: number[]): Uint8Array =>
    Uint8Array.of(0x83, 0x61, 0x6b, 0x01, 0xa1, 0x61, 0x61, ...value)
  t.not(decodeEntry(frame(0x01), 1, 0), null, 'the frame itself is fine')
  const forged: readonly (readonly [what: string, ...bytes: number[]])[] = [
    ['a date', 0xc1, 0x01],
    ['a bignum', 0xc2, 0x41, 0x01],
    ['a set', 0xd9, 0x01, 0x02, 0x81, 0x01],
    ['a regular expression', 0xd8, 0x23, 0x61, 0x61],
    ['undefined', 0xf7],
    ['a stray break', 0xff],
    ['an unending array', 0x9f, 0x01, 0xff],
    ['not a number', 0xf9, 0x7e, 0x00],
    ['infinity', 0xf9, 0x7c, 0x00],
    ['a 64-bit integer', 0x1b, 0xff, 0, 0, 0, 0, 0, 0, 0],
    ['a record definition', 0xd9, 0xdf, 0xff, 0x83, 0x18, 0x2a, 0x81, 0x61, 0x61, 0x01]
  ]
  for (const [what, ...bytes] of forged) t.is(decodeEntry(frame(...bytes), 1, 0), null, what)
})

test('a forged __proto__ reaches no prototype', t => {
  const entry = decodeEntry(
    Uint8Array.of(
      0x83,
      0x61,
      0x6b,
      0x01,
      0xa1,
      0x69,
      ...Buffer.from('__proto__'),
      0xa1,
      0x61,
      0x78,
      0x01
    ),
    1,
    0
  )
  t.is((entry?.fields as Record<string, unknown> | undefined)?.['x'], undefined)
  t.is(({} as Record<string, unknown>)['x'], undefined)
})

test('writes are ordered by version, then stamp, then incarnation, then clock', t => {
  const at = (version: number, stamp: number, incarnation: number, clock: number): Entry =>
    new Entry('k', version, stamp, { a: 1 }, false, incarnation, clock)
  const ascending = [at(1, 9, 9, 9), at(2, 0, 0, 0), at(2, 0, 0, 1), at(2, 0, 1, 0), at(2, 1, 0, 0),
    at(3, 0, 0, 0)]
  ascending.forEach((a, i) => {
    ascending.forEach((b, j) => t.is(a.isLaterThan(b), i > j, `${i} and ${j}`))
  })
})

test('a write that is still buffered loses a tie against every logged one', t => {
  t.false(
    new Entry('k', 1, 1, { a: 1 }, false).isLaterThan(new Entry('k', 1, 1, { a: 1 }, false, 1, 0))
  )
})

// Otherwise its holder could neither pass it on nor load it again.
test('an entry that would outgrow the bound when it is encoded again is not decoded', t => {
  const count = 60_000
  const bytes = Buffer.concat([
    Buffer.from([0x83, 0x61, 0x6b, 0x01, 0xa1, 0x61, 0x61, 0x9a, 0, 0, count >> 8, count & 255]),
    Buffer.alloc(count * 3, Uint8Array.of(0xf9, 0x3e, 0x00))
  ])
  t.true(bytes.length < limits.maxEntryBytes)
  t.is(decodeEntry(bytes, 1, 0), null)
})

// A few bytes must not make a process that merges them run out of memory or time.
test('CBOR that unfolds into more than it is long is not decoded', t => {
  const frame = (...value: number[]): Uint8Array =>
    Uint8Array.of(0x83, 0x61, 0x6b, 0x01, 0xa1, 0x61, 0x61, ...value)
  t.is(decodeEntry(frame(0x9a, 0x01, 0xff, 0xff, 0xff), 1, 0), null, 'an array of 33 million items')
  t.is(decodeEntry(frame(0xba, 0x01, 0xff, 0xff, 0xff), 1, 0), null, 'a map of as many')
  t.is(decodeEntry(frame(0x5b, 0, 0, 0, 1, 0, 0, 0, 0), 1, 0), null, '4 GiB of bytes')
  t.is(
    decodeEntry(frame(0xd8, 0x1c, 0x81, 0xd8, 0x1d, 0x00), 1, 0),
    null,
    'an array that holds itself'
  )
  const laughs = Array.from({ length: 15 }, () => [0x88, 0xd8, 0x1c]).flat()
  t.is(
    decodeEntry(frame(...laughs, 0x80), 1, 0),
    null,
    'arrays of references to arrays of references'
  )
})

test('the deepest value that can be written can be decoded', t => {
  let value: Value = 1
  for (let depth = 0; depth < limits.maxValueDepth; depth++) value = [value]
  const entry = new Entry('k', 1, 1, { value }, false)
  t.deepEqual(decodeEntry(encodeEntry(entry), 0, 0), entry)
})

test('fields given later are frozen when they are asked for, whatever was asked for before', t => {
  const entry = new Entry('k', 1, 1, { a: 1 }, false)
  const first = entry.frozenFields
  t.is(entry.frozenFields, first, 'nothing is copied twice')
  t.is(entry.fields, first)
  entry.fields = { a: 2 }
  t.true(Object.isFrozen(entry.frozenFields))
  t.deepEqual(entry.frozenFields, { a: 2 })
  entry.become(2, 2, { a: 3 }, false, null)
  t.true(Object.isFrozen(entry.frozenFields))
  t.deepEqual([entry.frozenFields, first], [{ a: 3 }, { a: 1 }])
})

/** Around every power of two, and around the distances at which a stamp is kept in another way. */
const EDGES = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 62 * 2 ** 32, 63 * 2 ** 32,
  2 ** 38 - 1, 2 ** 38, 65 * 2 ** 32, 128 * 2 ** 32, 2 ** 51, 2 ** 52 - 1, 2 ** 52,
  Number.MAX_SAFE_INTEGER]

test('entries of any version and stamp are told apart, and keep both through every change', t => {
  const extra = { expires: 5, late: 0, claims: [] }
  const other = new Entry('k', 1, 1, { b: 1 }, false)
  for (const version of EDGES) {
    for (const stamp of EDGES) {
      for (const clears of [false, true]) {
        const entry = new Entry('k', version, stamp, { a: 1 }, clears, 0xffffffff, 4)
        const holds = (
          more: { extra: typeof extra | null, next: Entry | null, live?: boolean }
        ): void => {
          const { extra: hasExtra, next, live = true } = more
          t.true(
            entry.version === version && entry.stamp === stamp && entry.clears === clears &&
              entry.live === live && entry.extra === hasExtra && entry.next === next &&
              entry.incarnation === 0xffffffff,
            `${version} ${stamp}`
          )
          t.is(entry.isPlain, hasExtra === null && next === null)
        }
        holds({ extra: null, next: null })
        entry.next = other
        holds({ extra: null, next: other })
        entry.extra = extra
        holds({ extra, next: other })
        entry.live = false
        holds({ extra, next: other, live: false })
        entry.next = null
        holds({ extra, next: null, live: false })
        t.true(Object.isFrozen(entry.frozenFields))
        holds({ extra, next: null, live: false })
        entry.live = true
        entry.extra = null
        holds({ extra: null, next: null })
        entry.become(stamp, version, { a: 2 }, !clears, extra)
        t.deepEqual([entry.version, entry.stamp, entry.clears, entry.extra, entry.next,
          entry.incarnation], [stamp, version, !clears, extra, null, 0])
        entry.moveTo(version, stamp)
        t.deepEqual([entry.version, entry.stamp, entry.clears, entry.extra], [version, stamp,
          !clears, extra])
      }
    }
  }
})

test('versions and stamps of any size are ordered', t => {
  const entries = EDGES.flatMap(version =>
    EDGES.map(stamp => new Entry('k', version, stamp, { a: 1 }, false, 1, 0))
  )
  entries.forEach((a, i) => {
    entries.forEach((b, j) => {
      if (a.isLaterThan(b) !== i > j) t.fail(`${i} and ${j}`)
    })
    t.is(a.isOlderThan(a.version, a.stamp), false)
    t.is(a.isOlderThan(a.version, a.stamp + 1), true)
  })
})
