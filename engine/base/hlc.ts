/**
 * Versions: a hybrid logical clock packed into a safe integer, microseconds since 1970 (D2).
 *
 * The wall clock gives the milliseconds, or the time that the nodes agree on (SharedTime) where it
 * is later; the low three digits count within a millisecond. Each version is greater than every
 * version that this clock gave or observed before, so a writer's own order stands although its wall
 * clock goes back. More than 1,000 writes in a millisecond borrow from the next one.
 *
 * The future begins where the nodes say, not where one wall clock does. Versions far in the future
 * are refused where a write enters. A merge refuses no version, because replicas
 * would diverge. Instead the clock declines to follow such a version: one machine with a broken
 * clock must not drag every other clock along.
 *
 * Source: Kulkarni, Demirbas et al., "Logical Physical Clocks" (2014).
 */
import { describe } from './plain.js'
import type { Clock } from '../ports.js'
import { FutureVersionError } from '../errors.js'
import type { Limits } from '../limits.js'

export const VERSION_UNITS_PER_MS = 1000
/** So far beyond the horizon versions may go that were borrowed one by one from the future. */
const BORROWED = 1000 * VERSION_UNITS_PER_MS
/** The last time that a Date has, in the year 275760. */
const MAX_DATE_MS = 8.64e15

/** The time that several machines agree on: by it the future is judged, and what has expired. */
export interface SharedTime {
  /** Milliseconds since 1970, with fractions. */
  nowMs(): number
  /** Whether other machines were heard: without any, it is this process's own wall clock. */
  readonly isShared: boolean
  /** Whose clock this process's own is, and whose time this is, in words. */
  readonly owner: string
  readonly name: string
}

export class HybridClock {
  readonly #clock: Clock
  readonly #time: SharedTime
  readonly #maxFutureMs: number
  #last = 0

  /** @param time default: the wall clock alone */
  constructor (clock: Clock, { maxFutureMs }: Limits, time: SharedTime = ownTime(clock)) {
    this.#clock = clock
    this.#time = time
    this.#maxFutureMs = maxFutureMs
  }

  /**
   * A version for a write that is dated by this clock, greater than any given or observed before.
   * @throws FutureVersionError when this clock is more than limits.maxFutureMs ahead of the others
   */
  next (): number {
    const own = this.#own()
    if (!this.#time.isShared) return this.#last = Math.max(this.#last + 1, own)
    const now = this.now()
    const horizon = now + this.#maxFutureMs * VERSION_UNITS_PER_MS
    if (own > horizon) {
      const { owner, name } = this.#time
      throw new FutureVersionError(
        `the clock of ${owner} is ${this.secondsAhead(own)} s ahead of ${name}, so it dates no ` +
          `write; correct the clock of ${owner}, or give the event time`
      )
    }
    return this.#after(Math.max(own, now), horizon)
  }

  /**
   * As next, for a write that is not dated by this clock: it only tells writes apart that have the
   * same date.
   */
  stamp (): number {
    const own = this.#own()
    if (!this.#time.isShared) return this.#last = Math.max(this.#last + 1, own)
    const now = this.now()
    const horizon = now + this.#maxFutureMs * VERSION_UNITS_PER_MS
    return this.#after(own > horizon ? now : Math.max(own, now), horizon)
  }

  #own (): number {
    return Math.floor(this.#clock.wallMs() * VERSION_UNITS_PER_MS)
  }

  /**
   * Versions that this clock gave while it was ahead, and alone, are nothing to go on from once
   * the others are heard: they would refuse every later one.
   */
  #after (version: number, horizon: number): number {
    const next = Math.max(this.#last + 1, version)
    this.#last = next > horizon + BORROWED ? version : next
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

  /** The version-time now, as the machines agree on it. Expiries are compared with it. */
  now (): number {
    return Math.floor(this.#time.nowMs() * VERSION_UNITS_PER_MS)
  }

  /** The latest version a write may carry now. */
  horizon (): number {
    return (this.#time.nowMs() + this.#maxFutureMs) * VERSION_UNITS_PER_MS
  }

  /** By how many seconds a version lies ahead of the time that the machines agree on. */
  secondsAhead (version: number): number {
    return Math.round(version / VERSION_UNITS_PER_MS - this.#time.nowMs()) / 1000
  }

  /** The time by which a version lies ahead, in words. */
  get timeName (): string {
    return this.#time.name
  }

  /**
   * The version of an event that happened at `at` (a Date, or milliseconds since 1970).
   * @throws TypeError when `at` is no time; FutureVersionError when it lies more than
   *   limits.maxFutureMs ahead
   */
  versionAt (at: Date | number): number {
    const ms = typeof at === 'number' ? at : at instanceof Date ? at.getTime() : NaN
    if (!Number.isFinite(ms) || ms < 0) {
      throw new TypeError(
        `at must be a Date or milliseconds since 1970, not before it, got ${describe(at)}`
      )
    }
    const version = Math.round(ms * VERSION_UNITS_PER_MS)
    if (version > this.horizon()) {
      const { owner, name } = this.#time
      const own = this.#own()
      const cause = this.#time.isShared && own > this.horizon()
        ? `the clock of ${owner} is ${this.secondsAhead(own)} s ahead of it, too`
        : 'check the clock of its source'
      throw new FutureVersionError(
        `event time ${ms <= MAX_DATE_MS ? new Date(ms).toISOString() : `${ms} ms`} lies ${
          this.secondsAhead(version)
        } s in the future, at most ${this.#maxFutureMs / 1000} are allowed, by ${name}; ${cause}`
      )
    }
    return version
  }
}

function ownTime (clock: Clock): SharedTime {
  return {
    nowMs: () => clock.wallMs(),
    isShared: false,
    owner: 'this process',
    name: 'the clock of this process'
  }
}
