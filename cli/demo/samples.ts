/**
 * How long sampled writes take to be seen elsewhere. Only a write with the latest event time of its
 * record is sampled.
 *
 *   replication   from the call of put until another node reads the fields as they were written,
 *                 each other node by itself. A sample that a later event supersedes before it was
 *                 read is dropped: its delay is not known
 *   delivery      from the call of put until a consumer gets a batch with the record at that
 *                 version, or at a later one
 *
 * Another node is looked at whenever the loop that writes lets go, about once per millisecond: no
 * figure is finer than that.
 */
import { isDeepStrictEqual } from 'node:util'
import { VERSION_UNITS_PER_MS } from '../../engine/base/hlc.js'
import type { Change } from '../../engine/changes.js'
import type { Fields } from '../../engine/base/values.js'
import type { Cache } from '../../node/cache/cache.js'
import type { Latencies } from './latencies.js'
import type { Model } from './model.js'

export interface Sample {
  readonly key: string
  readonly fields: Fields
  /** Event time. */
  readonly at: number
  /** When put was called. */
  readonly startMs: number
}

/**
 * More samples than this are not waited for at a time: looking for them must not become the load.
 */
const MAX_PENDING = 32

/** Looks for samples at one node. */
export class ReplicationWatch {
  readonly #cache: Cache
  readonly #model: Model
  readonly #latencies: Latencies
  #pending: Sample[] = []

  constructor (cache: Cache, model: Model, latencies: Latencies) {
    this.#cache = cache
    this.#model = model
    this.#latencies = latencies
  }

  add (sample: Sample): void {
    if (this.#pending.length < MAX_PENDING) this.#pending.push(sample)
  }

  async look (): Promise<void> {
    const waiting: Sample[] = []
    for (const sample of this.#pending.splice(0)) {
      const fields = await this.#cache.get(sample.key)
      if (
        fields !== undefined &&
        Object.keys(sample.fields).every(name =>
          isDeepStrictEqual(fields[name], sample.fields[name])
        )
      ) this.#latencies.record(performance.now() - sample.startMs)
      else if (!this.#model.isSuperseded(sample.key, sample.fields, sample.at)) waiting.push(sample)
    }
    this.#pending.push(...waiting)
  }
}

/** Looks for samples in the batches of one consumer. */
export class DeliveryWatch {
  readonly #latencies: Latencies
  readonly #pending = new Map<string, Array<{ version: number, startMs: number }>>()

  constructor (latencies: Latencies) {
    this.#latencies = latencies
  }

  add ({ key, at, startMs }: Sample): void {
    const sample = { version: Math.round(at * VERSION_UNITS_PER_MS), startMs }
    const same = this.#pending.get(key)
    if (same === undefined) this.#pending.set(key, [sample])
    else same.push(sample)
  }

  shown ({ key, version }: Change): void {
    const samples = this.#pending.get(key)
    if (samples === undefined) return
    for (const sample of samples) {
      if (sample.version <= version) this.#latencies.record(performance.now() - sample.startMs)
    }
    const left = samples.filter(sample => sample.version > version)
    if (left.length === 0) this.#pending.delete(key)
    else this.#pending.set(key, left)
  }
}
