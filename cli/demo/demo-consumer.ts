/**
 * A consumer group of the demo: reads at its own pace, and counts the changes that it gets and the
 * records that wait for it.
 */
import type { Cache } from '../../node/cache/cache.js'
import { Latencies, type LatencySummary } from './latencies.js'
import type { Model, WaitingView } from './model.js'
import { DeliveryWatch, type Sample } from './samples.js'

const BATCHES_PER_SECOND = 20
const MAX_BATCH = 500

export interface ConsumerReport {
  /** Changes per second it takes; null when it takes all it can get. */
  readonly ratePerSecond: number | null
  readonly changes: number
  /** Events per change delivered. */
  readonly coalescingRatio: number
  /** The most records that waited for it at once. */
  readonly largestBacklog: number
  /** Records that still wait. */
  readonly backlog: number
  readonly deliveryMs: LatencySummary
}

export class DemoConsumer {
  readonly #cache: Cache
  readonly #group: string
  readonly #ratePerSecond: number | null
  readonly #view: WaitingView
  readonly #latencies = new Latencies()
  readonly #watch = new DeliveryWatch(this.#latencies)
  #changes = 0

  constructor (cache: Cache, group: string, ratePerSecond: number | null, model: Model) {
    this.#cache = cache
    this.#group = group
    this.#ratePerSecond = ratePerSecond
    this.#view = model.createView()
  }

  get backlog (): number {
    return this.#view.waiting
  }

  sample (sample: Sample): void {
    this.#watch.add(sample)
  }

  async run (signal: AbortSignal): Promise<void> {
    const rate = this.#ratePerSecond
    const batches = this.#cache.consume({
      group: this.#group,
      signal,
      ...rate === null
        ? {}
        : {
          ratePerSecond: rate,
          batchSize: Math.max(1, Math.min(MAX_BATCH, Math.ceil(rate / BATCHES_PER_SECOND)))
        }
    })
    for await (const batch of batches) {
      this.#changes += batch.changes.length
      for (const change of batch.changes) {
        this.#view.shown(change.key, change.fields)
        this.#watch.shown(change)
      }
      await batch.commit()
    }
  }

  report (events: number): ConsumerReport {
    return {
      ratePerSecond: this.#ratePerSecond,
      changes: this.#changes,
      coalescingRatio: this.#changes === 0 ? 0 : Math.round(events / this.#changes * 100) / 100,
      largestBacklog: this.#view.largest,
      backlog: this.#view.waiting,
      deliveryMs: this.#latencies.summary()
    }
  }
}
