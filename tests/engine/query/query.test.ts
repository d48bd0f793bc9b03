import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { indexed, matches, parseWhere, type Condition, type Scalar,
  type Where } from '../../../engine/query/query.js'
import type { Fields } from '../../../engine/base/values.js'

const one = (where: Where): Condition => parseWhere(where, limits)[0] as Condition
const valuesOf = (where: Where): Scalar[] => [...one(where).values ?? []]

test('a scalar means eq, and null is a value like any other', t => {
  t.deepEqual(one({ country: 'France' }), { field: 'country', values: new Set(['France']) })
  t.deepEqual(one({ country: { eq: 'France' } }), one({ country: 'France' }))
  t.deepEqual(valuesOf({ country: null }), [null])
  t.deepEqual(valuesOf({ sold: false }), [false])
})

test('operators of one field are brought together before anything is looked up', t => {
  t.deepEqual(valuesOf({ n: { in: [3, 1, 3, 2], eq: 3 } }), [3])
  t.deepEqual(valuesOf({ n: { in: [1, 2, 3, 'x', null], gt: 1, lte: 3 } }), [2, 3])
  t.deepEqual(valuesOf({ n: { eq: 1, in: [2] } }), [])
  t.deepEqual(one({ n: { gt: 1, gte: 1, lt: 9, lte: 5 } }).range, {
    type: 'number',
    from: { value: 1, inclusive: false },
    to: { value: 5, inclusive: true }
  })
  t.deepEqual(one({ n: { gte: 2, gt: 1 } }).range, {
    type: 'number',
    from: { value: 2, inclusive: true }
  })
  t.deepEqual(one({ n: { lte: 'b', lt: 'b' } }).range, {
    type: 'string',
    to: { value: 'b', inclusive: false }
  })
})

test('conditions hold all or not at all, and never across types', t => {
  const holds = (fields: Fields, where: Where): boolean =>
    matches(fields, parseWhere(where, limits))
  t.true(holds({ country: 'France', price: 1.5 }, { country: 'France', price: { lt: 2 } }))
  t.false(holds({ country: 'France', price: 2 }, { country: 'France', price: { lt: 2 } }))
  t.true(holds({ n: 2 }, { n: { lte: 2, gte: 2 } }))
  t.false(holds({ n: '1' }, { n: 1 }))
  t.false(holds({ n: '1' }, { n: { lt: 2 } }))
  t.false(holds({ n: null }, { n: { lt: 2 } }))
  t.false(holds({ n: [1] }, { n: 1 }))
  t.false(holds({}, { n: null }))
  t.false(holds({}, { constructor: { gte: '' } }), 'what every object inherits is no field')
  t.true(holds({ n: null }, { n: null }))
  t.false(holds({ n: 3 }, { n: { gt: 4, lt: 2 } }))
})

const wrong: ReadonlyArray<
  readonly [
    title: string,
    where: unknown,
    expected: {
      readonly code?: string,
      readonly instanceOf?: typeof TypeError,
      readonly message: RegExp
    }
  ]
> = [
  ['no query', undefined, {
    instanceOf: TypeError,
    message: /plain object of conditions.*got undefined/
  }],
  ['a list for a query', [], { instanceOf: TypeError, message: /got an array/ }],
  ['a query without conditions', {}, {
    code: 'QUERY_REFUSED',
    message: /at least one condition.*use scan/
  }],
  ['a field without operators', { price: {} }, {
    code: 'QUERY_REFUSED',
    message: /price has no condition; use eq, in/
  }],
  ['an unknown operator', { price: { $lt: 2 } }, {
    code: 'QUERY_REFUSED',
    message: /price\.\$lt is not an operator; use eq, in, lt/
  }],
  ['an array for a value', { price: [1, 2] }, {
    instanceOf: TypeError,
    message: /price is compared with an array.*\{ in: \[\.\.\.\] \}/
  }],
  ['a Date for a value', { day: new Date(0) }, {
    instanceOf: TypeError,
    message: /day is compared with a Date/
  }],
  ['a field left undefined', { price: undefined }, {
    instanceOf: TypeError,
    message: /price is compared with undefined/
  }],
  ['a bound left undefined', { price: { lt: undefined } }, {
    instanceOf: TypeError,
    message: /price\.lt is compared with undefined/
  }],
  ['a bound without an order', { price: { lt: null } }, {
    instanceOf: TypeError,
    message: /price\.lt is compared with null; only numbers and strings/
  }],
  ['bounds of two types', { price: { gt: 1, lt: '2' } }, {
    code: 'QUERY_REFUSED',
    message: /price\.lt is a string and the other bound a number/
  }],
  ['an infinite bound', { price: { lt: Infinity } }, {
    code: 'QUERY_REFUSED',
    message: /price\.lt is Infinity.*leave the bound out/
  }],
  ['a number that is none', { price: NaN }, { code: 'QUERY_REFUSED', message: /price is NaN/ }],
  ['half a character', { name: '\ud800' }, {
    code: 'QUERY_REFUSED',
    message: /name holds a lone surrogate/
  }],
  ['in without a list', { price: { in: 5 } }, {
    instanceOf: TypeError,
    message: /price\.in must be an array/
  }],
  ['in with an empty list', { price: { in: [] } }, {
    code: 'QUERY_REFUSED',
    message: /price\.in lists nothing/
  }],
  ['in with an object', { price: { in: [1, {}] } }, {
    instanceOf: TypeError,
    message: /price\.in\[1\] is compared with a Object/
  }],
  ['too many conditions', Object.fromEntries(
    Array.from({ length: limits.maxQueryConditions + 1 }, (_, i) => [`f${i}`, i])
  ), { code: 'LIMIT_EXCEEDED', message: /33 fields, at most 32/ }],
  ['too many values', {
    n: { in: Array.from({ length: limits.maxQueryInValues + 1 }, (_, i) => i) }
  }, { code: 'LIMIT_EXCEEDED', message: /n\.in lists 1025 values, at most 1024/ }],
  ['values too large together', {
    n: { in: Array.from({ length: 3 }, (_, i) => `${i}`.repeat(limits.maxQueryBytes / 8)) }
  }, { code: 'LIMIT_EXCEEDED', message: /compares with at most about/ }]
]
for (const [title, where, expected] of wrong) {
  test(`${title} is refused by name, with the fix (SPEC B2)`, t => {
    t.throws(() => parseWhere(where, limits), expected)
  })
}

test('a condition without an index is left to the records, or refused if alone (SPEC E20)', t => {
  const declaration = { country: 'equality', price: 'range' } as const
  const usable = (where: Where): string[] =>
    indexed(parseWhere(where, limits), declaration).map(({ field }) => field)
  t.deepEqual(usable({ country: 'France', price: { lt: 2 }, stock: 0 }), ['country', 'price'])
  t.deepEqual(usable({ country: { gt: 'A' }, price: 5 }), ['price'])
  t.deepEqual(
    usable({ country: null, price: null }),
    ['country'],
    'a range index holds numbers and strings only'
  )
  t.throws(() => usable({ stock: 0 }), {
    code: 'NOT_INDEXED',
    message: /stock; indexed are country \(equality\), price \(range\)/
  })
  t.throws(() => usable({ country: { gt: 'A' } }), {
    code: 'NOT_INDEXED',
    message: /equality index answers eq and in/
  })
  t.throws(() => usable({ price: { in: [1, null] } }), { code: 'NOT_INDEXED' })
  t.throws(
    () => usable({ constructor: 1 }),
    { code: 'NOT_INDEXED' },
    'what every object inherits is not declared'
  )
  t.throws(() => indexed(parseWhere({ stock: 0 }, limits), {}), {
    code: 'NOT_INDEXED',
    message: /no field is indexed.*indexes: \{ "stock": 'equality' \}/
  })
})
