import test from 'ava'
import { decodeCbor, encodeCbor } from '../../../engine/base/codec.js'
import { Entry } from '../../../engine/record/entry.js'
import { decodeEntry, encodeEntry } from '../../../engine/record/entry-codec.js'
import { LimitError, ValueError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { adoptFields } from '../../../engine/base/adopting.js'
import { approximateBytes, checkFields, checkKey, measuredBytes, type Fields,
  type Value } from '../../../engine/base/values.js'

const LONE = 'a\ud800b'

test('keys that cannot be stored are refused', t => {
  for (const key of [undefined, null, 7, {}, ['a']]) {
    t.throws(() => checkKey(key, limits), {
      instanceOf: TypeError,
      message: /a key must be a string/
    })
  }
  t.throws(() => checkKey('', limits), { instanceOf: ValueError, message: /empty/ })
  t.throws(() => checkKey(LONE, limits), { instanceOf: ValueError, message: /lone surrogate/ })
  t.throws(() => checkKey('x'.repeat(limits.maxKeyBytes + 1), limits), {
    instanceOf: LimitError,
    message: /513 bytes, at most 512/
  })
  t.throws(
    () => checkKey('€'.repeat(limits.maxKeyBytes / 2), limits),
    { instanceOf: LimitError },
    'what counts is bytes, not characters'
  )
})

test('keys up to the bound pass, measured in bytes', t => {
  for (
    const key of ['a', 'x'.repeat(limits.maxKeyBytes), '€'.repeat(170), '🛒', '__proto__', ' ']
  ) t.is(checkKey(key, limits), key)
})

test('a value that is not a plain object is no record', t => {
  for (
    const fields of [undefined, null, 7, 'text', [], new Map(), new Date(0), new Uint8Array(1),
      () => 1]
  ) {
    t.throws(() => checkFields(fields, limits), {
      instanceOf: TypeError,
      message: /fields must be a plain object/
    })
  }
})

const REFUSED: readonly (readonly [what: string, value: unknown, message: RegExp])[] = [
  ['NaN', NaN, /field x is NaN/],
  ['infinity', -Infinity, /field x is -Infinity/],
  ['a bigint', 1n, /field x is a bigint/],
  ['a symbol', Symbol('s'), /field x is a symbol/],
  ['a function', () => 1, /field x is a function/],
  ['a Date', new Date(0), /field x is a Date/],
  ['a Map', new Map(), /field x is a Map/],
  ['a class instance', new URL('http://localhost'), /field x is a URL/],
  ['another typed array', new Float64Array(1), /field x is a Float64Array/],
  ['an ArrayBuffer', new ArrayBuffer(1), /field x is a ArrayBuffer/],
  ['a lone surrogate', LONE, /field x holds a lone surrogate/],
  ['undefined in an array', [1, undefined], /field x\[1\] is a undefined/],
  ['a hole in an array', Object.assign([1], { 2: 3 }), /field x\[1\] is a undefined/],
  ['NaN deep inside', { a: [{ b: NaN }] }, /field x\.a\[0\]\.b is NaN/],
  ['a nested empty name', { '': 1 }, /field name must not be empty/],
  ['a nested __proto__', JSON.parse('{"__proto__":1}'), /__proto__/],
  ['a nested symbol', { [Symbol('s')]: 1 }, /symbol/]
]

for (const [what, value, message] of REFUSED) {
  test(`${what} is refused by name`, t => {
    t.throws(() => checkFields({ ok: 1, x: value }, limits), { instanceOf: ValueError, message })
  })
}

test('field names that cannot be stored are refused', t => {
  t.throws(() => checkFields({ '': 1 }, limits), { instanceOf: ValueError, message: /empty/ })
  t.throws(() => checkFields(JSON.parse('{"__proto__":{"polluted":1}}'), limits), {
    instanceOf: ValueError,
    message: /__proto__/
  })
  t.throws(() => checkFields({ [LONE]: 1 }, limits), {
    instanceOf: ValueError,
    message: /lone surrogate/
  })
  t.throws(() => checkFields({ ['n'.repeat(limits.maxFieldNameBytes + 1)]: 1 }, limits), {
    instanceOf: LimitError,
    message: /field name/
  })
  t.throws(() => checkFields({ a: 1, [Symbol('s')]: 1 }, limits), {
    instanceOf: ValueError,
    message: /symbol/
  })
  t.is(({} as Record<string, unknown>)['polluted'], undefined)
})

test('a record without fields is refused, also when all of them are undefined', t => {
  t.throws(() => checkFields({}, limits), { instanceOf: ValueError, message: /at least one field/ })
  t.throws(() => checkFields({ a: undefined }, limits), {
    instanceOf: ValueError,
    message: /at least one field/
  })
})

test('undefined fields are left out', t => {
  const checked = checkFields(
    { a: undefined, b: 1, c: undefined, d: { e: undefined, f: 2 } },
    limits
  )
  t.deepEqual(checked, { b: 1, d: { f: 2 } })
  t.deepEqual(Object.keys(checked), ['b', 'd'])
  t.deepEqual(Object.keys(checked['d'] as object), ['f'])
})

test('minus zero becomes zero, at the top and inside', t => {
  const { a, b } = checkFields({ a: -0, b: [-0] }, limits)
  t.true(Object.is(a, 0))
  t.true(Object.is((b as readonly Value[])[0], 0))
})

test('depth, the number of fields and the size of a record are bounded (SPEC B2)', t => {
  const nested = (depth: number): unknown => depth === 0 ? 1 : [nested(depth - 1)]
  const deepest = checkFields({ x: nested(limits.maxValueDepth) }, limits)
  t.deepEqual(
    adoptFields(decodeCbor(encodeCbor(deepest)), limits),
    deepest,
    'what is written can also be merged'
  )
  t.throws(() => checkFields({ x: nested(limits.maxValueDepth + 1) }, limits), {
    instanceOf: LimitError,
    message: /nested deeper/
  })
  const wide = (count: number): Fields =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]))
  t.notThrows(() => checkFields(wide(limits.maxFieldsPerRecord), limits))
  t.throws(() => checkFields(wide(limits.maxFieldsPerRecord + 1), limits), {
    instanceOf: LimitError,
    message: /257 fields/
  })
  t.throws(() => checkFields({ x: 'x'.repeat(limits.maxEntryBytes) }, limits), {
    instanceOf: LimitError,
    message: /larger than/
  })
})

test('a cycle is refused by its depth instead of overflowing the stack', t => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  t.throws(() => checkFields({ x: cycle }, limits), { instanceOf: LimitError })
})

// A record that a writer accepts and every peer refuses would stop the shard's replication for
// good.
test('whatever passes the checks fits an entry, with the longest key, version and stamp', t => {
  const key = 'k'.repeat(limits.maxKeyBytes)
  const makers: readonly ((size: number) => Fields)[] = [
    size => ({ b: new Uint8Array(size) }),
    size => ({ text: 'x'.repeat(size) }),
    size => ({ text: '€'.repeat(Math.floor(size / 3)) }),
    size =>
      Object.fromEntries(
        Array.from(
          { length: limits.maxFieldsPerRecord },
          (
            _,
            i
          ) => [`name-of-a-field-${i}`.padEnd(100, '-'),
            new Uint8Array(Math.max(0, Math.floor(size / 256) - 100))]
        )
      )
  ]
  for (const [which, make] of makers.entries()) {
    let accepted = 0
    for (let size = limits.maxEntryBytes - 2600; size < limits.maxEntryBytes + 10; size++) {
      if (size % 7 !== 0 && size < limits.maxEntryBytes - 600) continue
      let fields: Fields
      try {
        fields = checkFields(make(size), limits)
      } catch {
        continue
      }
      accepted++
      const bytes = encodeEntry(
        new Entry(key, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, fields, true)
      )
      if (bytes.length > limits.maxEntryBytes) {
        return t.fail(
          `maker ${which}, size ${size}: accepted, but its entry has ${bytes.length} bytes`
        )
      }
      if (accepted === 1) t.not(decodeEntry(bytes, 1, 0, limits), null)
    }
    t.true(accepted > 0, `maker ${which}: something near the bound is accepted`)
  }
  return undefined
})

test('the checked copy shares nothing mutable with the caller', t => {
  const bytes = Uint8Array.of(1, 2)
  const list = [1, { deep: [1] }]
  const mine: Record<string, unknown> = { bytes, list, n: 1 }
  const checked = checkFields(mine, limits)
  bytes[0] = 9
  list.push(3)
  ;(list[1] as { deep: number[] }).deep.push(2)
  mine['n'] = 2
  mine['more'] = 1
  t.deepEqual(checked, { bytes: Uint8Array.of(1, 2), list: [1, { deep: [1] }], n: 1 })
})

test('nested values of the copy cannot be changed', t => {
  const { list, object } = checkFields({ list: [[1]], object: { a: 1 } }, limits)
  t.throws(() => {
    ;(list as unknown[])[0] = 2
  }, { instanceOf: TypeError })
  t.throws(() => {
    ;((list as unknown[])[0] as unknown[]).push(2)
  }, { instanceOf: TypeError })
  t.throws(() => {
    ;(object as { a: number }).a = 2
  }, { instanceOf: TypeError })
})

test('a getter is read once, so that it cannot pass with one value and store another', t => {
  let reads = 0
  const checked = checkFields({
    get x () {
      return ++reads === 1 ? 'first' : NaN
    }
  }, limits)
  t.deepEqual(checked, { x: 'first' })
  t.is(reads, 1)
})

test('every kind of value reads back as it was written (SPEC E14)', t => {
  const fields = checkFields({
    null: null,
    yes: true,
    no: false,
    zero: 0,
    negative: -1,
    large: 2 ** 53 - 1,
    small: -(2 ** 53) + 1,
    fraction: 0.1,
    tiny: 5e-324,
    huge: 1.7976931348623157e308,
    float32: 1.5,
    u32: 2 ** 32,
    empty: '',
    text: 'größe 🛒 \u0000',
    long: 'x'.repeat(70_000),
    bytes: Uint8Array.of(0, 255),
    list: [1, 'a', null, [true]],
    object: { a: { b: [] }, constructor: 1, toString: 'x' },
    date: '2020-01-01T00:00:00Z',
    hasOwnProperty: 1
  }, limits)
  const back = adoptFields(decodeCbor(encodeCbor(fields)), limits)
  t.deepEqual(back, fields)
})

test('an object without prototype is plain', t => {
  const bare = Object.assign(Object.create(null) as object, { a: 1 })
  t.deepEqual(checkFields(bare, limits), { a: 1 })
  t.is(Object.getPrototypeOf(checkFields({ x: bare }, limits)['x']), Object.prototype)
})

test('the approximate size is never below the size of the encoding', t => {
  for (
    const value of [null, 1, 2 ** 40, 0.1, true, '', 'text', '€€€', '🛒'.repeat(30),
      new Uint8Array(300), [], [1, [2, 'a']], {}, { a: { b: 'c' } }] as Value[]
  ) {
    t.true(approximateBytes(value) >= encodeCbor(value).length, JSON.stringify(value))
  }
})

test('an array with named properties is refused, for they would be lost (SPEC E14)', t => {
  for (const odd of [Object.assign([1], { unit: 'kg' }), /b/.exec('abc'), [{ a: /b/.exec('b') }]]) {
    t.throws(() => checkFields({ f: odd }, limits), {
      instanceOf: ValueError,
      message: /^field f.* is an array with a property "(unit|index)", which would be lost/
    })
  }
  const symbol = Object.assign([1], { [Symbol('s')]: 1 })
  t.throws(() => checkFields({ f: symbol }, limits), { instanceOf: ValueError })
})

test('fields that are far too large are refused without being encoded (SPEC B2)', t => {
  const f = Array(100_000).fill('x'.repeat(100_000)) // ten gigabytes
  t.throws(() => checkFields({ f }, limits), { code: 'LIMIT_EXCEEDED' })
})

test('the measured size is exact for texts, and never below the encoding', t => {
  for (const text of ['x', 'é', '€', '😀'].map(char => char.repeat(1000))) {
    for (const value of [text, [text, 1], { [text.slice(0, 10)]: text }]) {
      const bytes = encodeCbor(value).length
      t.true(measuredBytes(value) >= bytes && measuredBytes(value) <= bytes + 20)
    }
  }
})
