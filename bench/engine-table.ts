/**
 * The report of the engine benchmark for people.
 */
import type { EngineReport, Pause, Speeds } from './engine-report.js'
import { short, table } from './measure.js'

export function engineTable (report: EngineReport): string {
  const {
    overwrites,
    merges,
    puts,
    reads,
    pauses,
    metadata: { records, overwritesPerRecord, sides },
    heap
  } = report
  return [
    `Engine, Node ${report.node}: batches of ${report.batchSize} records, per CPU second, median ` +
    `of ${report.rounds} rounds`,
    table([
      ['', 'Millpond', 'Y.Map', 'plain map', '/ Y.Map', '/ plain', '/ smallest'],
      ...overwrites.map(speeds => speedRow('overwrite', speeds)),
      ...merges.map(speeds => speedRow('merge', speeds)),
      ...puts.map(speeds => speedRow('buffered put', speeds)),
      ...reads.map(speeds => speedRow('get', speeds))
    ]),
    'Gets beside a bare map, which hands out the record itself where Millpond makes a copy of it',
    table([
      ['', 'Millpond', 'bare map', '/ bare'],
      ...reads.map((
        { live, perCpuSecond, bareMapPerCpuSecond, millpondToBareMap }
      ) => [`get, ${short(live)} live`, short(perCpuSecond.millpond), short(bareMapPerCpuSecond),
        short(millpondToBareMap)]
      )
    ]),
    `Milliseconds at ${short(pauses.live)} live records`,
    table([
      ['', 'p50', 'p99', 'max', 'of'],
      pauseRow('Millpond: flush', pauses.flush),
      pauseRow('Millpond: puts and flush', pauses.batch.millpond),
      pauseRow('Y.Map: transaction', pauses.batch.yMap),
      pauseRow('plain map: puts and message', pauses.batch.plainMap)
    ]),
    `${short(records)} records after ${overwritesPerRecord} overwrites of each, bytes`,
    table([
      ['', 'Millpond', 'Y.Map', 'plain map'],
      ['live', short(sides.millpond.liveBytes), short(sides.yMap.liveBytes),
        short(sides.plainMap.liveBytes)],
      ['encoded', short(sides.millpond.encodedBytes), short(sides.yMap.encodedBytes),
        short(sides.plainMap.encodedBytes)],
      ['encoded / live', short(sides.millpond.encodedToLive), short(sides.yMap.encodedToLive),
        short(sides.plainMap.encodedToLive)],
      ['heap per record, most', ...[sides.millpond, sides.yMap, sides.plainMap].map(side =>
        short(side.heapBytes / records)
      )]
    ]),
    `${
      short(heap.records)
    } records after ${heap.overwritesPerRecord} overwrites of each, bytes of heap per record`,
    table([
      ['', 'Millpond', 'plain map', 'bare map'],
      ['most',
        ...[heap.perRecord.millpond, heap.perRecord.plainMap, heap.perRecord.bareMap].map(side =>
          short(side.most)
        )],
      ['half the time',
        ...[heap.perRecord.millpond, heap.perRecord.plainMap, heap.perRecord.bareMap].map(side =>
          short(side.median)
        )]
    ]),
    table(
      report.targets.map((
        { name, value, atLeast: least, atMost: most, pass }
      ) => [name, short(value), least === undefined ? `at most ${most}` : `at least ${least}`,
        pass ? 'ok' : 'MISSED']
      )
    )
  ].join('\n\n')
}

function speedRow (
  what: string,
  { live, perCpuSecond, millpondToYMap, millpondToPlainMap, toSmallest }: Speeds
): string[] {
  return [`${what}, ${short(live)} live`, short(perCpuSecond.millpond), short(perCpuSecond.yMap),
    short(perCpuSecond.plainMap), short(millpondToYMap), short(millpondToPlainMap),
    short(toSmallest)]
}

function pauseRow (what: string, { p50, p99, max, count }: Pause): string[] {
  return [what, short(p50), short(p99), short(max), String(count)]
}
