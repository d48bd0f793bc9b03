import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import test from 'ava'
import { copyOf } from '../../../engine/base/copying.js'

const VALUES: readonly unknown[] = ['text', 7, 0.5, true, null, [1], { a: 1 }]

function fieldsOf (count: number, seed: number): Record<string, unknown> {
  return Object.fromEntries(
    Array.from(
      { length: count },
      (_, i) => [`name${(i * 7) % 20}`, VALUES[(i + seed) % VALUES.length]]
    )
  )
}

test('a copy is a plain object with the same fields in the same order', t => {
  for (let count = 0; count <= 20; count++) {
    const fields = fieldsOf(count, 0)
    const copy = copyOf(fields)
    t.deepEqual(copy, fields)
    t.deepEqual(Object.keys(copy), Object.keys(fields))
    t.not(copy, fields)
    t.is(Object.getPrototypeOf(copy), Object.prototype)
    t.is(copy.constructor, Object)
  }
  t.deepEqual(copyOf({ 2: 'b', 1: 'a', x: undefined }), { 1: 'a', 2: 'b', x: undefined })
})

test('a field named __proto__ is still one in the copy, for whoever refuses it', t => {
  const copy = copyOf(JSON.parse('{"a":1,"__proto__":{"polluted":1}}') as Record<string, unknown>)
  t.deepEqual(Object.keys(copy), ['a', '__proto__'])
  t.is(Object.getPrototypeOf(copy), Object.prototype)
})

// With a class each, whatever reads records is several times as slow.
test('frozen copies of the same fields share one hidden class of V8', t => {
  setFlagsFromString('--allow-natives-syntax')
  const haveSameClass = runInThisContext('(a, b) => %HaveSameMap(a, b)') as (
    a: unknown,
    b: unknown
  ) => boolean
  for (const count of [1, 6, 8, 9, 20]) {
    // Until a field has held all kinds of values, V8 makes the class wider now and then.
    const copies = Array.from({ length: 100 }, (_, i) => Object.freeze(copyOf(fieldsOf(count, i))))
      .slice(VALUES.length)
    t.true(copies.every(copy => haveSameClass(copies[0], copy)), `${count} fields`)
  }
  const spread = Array.from(
    { length: 100 },
    (_, i) => Object.freeze({ ...JSON.parse(`{"a":${i},"b":"text"}`) as object })
  )
  t.false(spread.every(copy => haveSameClass(spread[0], copy)), 'the test can tell')
})
