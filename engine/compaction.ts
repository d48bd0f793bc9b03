/**
 * A compaction: copies what is left of a log into a fresh one, a slice at a time, while the old one goes on being used.
 *
 *   old     0 ---- copied ---- | ---- still to copy ---- | <- flushes and merges append here
 *   fresh   0 ---- copied ---- |
 *
 * Entries superseded meanwhile leave their hole in both. It is done when the fresh log has caught up with the old one,
 * which it does because each slice is longer than what was appended since the last.
 */
import type { Entry } from './entry.js'
import { ShardLog } from './log.js'

export class Compaction {
  readonly fresh = new ShardLog()
  /** Holes that came to be in the fresh log since it was begun. */
  holes = 0
  readonly #old: ShardLog

  constructor (old: ShardLog) { this.#old = old }

  /** Copies at most `maxSlots` entries and holes. @returns whether nothing is left to copy */
  step (maxSlots: number): boolean {
    let slots = maxSlots
    for (const [incarnation, end] of this.#old.stateVector) {
      let clock = this.fresh.end(incarnation)
      if (clock === end) continue
      if (slots <= 0) return false
      const stretch = this.#old.stretch(incarnation, clock, slots)
      this.fresh.append(stretch.runs)
      for (const run of stretch.runs) slots -= run.entries === null ? 1 : run.length
      clock = stretch.end
      if (clock < end) return false
    }
    return true
  }

  /** To be told of every entry of the old log that is superseded. */
  bury (entry: Entry): void {
    if (entry.clock >= this.fresh.end(entry.incarnation)) return
    this.fresh.bury(entry)
    this.holes++
  }
}
