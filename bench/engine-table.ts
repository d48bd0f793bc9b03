/**
 * The report of the engine benchmark for people.
 */
import type { EngineReport, Speeds } from './engine.js'
import { short, table } from './measure.js'

export function engineTable (report: EngineReport): string {
  const { metadata: { records, overwritesPerRecord, sides }, flush } = report
  return [
    `Engine, Node ${report.node}: batches of ${report.batchSize} records, per CPU second, median of ${report.rounds} rounds`,
    table([
      ['', 'Millpond', 'Y.Map', 'plain map', '/ Y.Map', '/ plain', '/ smallest'],
      ...report.overwrites.map(speeds => speedRow('overwrite', speeds)),
      ...report.merges.map(speeds => speedRow('merge', speeds))
    ]),
    `${short(records)} records after ${overwritesPerRecord} overwrites of each, bytes`,
    table([
      ['', 'Millpond', 'Y.Map', 'plain map'],
      ['live', short(sides.millpond.liveBytes), short(sides.yMap.liveBytes), short(sides.plainMap.liveBytes)],
      ['encoded', short(sides.millpond.encodedBytes), short(sides.yMap.encodedBytes), short(sides.plainMap.encodedBytes)],
      ['encoded / live', short(sides.millpond.encodedToLive), short(sides.yMap.encodedToLive), short(sides.plainMap.encodedToLive)],
      ['heap', short(sides.millpond.heapBytes), short(sides.yMap.heapBytes), short(sides.plainMap.heapBytes)]
    ]),
    `Flush of a batch at ${short(flush.live)} live records: p50 ${short(flush.p50Ms)} ms, p99 ${short(flush.p99Ms)} ms; ` +
      `with a compaction p50 ${short(flush.compactingP50Ms)} ms, most ${short(flush.compactingMaxMs)} ms`,
    table(report.targets.map(({ name, value, atLeast: least, atMost: most, pass }) =>
      [name, short(value), least === undefined ? `at most ${most}` : `at least ${least}`, pass ? 'ok' : 'MISSED']))
  ].join('\n\n')
}

function speedRow (what: string, { live, perCpuSecond, millpondToYMap, millpondToPlainMap, toSmallest }: Speeds): string[] {
  return [`${what}, ${short(live)} live`, short(perCpuSecond.millpond), short(perCpuSecond.yMap), short(perCpuSecond.plainMap), short(millpondToYMap), short(millpondToPlainMap), short(toSmallest)]
}
