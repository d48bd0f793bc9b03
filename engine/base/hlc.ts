/**
 * Versions: a hybrid logical clock packed into a safe integer, microseconds since 1970 (D2).
 *
 * The wall clock gives the milliseconds, and the low three digits count within a millisecond. Each
 * version is greater than every version that this clock gave or observed before, so a writer's own
 * order always stands, whatever its wall clock does. More than 1,000 writes in a millisecond borrow
 * from the next one.
 *
 * Versions far in the future are refused where a write enters. A merge refuses no version, because
 * replicas would diverge. Instead the clock declines to follow such a version: one machine with a
 * broken clock must not drag every other clock along.
 *
 * Source: Kulkarni, Demirbas et al., "Logical Physical Clocks" (2014).
 */
import { describe } from './plain.js'
import type { Clock } from '../ports.js'
import { FutureVersionError } from '../errors.js'
import type { Limits } from '../limits.js'

export const VERSION_UNITS_PER_MS = 1000
/** The last time that a Date has, in the year 275760. */
const MAX_DATE_MS = 8.64e15

export class HybridClock {
  readonly #clock: Clock
  readonly #maxFutureMs: number
  #last = 0

  constructor (clock: Clock, { maxFutureMs }: Limits) {
    this.#clock = clock
    this.#maxFutureMs = maxFutureMs
  }

  /** A version greater than any given or observed before. */
  next (): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#clock.wallMs() * VERSION_UNITS_PER_MS))
    return this.#last
  }

  /**
   * Follows a version seen in an entry of another writer.
   * @returns false when the version lies too far in the future to follow; the entry is merged all
   *   the same
   */
  observe (version: number): boolean {
    if (version <= this.#last) return true
    if (version > this.horizon()) return false
    this.#last = version
    return true
  }

  /** The version-time now, by the wall clock alone. Expiries are compared with it. */
  now (): number {
    return Math.floor(this.#clock.wallMs() * VERSION_UNITS_PER_MS)
  }

  /** The latest version a write may carry now. */
  horizon (): number {
    return (this.#clock.wallMs() + this.#maxFutureMs) * VERSION_UNITS_PER_MS
  }

  /**
   * The version of an event that happened at `at` (a Date, or milliseconds since 1970).
   * @throws TypeError when `at` is no time; FutureVersionError when it lies more than
   *   limits.maxFutureMs ahead
   */
  versionAt (at: Date | number): number {
    const ms = typeof at === 'number' ? at : at instanceof Date ? at.getTime() : NaN
    if (!Number.isFinite(ms) || ms < 0) {
      throw new TypeError(`at must be a Date or milliseconds since 1970, got ${describe(at)}`)
    }
    const version = Math.round(ms * VERSION_UNITS_PER_MS)
    if (version > this.horizon()) {
      throw new FutureVersionError(
        `event time ${ms <= MAX_DATE_MS ? new Date(ms).toISOString() : `${ms} ms`} lies more than ${
          this.#maxFutureMs / 1000
        } s in the future; check the clock of its source`
      )
    }
    return version
  }
}
