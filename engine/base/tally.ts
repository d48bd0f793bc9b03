/**
 * Counts events that may come thousands of times a second, and tells their number once a second at
 * most: each of them would drown the log that reports them.
 */
import type { Timer, Timers } from '../ports.js'
import { intervals } from '../timing.js'

export class Tally {
  readonly #timers: Timers
  readonly #tell: (count: number) => void
  #count = 0
  #timer: Timer | undefined
  #closed = false

  /** @param tell is called with how many there were, within a second of the first of them */
  constructor (timers: Timers, tell: (count: number) => void) {
    this.#timers = timers
    this.#tell = tell
  }

  add (): void {
    if (this.#closed) return
    this.#count++
    this.#timer ??= this.#timers.after(intervals.tallyMs, () => this.#tellAll())
  }

  #tellAll (): void {
    const count = this.#count
    this.#count = 0
    this.#timer = undefined
    this.#tell(count)
  }

  /** Tells at once of those that were not told of; later ones do not count. */
  close (): void {
    this.#closed = true
    this.#timer?.cancel()
    if (this.#count > 0) this.#tellAll()
  }
}
