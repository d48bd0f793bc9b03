/**
 * The tasks of an in-process network, run in the order in which they came, a slice at a time:
 * between two slices timers and input get their turn.
 */
import type { Timers } from '../../../engine/ports.js'

/** Tasks run in one go. */
const TASKS_PER_SLICE = 256

export class TaskQueue {
  readonly #timers: Timers
  /** Tasks of the current slices, and tasks that have come in since. */
  #queue: (() => void)[] = []
  #next: (() => void)[] = []
  #at = 0
  #draining = false

  constructor (timers: Timers) {
    this.#timers = timers
  }

  /** Runs `task` after all that were added before, and never before this returns. */
  add (task: () => void): void {
    this.#next.push(task)
    this.#schedule()
  }

  #schedule (): void {
    if (this.#draining) return
    this.#draining = true
    this.#timers.after(0, () => {
      this.#draining = false
      this.#drain()
    })
  }

  #drain (): void {
    if (this.#at === this.#queue.length) {
      this.#queue = this.#next
      this.#next = []
      this.#at = 0
    }
    const end = Math.min(this.#at + TASKS_PER_SLICE, this.#queue.length)
    // Scheduled before the work: should a task throw after all, the rest still gets its turn.
    if (end < this.#queue.length) this.#schedule()
    while (this.#at < end) this.#queue[this.#at++]?.()
    if (this.#next.length > 0) this.#schedule()
  }
}
