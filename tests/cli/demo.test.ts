/** The demo at a small size: what it reports must be so, and its status must say whether it is. */
import test from 'ava'
import { millpond, output } from '../support/millpond-process.js'

interface ConsumerReport {
  changes: number
  coalescingRatio: number
  largestBacklog: number
  backlog: number
  deliveryMs: Latencies
}
interface Latencies {
  count: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
}
interface Report {
  events: number
  rejected: number
  records: number
  writeMs: Latencies
  replicationMs: Latencies
  replicas: { nodes: number, identical: boolean, differingGroups: number, wrongRecords: number }
  consumers: { fast: ConsumerReport, slow: ConsumerReport }
}

test('the demo ends with identical replicas and a backlog within the live records', async t => {
  t.timeout(120_000)
  const report = JSON.parse(
    await output(t, ['demo', '--events', '5000', '--items', '500', '--slow-rate', '500', '--json'])
  ) as Report
  t.like(report, {
    events: 5000,
    rejected: 0,
    replicas: { nodes: 3, identical: true, differingGroups: 0, wrongRecords: 0 }
  })
  t.true(report.records > 0 && report.records <= 500)
  for (const consumer of Object.values(report.consumers)) {
    t.true(consumer.largestBacklog <= report.records)
    t.is(consumer.backlog, 0)
    t.true(consumer.changes >= report.records && consumer.changes < report.events)
    t.is(consumer.coalescingRatio, Math.round(report.events / consumer.changes * 100) / 100)
  }
  t.is(report.writeMs.count, 5000)
  for (
    const { count, p50Ms, p95Ms, p99Ms } of [report.writeMs, report.replicationMs,
      report.consumers.fast.deliveryMs, report.consumers.slow.deliveryMs]
  ) {
    t.true(count > 0 && p50Ms <= p95Ms && p95Ms <= p99Ms)
  }
})

test('the rows of a file can be the events, and the report is text for people', async t => {
  t.timeout(120_000)
  const rows = Array.from(
    { length: 300 },
    (_, i) => `k${i % 20},${i},2024-01-01T00:00:00.${String(i).padStart(3, '0')}Z`
  )
  const { status, stdout, stderr } = await millpond(
    t,
    ['demo', '--input', '-', '--format', 'csv', '--key', 'sku', '--at', 'at', '--fields', 'price'],
    `sku,price,at\n${rows.join('\n')}\nk1,1,never\n`
  )
  t.is(status, 0, stderr)
  t.regex(stderr, /^millpond: line 302: column 'at' is not an event time: "never"\n$/)
  const [events, replicas] = stdout.split('\n')
  t.regex(events ?? '', /^300 events on 20 distinct records in .*; 1 rows could not be used$/)
  t.regex(replicas ?? '', /^3 replicas are identical, and every record is what the events say;/)
  t.regex(
    stdout,
    /\nThe slow consumer's backlog never exceeded \d+ of 20 live records, after 300 events\.\n/
  )
})
