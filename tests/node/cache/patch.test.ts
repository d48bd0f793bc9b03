/** How a patch is cut into writes, and what is no patch. */
import test from 'ava'
import { KindError, LimitError, ValueError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { FieldKinds, type Schema } from '../../../node/cache/cache-schema.js'
import { cutPatch } from '../../../node/cache/patch.js'

function kindsOf (schema: Schema = {}): FieldKinds {
  const kinds = new FieldKinds('prices', limits)
  kinds.declare(schema)
  return kinds
}
const cut = (patch: unknown, kinds = kindsOf()) => cutPatch(patch, kinds, limits)

test('fields of one time are one write, whether the time is a Date or a number', t => {
  const at = new Date('2024-05-01T00:00:00Z')
  t.deepEqual(cut({ a: { value: 1, at }, b: { value: 2, at: at.getTime() }, c: { at } }), [{
    at,
    body: { fields: { a: 1, b: 2, c: undefined } }
  }])
})

test('each further time is a write of its own, and fields without one go with the patch', t => {
  t.deepEqual(
    cut({
      a: { value: 1, at: 5 },
      b: { value: null },
      c: { value: 3, at: 6 },
      d: { value: undefined }
    }),
    [
      { at: 5, body: { fields: { a: 1 } } },
      { at: undefined, body: { fields: { b: null, d: undefined } } },
      { at: 6, body: { fields: { c: 3 } } }
    ]
  )
})

test('fields with sequence numbers are one write more', t => {
  t.deepEqual(cut({ a: { value: 1 }, p: { value: 'x', sequence: 12 }, q: { sequence: 13 } }), [
    { at: undefined, body: { fields: { a: 1 } } },
    {
      at: undefined,
      body: {
        fields: null,
        operations: [{ kind: 'sequenced', field: 'p', sequence: 12, value: 'x' }, {
          kind: 'sequenced',
          field: 'q',
          sequence: 13
        }]
      }
    }
  ])
})

test('a patch that is none is refused by name', t => {
  for (const patch of [null, 1, [], 'x']) {
    t.throws(() => cut(patch), {
      instanceOf: TypeError,
      message: /a patch must be an object of fields/
    })
  }
  t.throws(() => cut({}), { instanceOf: TypeError, message: /at least one field/ })
  for (const how of [2.6, null, [1]]) {
    t.throws(() => cut({ price: how }), {
      instanceOf: TypeError,
      message: /field price of a patch must be \{ value, at \} or \{ value, sequence \}, got/
    })
  }
  t.throws(() => cut({ price: { value: 1, time: 3 } }), {
    instanceOf: TypeError,
    message: /field price of a patch .* has "time"/
  })
  t.throws(() => cut({ price: { value: 1, at: 3, sequence: 4 } }), {
    instanceOf: TypeError,
    message: /both a time and a sequence number/
  })
  for (const sequence of [-1, 0.5, '3', NaN]) {
    t.throws(() => cut({ price: { value: 1, sequence } }), {
      instanceOf: TypeError,
      message: /sequence number of field price/
    })
  }
  t.throws(() => cut({ price: { value: NaN } }), {
    instanceOf: ValueError,
    message: /price is NaN/
  })
  t.throws(() => cut({ '': { value: 1 } }), { instanceOf: ValueError })
  const many = Object.fromEntries(
    Array.from({ length: limits.maxFieldsPerRecord + 1 }, (_, i) => [`f${i}`, { value: i }])
  )
  t.throws(() => cut(many), { instanceOf: LimitError })
})

test('a field declared as sequenced wants a number, and no other takes one (SPEC E19)', t => {
  const kinds = kindsOf({ position: 'sequenced', price: 'register', views: 'counter' })
  t.throws(() => cut({ position: { value: 1 } }, kinds), {
    instanceOf: KindError,
    message:
      /position of cache prices is declared a sequenced .* give it a sequence number with patch/
  })
  t.throws(() => cut({ price: { value: 1, sequence: 1 } }, kinds), {
    instanceOf: KindError,
    message: /price of cache prices is declared a register and cannot be used as a sequenced/
  })
  t.throws(() => cut({ views: { value: 1 } }, kinds), { instanceOf: KindError })
  t.is(
    cut({ position: { value: 1, sequence: 1 }, price: { value: 1 }, other: { value: 1 } }, kinds)
      .length,
    2
  )
})

test('a patch, or a field of one, that has no names is refused and unsets nothing', t => {
  const nameless = [new Date(0), new Map([['value', 1]]), new Set(), /x/, Promise.resolve(1),
    new Error('x'), new Uint8Array(0), Object(1)]
  for (const given of nameless) {
    t.throws(() => cut({ n: given }), { instanceOf: TypeError, message: /field n of a patch must/ })
    t.throws(() => cut(given), { instanceOf: TypeError, message: /a patch must be an object/ })
  }
  t.notThrows(() => cut({ n: {} }), 'it unsets the field')
})
