import test from 'ava'
import { FutureVersionError } from '../../../engine/errors.js'
import { HybridClock, VERSION_UNITS_PER_MS } from '../../../engine/base/hlc.js'
import { limits } from '../../../engine/limits.js'

const NOW_MS = 1_700_000_000_000

/** A clock whose wall time stands still until the test moves it. */
class StoppedClock {
  nowMs = NOW_MS
  readonly versions = new HybridClock({ wallMs: () => this.nowMs, monotonicMs: () => 0 }, limits)
}

test('a version is the wall clock in microseconds', t => {
  t.is(new StoppedClock().versions.next(), NOW_MS * VERSION_UNITS_PER_MS)
})

test('versions grow although the wall clock stands still, and although it goes back', t => {
  const clock = new StoppedClock()
  let last = 0
  for (let i = 0; i < 5_000; i++) {
    if (i === 2_500) clock.nowMs -= 60_000
    const next = clock.versions.next()
    t.true(next > last)
    last = next
  }
  t.is(last, NOW_MS * VERSION_UNITS_PER_MS + 4_999)
})

test('fractions of a millisecond count, and a version is always a safe integer', t => {
  const clock = new StoppedClock()
  clock.nowMs += 0.4567
  t.is(clock.versions.next(), NOW_MS * VERSION_UNITS_PER_MS + 456)
  t.true(Number.isSafeInteger(clock.versions.next()))
})

test('the next version lies above every version observed', t => {
  const { versions } = new StoppedClock()
  const ahead = (NOW_MS + 5_000) * VERSION_UNITS_PER_MS
  t.true(versions.observe(ahead))
  t.is(versions.next(), ahead + 1)
  t.true(versions.observe(3), 'an old version is nothing to follow')
  t.is(versions.next(), ahead + 2)
})

test('a version too far in the future is not followed (SPEC E11)', t => {
  const { versions } = new StoppedClock()
  t.true(versions.observe(versions.horizon()))
  t.false(versions.observe(versions.horizon() + 1))
  t.is(versions.next(), versions.horizon() + 1, 'the last one followed was the horizon itself')
})

test('an event time becomes a version, whether a Date or milliseconds', t => {
  const { versions } = new StoppedClock()
  t.is(versions.versionAt(new Date(NOW_MS)), NOW_MS * VERSION_UNITS_PER_MS)
  t.is(versions.versionAt(NOW_MS - 0.5), NOW_MS * VERSION_UNITS_PER_MS - 500)
  t.is(versions.versionAt(0), 0)
})

test('a value that is no time is refused', t => {
  const { versions } = new StoppedClock()
  for (
    const at of [NaN, Infinity, -1, new Date(NaN), '2020-01-01' as unknown as Date,
      null as unknown as Date]
  ) {
    t.throws(() => versions.versionAt(at), { instanceOf: TypeError })
  }
})

test('an event time too far ahead is refused, and refusing it moves nothing (SPEC E11)', t => {
  const { versions } = new StoppedClock()
  const error = t.throws(() => versions.versionAt(NOW_MS + limits.maxFutureMs + 1), {
    instanceOf: FutureVersionError
  })
  t.is(error?.changed, 'no')
  t.is(versions.versionAt(NOW_MS + limits.maxFutureMs), versions.horizon())
  t.is(versions.next(), NOW_MS * VERSION_UNITS_PER_MS)
})
