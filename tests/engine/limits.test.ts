import test from 'ava'
import { assertLimits, limits, limitsWith } from '../../engine/limits.js'

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
})

test('a bound that is missing is a contradiction too', t => {
  t.throws(() => assertLimits({ ...limits, maxPollReplyBytes: NaN }), { instanceOf: TypeError })
})

test('some bounds can be replaced, and the others stay as they are (SPEC B1)', t => {
  const some = limitsWith({ maxKeysPerGet: 3 })
  t.deepEqual(some, { ...limits, maxKeysPerGet: 3 })
  t.true(Object.isFrozen(some))
  t.throws(() => limitsWith({ maxPartBytes: 1 }), { instanceOf: TypeError, message: /one part/ })
})
