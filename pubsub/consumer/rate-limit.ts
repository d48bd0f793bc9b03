/**
 * A token bucket: lets a consumer read at most so many records per second, in portions of about a
 * twentieth of a second, so that a fast rate does not turn into a request per record. Up to 20
 * records per second a portion is one record.
 */
import type { Clock } from '../../engine/ports.js'

const BURST_SECONDS = 0.1

export class RateLimit {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #capacity: number
  #tokens: number
  #filledMs: number

  /** @param perSecond records per second; Infinity for no limit */
  constructor (clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#capacity = Math.max(1, perSecond * BURST_SECONDS)
    this.#tokens = this.#capacity
    this.#filledMs = clock.monotonicMs()
  }

  /** The number of records that may be read now: 0 while less than half a burst is saved up. */
  get allowed (): number {
    if (this.#perSecond === Infinity) return Infinity
    const now = this.#clock.monotonicMs()
    this.#tokens = Math.min(
      this.#capacity,
      this.#tokens + (now - this.#filledMs) / 1000 * this.#perSecond
    )
    this.#filledMs = now
    return this.#tokens >= this.#portion ? Math.floor(this.#tokens) : 0
  }

  get #portion (): number {
    return Math.max(1, this.#capacity / 2)
  }

  /**
   * How long until something is allowed, in whole milliseconds and at least 1: a wait of a fraction
   * could be rounded to none, over and over.
   */
  get waitMs (): number {
    return this.allowed > 0
      ? 0
      : Math.max(1, Math.ceil((this.#portion - this.#tokens) / this.#perSecond * 1000))
  }

  take (records: number): void {
    this.#tokens -= records
  }
}
