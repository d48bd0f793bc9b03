/** Values in words: whatever a program passes, the message comes. */
import test from 'ava'
import { describe } from '../../../engine/base/plain.js'
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
