/** The token bucket, on a clock that only moves when told. */
import test from 'ava'
import { RateLimit } from '../../../pubsub/consumer/rate-limit.js'

function open (perSecond: number) {
  let nowMs = 0
  const rate = new RateLimit({ wallMs: () => nowMs, monotonicMs: () => nowMs }, perSecond)
  return {
    rate,
    pass: (ms: number) => {
      nowMs += ms
    }
  }
}

for (const perSecond of [0.01, 0.3, 1, 7, 50, 333, 1000, 1e6]) {
  test(`a reader that takes what it may, when it is told to, reads ${perSecond} per second`, t => {
    const { rate, pass } = open(perSecond)
    let taken = 0
    let elapsedMs = 0
    let turns = 0
    while (elapsedMs < 20_000_000 / Math.max(1000, perSecond) && turns++ < 10_000) {
      const allowed = rate.allowed
      rate.take(allowed)
      taken += allowed
      const waitMs = rate.waitMs
      t.true(waitMs > 0, 'something was allowed that was not taken')
      pass(waitMs)
      elapsedMs += waitMs
    }
    t.true(turns < 10_000, 'time stood still')
    const most = perSecond * elapsedMs / 1000 + Math.max(1, perSecond * 0.1) + 1
    t.true(taken <= most, `${taken} in ${elapsedMs} ms`)
    t.true(taken >= perSecond * elapsedMs / 1000 * 0.9 - 1, `${taken} in ${elapsedMs} ms`)
  })
}

test('no limit allows everything at once', t => {
  const { rate } = open(Infinity)
  t.is(rate.allowed, Infinity)
  rate.take(1e9)
  t.is(rate.allowed, Infinity)
  t.is(rate.waitMs, 0)
})

test('an unused allowance does not pile up beyond a tenth of a second', t => {
  const { rate, pass } = open(100)
  pass(3_600_000)
  t.is(rate.allowed, 10)
})
