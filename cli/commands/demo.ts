/**
 * `millpond demo`, which is also what `npm start` runs: three nodes in this process, each with a
 * copy of every record, and a stream of events that is written through all of them in turn. One
 * consumer takes all it can get, and one takes so many changes per second and no more.
 *
 *   events --> node a, b, c in turn --> replicas --> fast consumer
 *                                               \--> slow consumer (rate-limited)
 *
 * Beside it a plain model of the records (demo/model.ts) says what must come out, and how much
 * waits for the slow consumer at any time. demo/demo-run.ts does the work.
 *
 * Ends with status 1 when the replicas differ, or when they are not what the events say.
 */
import type { RowEvent } from '../../connectors/files/row-events.js'
import { systemPorts } from '../../node/system-ports.js'
import { DemoRun } from '../demo/demo-run.js'
import { eventGapMs, marketplaceEvents } from '../demo/marketplace.js'
import { openCluster } from '../demo/nodes.js'
import { describeReport, type DemoReport } from '../demo/report.js'
import { readEvents, type EventFlags, type LineEvent } from '../event-source.js'
import { EXIT, starting } from '../failure.js'
import { writeNdjson } from '../output.js'
import { onInterrupt } from '../signals.js'

export interface DemoFlags extends EventFlags {
  readonly events: number
  readonly items: number
  readonly seed: number
  readonly slowRate: number
  readonly input?: string
  readonly json?: boolean
}

export async function runDemo (flags: DemoFlags): Promise<number> {
  const events = flags.input === undefined
    ? generated(flags)
    : rowsOf(readEvents(flags.input, flags))
  const interrupt = onInterrupt()
  const cluster = await starting(openCluster())
  const consuming = new AbortController()
  try {
    const demo = new DemoRun(cluster, {
      slowRate: flags.slowRate,
      ...flags.input === undefined ? { total: flags.events } : {}
    })
    const consumers = demo.consume(consuming.signal)
    const report = await Promise.race([demo.run(events, interrupt.signal), onlyFailure(consumers)])
    consuming.abort()
    await consumers
    await print(report, flags.json === true)
    return report.replicas.identical && report.replicas.wrongRecords === 0 ? EXIT.ok : EXIT.no
  } finally {
    consuming.abort()
    await cluster.close()
    interrupt.end()
  }
}

/** Never resolves: a consumer that ends well is no result. */
async function onlyFailure (consumers: Promise<unknown>): Promise<never> {
  await consumers
  return await new Promise<never>(() => {})
}

/** Events that happened up to now. */
async function* generated ({ events, items, seed }: DemoFlags): AsyncGenerator<RowEvent> {
  const startMs = Math.floor(systemPorts.clock.wallMs()) - (events + 1) * eventGapMs
  yield* marketplaceEvents({ seed, events, items, startMs })
}

/** null for a row that cannot be used. */
async function* rowsOf (rows: AsyncIterable<LineEvent>): AsyncGenerator<RowEvent | null> {
  for await (const { line, event } of rows) {
    if ('problem' in event) process.stderr.write(`millpond: line ${line}: ${event.problem}\n`)
    yield 'problem' in event ? null : event
  }
}

async function print (report: DemoReport, isJson: boolean): Promise<void> {
  if (isJson) {
    await writeNdjson([report])
  } else {
    process.stdout.on('error', () => {}) // the reader has left
    process.stdout.write(describeReport(report))
  }
}
