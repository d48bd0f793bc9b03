/**
 * The entries of a shard that wait for their place in the log.
 *
 *   entries   stand in the index already, and may be superseded there before they are logged
 *   losers    lost to an earlier entry here, and are logged all the same: so replicas can confirm
 *             them. They are not in the index. Under its dot a loser is admitted once more; only a
 *             retry of an entry that is there can win then
 *
 *   invariants   a pending entry has incarnation 0, and its claims the clock Infinity
 */
import type { Entry } from '../record/entry.js'
import type { Limits } from '../limits.js'

/** The order in which entries are logged: losers first. */
export interface Waiting {
  readonly entries: readonly Entry[]
  /** The losers among the entries. */
  readonly losers: readonly Entry[]
}

export class PendingEntries {
  readonly #most: number
  #entries: Entry[] = []
  #losers: Entry[] = []
  /** Tombstones of the log that have a retry among the losers. */
  readonly #loggedAgain = new Set<Entry>()
  #dead = 0
  #isUndecided = false

  constructor ({ maxPendingEntries }: Limits) {
    this.#most = maxPendingEntries
  }

  get size (): number {
    return this.#entries.length + this.#losers.length
  }

  get isFull (): boolean {
    return this.size >= this.#most
  }

  add (entry: Entry): void {
    this.#entries.push(entry)
  }

  keep (loser: Entry): void {
    loser.live = false
    this.#losers.push(loser)
  }

  /** Keeps a loser that may win once it has a dot. It has to be logged before anything is read. */
  keepUndecided (loser: Entry): void {
    this.keep(loser)
    this.#isUndecided = true
  }

  /** Keeps the retry of a tombstone of the log, unless one is kept already. */
  keepOnce (tombstone: Entry, retry: Entry): void {
    if (this.#loggedAgain.has(tombstone)) return
    this.#loggedAgain.add(tombstone)
    this.keep(retry)
  }

  /** A pending entry was superseded. */
  died (): void {
    this.#dead++
  }

  /**
   * Makes room by leaving out superseded entries, unless that would free too little.
   * @returns whether the entries have to be logged now: there is no room, or only a dot decides
   *   whether a loser wins
   */
  needsFlush (): boolean {
    if (this.#isUndecided) return true
    if (!this.isFull) return false
    if (this.#dead * 2 < this.size) return true
    this.#entries = this.#entries.filter(entry => entry.live)
    this.#dead = 0
    return false
  }

  /** The entries that a flush takes to the log. They stay here until clear(). */
  get waiting (): Waiting {
    const losers = this.#losers
    return {
      losers,
      entries: losers.concat(
        this.#dead === 0 ? this.#entries : this.#entries.filter(entry => entry.live)
      )
    }
  }

  /** Forgets all of them, once they were logged. */
  clear (): void {
    this.#entries = []
    this.#losers = []
    this.#loggedAgain.clear()
    this.#dead = 0
    this.#isUndecided = false
  }
}
