/** The demo's final report, as an object for programs and as text for people. */
import type { LatencySummary } from './latencies.js'
import { table } from '../table.js'
import type { ConsumerReport } from './demo-consumer.js'

export interface DemoReport {
  readonly events: number
  /** Rows of --input that could not be used. */
  readonly rejected: number
  /** From the first event to the last one accepted. */
  readonly seconds: number
  readonly eventsPerSecond: number
  /**
   * From the last event accepted until replicas were identical and consumers had seen everything.
   */
  readonly drainSeconds: number
  readonly records: number
  readonly replicas: {
    readonly nodes: number,
    readonly identical: boolean,
    readonly differingGroups: number,
    /** Records that are not what the events say, by a plain model of them. */
    readonly wrongRecords: number
  }
  readonly consumers: { readonly fast: ConsumerReport, readonly slow: ConsumerReport }
  readonly writeMs: LatencySummary
  readonly replicationMs: LatencySummary
}

export function describeReport (report: DemoReport): string {
  const { events, rejected, seconds, eventsPerSecond, drainSeconds, records, replicas, consumers } =
    report
  const { fast, slow } = consumers
  return [
    `${count(events)} events on ${count(records)} distinct records in ${seconds} s (${
      count(eventsPerSecond)
    }/s)${rejected > 0 ? `; ${count(rejected)} rows could not be used` : ''}\n`,
    `${replicas.nodes} replicas ${
      replicas.identical ? 'are identical' : `DIFFER in ${replicas.differingGroups} groups`
    }`,
    `${
      replicas.wrongRecords === 0
        ? ', and every record is what the events say'
        : `, and ${count(replicas.wrongRecords)} RECORDS ARE WRONG`
    }; settled ${drainSeconds} s after the last event\n\n`,
    table(['consumer', 'takes at most', 'changes delivered', 'events per change', 'largest backlog',
      'still waiting'], [consumerRow('fast', fast), consumerRow('slow', slow)]),
    `\nThe slow consumer's backlog never exceeded ${count(slow.largestBacklog)} of ${
      count(records)
    } live records, after ${count(events)} events.\n\n`,
    table(['latency, ms', 'p50', 'p95', 'p99', 'samples'], [
      latencyRow('write: put called to resolved', report.writeMs),
      latencyRow('replication: readable on another node', report.replicationMs),
      latencyRow('delivery to the fast consumer', fast.deliveryMs),
      latencyRow('delivery to the slow consumer', slow.deliveryMs)
    ])
  ].join('')
}

function consumerRow (
  name: string,
  { ratePerSecond, changes, coalescingRatio, largestBacklog, backlog }: ConsumerReport
): string[] {
  return [name, ratePerSecond === null ? 'no limit' : `${count(ratePerSecond)}/s`, count(changes),
    coalescingRatio.toFixed(2), count(largestBacklog), count(backlog)]
}

function latencyRow (
  name: string,
  { p50Ms, p95Ms, p99Ms, count: samples }: LatencySummary
): string[] {
  return [name, ...[p50Ms, p95Ms, p99Ms].map(ms => ms.toFixed(2)), count(samples)]
}

function count (value: number): string {
  return value.toLocaleString('en-US')
}
