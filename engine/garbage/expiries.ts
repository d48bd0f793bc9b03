/**
 * The live entries of a shard that expire, and which of them are due. Asking costs nothing until
 * the earliest entry is due, and no answer holds more entries than one sweep may write.
 */
import { NO_FIELDS, type Entry } from '../record/entry.js'
import type { Limits } from '../limits.js'

export class Expiries {
  readonly #entries = new Set<Entry>()
  readonly #maxDue: number
  #earliest = Infinity

  constructor ({ maxExpiredPerSweep }: Limits) {
    this.#maxDue = maxExpiredPerSweep
  }

  add (entry: Entry): void {
    const expires = entry.extra?.expires ?? 0
    if (expires === 0) return
    this.#entries.add(entry)
    this.#earliest = Math.min(this.#earliest, expires)
  }

  delete (entry: Entry): void {
    this.#entries.delete(entry)
  }

  /**
   * Entries that have expired by the version-time `now`, at most limits.maxExpiredPerSweep. An
   * entry is due until it is deleted: the log may refuse the write that unsets it.
   */
  due (now: number): Entry[] {
    if (now < this.#earliest) return []
    const due: Entry[] = []
    this.#earliest = Infinity
    for (const entry of this.#entries) {
      const expires = entry.extra?.expires ?? 0
      // A replacement may have lost all its fields, and live on because it hides others. It has
      // nothing to unset, and must not take the turn of another entry.
      if (entry.fields === NO_FIELDS) {
        this.#entries.delete(entry)
        continue
      }
      this.#earliest = Math.min(this.#earliest, expires)
      if (expires <= now && due.length < this.#maxDue) due.push(entry)
    }
    return due
  }
}
