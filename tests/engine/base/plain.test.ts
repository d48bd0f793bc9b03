/** Values in words: whatever a program passes, the message comes. */
import test from 'ava'
import { describe, isPlainObject } from '../../../engine/base/plain.js'
import { asError, messageOf } from '../../../engine/base/thrown.js'

const { proxy: revoked, revoke } = Proxy.revocable({}, {})
revoke()
const throwing = {
  get constructor (): never {
    throw new Error('a mistake')
  }
}

test('a value in words says what it is', t => {
  t.deepEqual(
    [null, undefined, [1], new Map(), Object.create(null), 'x', 5, Symbol('s')].map(
      value => describe(value)
    ),
    ['null', 'undefined', 'an array', 'a Map', 'a foreign object', '"x"', 'number 5',
      'symbol Symbol(s)']
  )
})

test('a value that throws however it is looked at has words all the same (SPEC B4)', t => {
  for (const value of [revoked, throwing]) {
    t.is(describe(value), 'something without a form as text')
    t.is(messageOf(value), 'something without a form as text')
    t.is(asError(value).cause, value)
  }
})

test('a value in words is short, however long the value is', t => {
  const long = 'x'.repeat(100_000)
  const values = [long, Symbol(long), 10n ** 5000n, -(10n ** 5000n), () => long,
    Object.assign(() => {}, { toString: () => long }), { constructor: { name: long } }, {
    constructor: { name: 5 }
  }, new Date(NaN), new Date(-1), Object(long), Array(1e6).fill(long)]
  for (const value of values) t.true(describe(value).length < 80, describe(value))
  t.is(describe(long), `"${'x'.repeat(40)}…"`)
  t.is(describe(new Date(-1)), 'a Date (1969-12-31T23:59:59.999Z)')
  t.is(describe(new Date(NaN)), 'a Date (invalid)')
  t.is(describe(10n ** 5000n), 'a bigint of more than 40 digits')
  t.is(describe(-7n), 'bigint -7')
  t.is(messageOf(long).length, 1001)
  t.is(messageOf(new Error(long)).length, 1001)
  t.false(isPlainObject(revoked))
})
