/**
 * Calls back when a time is up, for many at once: those that were given the same time end in the
 * order they began, so one timer serves all of them. A write costs no timer of its own.
 */
import type { Clock, Timer, Timers } from '../ports.js'

interface Deadline {
  readonly atMs: number
  readonly expire: () => void
}

/** All that were given the same time, in the order in which they end. */
interface DeadlineLine {
  readonly deadlines: Set<Deadline>
  timer: Timer | undefined
}

export class Deadlines {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #timers: Timers
  readonly #lines = new Map<number, DeadlineLine>()

  constructor (
    { clock, timers }: { readonly clock: Pick<Clock, 'monotonicMs'>, readonly timers: Timers }
  ) {
    this.#clock = clock
    this.#timers = timers
  }

  /**
   * @param expire called once, after so many milliseconds
   * @returns takes the deadline away; calling it again, or too late, does nothing
   */
  after (delayMs: number, expire: () => void): () => void {
    const line = this.#lines.get(delayMs) ?? this.#begin(delayMs)
    const deadline = { atMs: this.#clock.monotonicMs() + delayMs, expire }
    line.deadlines.add(deadline)
    line.timer ??= this.#timers.after(delayMs, () => this.#due(delayMs, line))
    return () => {
      if (line.deadlines.delete(deadline) && line.deadlines.size === 0) this.#end(delayMs, line)
    }
  }

  #begin (delayMs: number): DeadlineLine {
    const line: DeadlineLine = { deadlines: new Set(), timer: undefined }
    this.#lines.set(delayMs, line)
    return line
  }

  /** The first in line may be taken away by now: then the next one is waited for. */
  #due (delayMs: number, line: DeadlineLine): void {
    line.timer = undefined
    const nowMs = this.#clock.monotonicMs()
    for (const deadline of line.deadlines) {
      if (deadline.atMs > nowMs) {
        line.timer = this.#timers.after(deadline.atMs - nowMs, () => this.#due(delayMs, line))
        return
      }
      line.deadlines.delete(deadline)
      deadline.expire()
    }
    this.#end(delayMs, line)
  }

  #end (delayMs: number, line: DeadlineLine): void {
    line.timer?.cancel()
    line.timer = undefined
    if (this.#lines.get(delayMs) === line) this.#lines.delete(delayMs)
  }
}
