import test from 'ava'
import { assertLimits, limits, limitsWith, type Limits } from '../../engine/limits.js'

test('the bounds agree with each other (SPEC B1)', t => {
  t.notThrows(() => assertLimits(limits))
})

test('bounds that contradict each other are named', t => {
  t.throws(() => assertLimits({ ...limits, maxDeltaBytes: limits.maxEntryBytes }), {
    instanceOf: TypeError,
    message: /a delta must hold an entry of the largest size/
  })
  t.throws(() => assertLimits({ ...limits, maxPartBytes: 1 }), {
    instanceOf: TypeError,
    message: /one part of a message; a whole shard must fit/
  })
  t.throws(() => limitsWith({ maxDeltaBytes: limits.maxPartBytes - 1 }), {
    instanceOf: TypeError,
    message: /a delta and what its batch adds must fit into one part of a message/
  })
})

const WRONG: Array<[value: unknown, text: string]> = [[0, '0'], [-5, '-5'], [NaN, 'NaN'], [Infinity,
  'Infinity'], [2.5, '2.5'], ['512', '"512"'], [null, 'null'], [undefined, 'undefined'], [{},
  'a Object'], [5n, 'bigint 5']]
for (const [value, text] of WRONG) {
  test(`a bound of ${text} is refused by name (SPEC B1)`, t => {
    t.throws(() => limitsWith({ maxKeyBytes: value as number }), {
      instanceOf: TypeError,
      message: `limits.maxKeyBytes is ${text}; use a whole number from 1 up`
    })
  })
}

test('a name that is no bound is refused, and so is a value that holds none', t => {
  for (const bounds of [null, 5, [], undefined]) {
    t.throws(() => limitsWith(bounds as unknown as Partial<Limits>), {
      instanceOf: TypeError,
      message: /^limitsWith takes an object of bounds, got /
    })
  }
  t.throws(() => limitsWith({ maxKeyBytess: 1 } as unknown as Partial<Limits>), {
    instanceOf: TypeError,
    message: 'limits.maxKeyBytess is not a bound'
  })
  t.throws(() => assertLimits(null as unknown as Limits), { instanceOf: TypeError })
  t.throws(() => assertLimits({} as Limits), { instanceOf: TypeError, message: /maxKeyBytes/ })
})

test('some bounds can be replaced, and the others stay as they are (SPEC B1)', t => {
  const some = limitsWith({ maxKeysPerGet: 3 })
  t.deepEqual(some, { ...limits, maxKeysPerGet: 3 })
  t.true(Object.isFrozen(some))
  t.throws(() => limitsWith({ maxPartBytes: 1 }), { instanceOf: TypeError, message: /one part/ })
})
