/**
 * `millpond demo`, which is what `npm start` runs: three nodes in this process, every one with a
 * copy of everything, a stream of events written through all of them in turn, one consumer that
 * takes all it can get and one that takes a few.
 *
 *   events --> node a, b, c in turn --> replicas --> fast consumer
 *                                               \--> slow consumer (rate-limited)
 *
 * Beside it a plain model of the records says what must come out, and how much waits for the slow
 * consumer at any time.
 *
 *   write latency         from the call of put until its promise resolved ('buffered'), every write
 *   replication, delivery see demo/samples.ts; one write in SAMPLE_EVERY
 *   backlog               records whose last change a consumer was not shown yet, see demo/model.ts
 *
 * Ends with status 1 when the replicas differ, or are not what the events say.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { MillpondError } from '../../engine/errors.js'
import { intervals } from '../../engine/timing.js'
import { systemPorts } from '../../node/system-ports.js'
import { CACHE, countRecords, differingGroups, isConverged, openCluster,
  type DemoCluster } from '../demo/nodes.js'
import { DemoConsumer } from '../demo/demo-consumer.js'
import { Model } from '../demo/model.js'
import { describeReport, type DemoReport } from '../demo/report.js'
import { ReplicationWatch, type Sample } from '../demo/samples.js'
import { readEvents, type EventFlags, type LineEvent } from '../event-source.js'
import type { Event } from '../../connectors/files/events.js'
import { EXIT } from '../failure.js'
import { Latencies } from '../demo/latencies.js'
import { eventGapMs, marketplaceEvents } from '../demo/marketplace.js'
import { LineWriter } from '../output.js'
import { startProgress } from '../progress.js'
import { onInterrupt } from '../signals.js'

export interface DemoFlags extends EventFlags {
  readonly events: number
  readonly items: number
  readonly seed: number
  readonly slowRate: number
  readonly input?: string
  readonly json?: boolean
}

/**
 * Writes that are started before everything else gets its turn. More of them is faster and starves
 * readers: all share a thread.
 */
const WRITES_PER_TURN = 128
const SAMPLE_EVERY = 97

export async function runDemo (flags: DemoFlags): Promise<number> {
  const events = flags.input === undefined
    ? generated(flags)
    : rowsOf(readEvents(flags.input, flags))
  const interrupt = onInterrupt()
  const cluster = await openCluster()
  const consuming = new AbortController()
  try {
    const demo = new Demo(cluster, flags)
    const consumers = demo.consume(consuming.signal)
    const report = await Promise.race([demo.run(events, interrupt.signal), failureOf(consumers)])
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
async function failureOf (consumers: Promise<unknown>): Promise<never> {
  await consumers
  return await new Promise<never>(() => {})
}

class Demo {
  readonly #cluster: DemoCluster
  readonly #model = new Model()
  readonly #fast: DemoConsumer
  readonly #slow: DemoConsumer
  readonly #slowRate: number
  readonly #total: number | undefined
  readonly #writes = new Latencies()
  readonly #replications = new Latencies()
  readonly #watches: readonly ReplicationWatch[]
  #events = 0
  #rejected = 0

  constructor (cluster: DemoCluster, { slowRate, events, input }: DemoFlags) {
    const { client, nodes } = cluster
    this.#cluster = cluster
    this.#slowRate = slowRate
    this.#total = input === undefined ? events : undefined
    this.#fast = new DemoConsumer(client.cache(CACHE), 'fast', null, this.#model)
    this.#slow = new DemoConsumer(client.cache(CACHE), 'slow', slowRate, this.#model)
    this.#watches = nodes.map(node =>
      new ReplicationWatch(node.cache(CACHE), this.#model, this.#replications)
    )
  }

  async consume (signal: AbortSignal): Promise<void> {
    await Promise.all([this.#fast.run(signal), this.#slow.run(signal)])
  }

  async run (events: AsyncIterable<Event | null>, signal: AbortSignal): Promise<DemoReport> {
    const startMs = performance.now()
    await this.#write(events, signal)
    const writtenMs = performance.now()
    await this.#settle(signal)
    const settledMs = performance.now()
    const { nodes } = this.#cluster
    return {
      events: this.#events,
      rejected: this.#rejected,
      seconds: seconds(writtenMs - startMs),
      eventsPerSecond: Math.round(this.#events / (writtenMs - startMs) * 1000),
      drainSeconds: seconds(settledMs - writtenMs),
      records: countRecords(nodes),
      replicas: {
        nodes: nodes.length,
        identical: isConverged(nodes),
        differingGroups: differingGroups(nodes),
        wrongRecords: await this.#countWrong()
      },
      consumers: { fast: this.#fast.report(this.#events), slow: this.#slow.report(this.#events) },
      writeMs: this.#writes.summary(),
      replicationMs: this.#replications.summary()
    }
  }

  async #write (events: AsyncIterable<Event | null>, signal: AbortSignal): Promise<void> {
    const progress = startProgress({
      label: 'events',
      stream: process.stderr,
      ...this.#total === undefined ? {} : { total: this.#total }
    })
    const caches = this.#cluster.nodes.map(node => node.cache(CACHE))
    let underWay: Array<Promise<void>> = []
    try {
      for await (const event of events) {
        const at = this.#events % caches.length
        const done = event === null ? undefined : this.#put(at, caches[at], event)
        if (done === undefined) this.#rejected++
        else underWay.push(done)
        if (underWay.length < WRITES_PER_TURN) continue
        await Promise.all(underWay)
        underWay = []
        await turn()
        for (const watch of this.#watches) await watch.look()
        progress.update(this.#events, `${this.#slow.backlog} wait for slow`)
        if (signal.aborted) break
      }
      await Promise.all(underWay)
    } finally {
      progress.stop()
    }
  }

  /** @returns undefined when the cache refuses the event */
  #put (
    node: number,
    cache: DemoCacheLike | undefined,
    { key, fields, at = systemPorts.clock.wallMs() }: Event
  ): Promise<void> | undefined {
    const startMs = performance.now()
    let done: Promise<void> | undefined
    try {
      done = cache?.put(key, fields, { at })
    } catch (error) {
      if (error instanceof MillpondError || error instanceof TypeError) return undefined
      throw error
    }
    this.#events++
    const isLatest = this.#model.write(key, fields, at)
    if (isLatest && this.#events % SAMPLE_EVERY === 0) {
      this.#sample(node, { key, fields, at, startMs })
    }
    return done?.then(() => this.#writes.record(performance.now() - startMs))
  }

  #sample (node: number, sample: Sample): void {
    this.#watches.forEach((watch, i) => {
      if (i !== node) watch.add(sample)
    })
    this.#fast.sample(sample)
    this.#slow.sample(sample)
  }

  /** Waits until replicas are identical and consumers were shown everything, but not for ever. */
  async #settle (signal: AbortSignal): Promise<void> {
    const progress = startProgress({ label: 'settling', stream: process.stderr })
    const deadlineMs = performance.now() + intervals.demoSettleMs +
      this.#model.size / this.#slowRate * 1000
    while (!signal.aborted && performance.now() < deadlineMs) {
      for (const watch of this.#watches) await watch.look()
      const waiting = this.#fast.backlog + this.#slow.backlog
      if (waiting === 0 && isConverged(this.#cluster.nodes)) break
      progress.update(this.#events, `${waiting} wait`)
      await sleep(intervals.demoPollMs)
    }
    progress.stop()
  }

  /**
   * Records of the first node that are not what the model says, missing and superfluous ones
   * included.
   */
  async #countWrong (): Promise<number> {
    const [node] = this.#cluster.nodes
    let right = 0
    let all = 0
    for await (const { key, fields } of node?.cache(CACHE).scan({ node: node.name }) ?? []) {
      all++
      if (this.#model.isCurrent(key, fields)) right++
    }
    return Math.max(all, this.#model.size) - right
  }
}

type DemoCacheLike = Pick<ReturnType<DemoCluster['client']['cache']>, 'put'>

/** Events that happened up to now. */
async function* generated ({ events, items, seed }: DemoFlags): AsyncGenerator<Event> {
  const startMs = Math.floor(systemPorts.clock.wallMs()) - (events + 1) * eventGapMs
  yield* marketplaceEvents({ seed, events, items, startMs })
}

/** null for a row that cannot be used. */
async function* rowsOf (rows: AsyncIterable<LineEvent>): AsyncGenerator<Event | null> {
  for await (const { line, event } of rows) {
    if ('problem' in event) process.stderr.write(`millpond: line ${line}: ${event.problem}\n`)
    yield 'problem' in event ? null : event
  }
}

function seconds (ms: number): number {
  return Math.round(ms) / 1000
}

async function print (report: DemoReport, isJson: boolean): Promise<void> {
  if (isJson) {
    const lines = new LineWriter()
    await lines.write(report)
    await lines.flush()
  } else {
    process.stdout.on('error', () => {}) // the reader has left
    process.stdout.write(describeReport(report))
  }
}
