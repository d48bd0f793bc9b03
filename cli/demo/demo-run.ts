/**
 * One run of the demo: writes the events through all nodes in turn, lets a fast and a slow consumer
 * read, waits until nothing is left to do, and counts.
 *
 *   write latency         from the call of put until its promise resolved ('buffered'), every write
 *   replication, delivery see samples.ts; one write in SAMPLE_EVERY
 *   backlog               records whose last change a consumer was not shown yet, see model.ts
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { RowEvent } from '../../connectors/files/row-events.js'
import { MillpondError } from '../../engine/errors.js'
import { intervals } from '../../engine/timing.js'
import { systemPorts } from '../../node/system-ports.js'
import { startProgress } from '../progress.js'
import { DemoConsumer } from './demo-consumer.js'
import { Latencies } from './latencies.js'
import { Model } from './model.js'
import { CACHE, countRecords, differingGroups, isConverged, type DemoCluster } from './nodes.js'
import type { DemoReport } from './report.js'
import { ReplicationWatch, type Sample } from './samples.js'

/**
 * Writes that are started before everything else gets its turn. More of them is faster and starves
 * readers: all share a thread.
 */
const WRITES_PER_TURN = 128
const SAMPLE_EVERY = 97

export interface DemoRunOptions {
  /** Changes per second the slow consumer takes. */
  readonly slowRate: number
  /** How many events will come, when that is known: for the progress bar. */
  readonly total?: number
}

export class DemoRun {
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

  constructor (cluster: DemoCluster, { slowRate, total }: DemoRunOptions) {
    const { client, nodes } = cluster
    this.#cluster = cluster
    this.#slowRate = slowRate
    this.#total = total
    this.#fast = new DemoConsumer(client.cache(CACHE), 'fast', null, this.#model)
    this.#slow = new DemoConsumer(client.cache(CACHE), 'slow', slowRate, this.#model)
    this.#watches = nodes.map(node =>
      new ReplicationWatch(node.cache(CACHE), this.#model, this.#replications)
    )
  }

  /** Lets both consumers read until the signal. */
  async consume (signal: AbortSignal): Promise<void> {
    await Promise.all([this.#fast.run(signal), this.#slow.run(signal)])
  }

  /** @param events null stands for a row that cannot be used, which is counted */
  async run (events: AsyncIterable<RowEvent | null>, signal: AbortSignal): Promise<DemoReport> {
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

  async #write (events: AsyncIterable<RowEvent | null>, signal: AbortSignal): Promise<void> {
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
    { key, fields, at = systemPorts.clock.wallMs() }: RowEvent
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

function seconds (ms: number): number {
  return Math.round(ms) / 1000
}
