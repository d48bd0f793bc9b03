/**
 * Latency summaries: right within three significant digits, in fixed memory, for any number they
 * are given.
 */
import test from 'ava'
import { Latencies } from '../../../cli/demo/latencies.js'

test('percentiles are right within three significant digits', t => {
  const latencies = new Latencies()
  for (let i = 1; i <= 100_000; i++) latencies.record(i / 100)
  const { count, ...summary } = latencies.summary()
  t.is(count, 100_000)
  const expected = { p50Ms: 500, p95Ms: 950, p99Ms: 990, maxMs: 1000 }
  for (const [name, ms] of Object.entries(expected) as [keyof typeof expected, number][]) {
    t.true(Math.abs(summary[name] - ms) <= ms / 1000, `${name} is ${summary[name]}`)
  }
})

test('nothing recorded is all zero', t => {
  t.deepEqual(new Latencies().summary(), { count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 })
})

test('a microsecond can be told from nothing', t => {
  const latencies = new Latencies()
  latencies.record(0.001)
  t.deepEqual(latencies.summary(), {
    count: 1,
    p50Ms: 0.001,
    p95Ms: 0.001,
    p99Ms: 0.001,
    maxMs: 0.001
  })
})

test('a latency off the scale counts as its end', t => {
  const latencies = new Latencies()
  for (const ms of [-5, 1e12, Infinity]) latencies.record(ms)
  const { count, p50Ms, maxMs } = latencies.summary()
  t.is(count, 3)
  t.true(p50Ms > 3_590_000 && maxMs < 3_610_000, `${p50Ms} ${maxMs}`)
  t.throws(() => {
    latencies.record(NaN)
  }, { instanceOf: TypeError })
})
