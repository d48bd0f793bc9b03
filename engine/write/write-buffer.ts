/**
 * The write buffer (D3): writes that took their place in the index and wait for their place in the
 * log.
 *
 * Because the buffer is the index itself, a buffered write is readable at once, and when a later
 * one supersedes it before the flush it is simply never logged: a hammered key costs one entry. The
 * object of an entry that is overwritten is used again for the next. Operations take a way of their
 * own (buffered-operations.ts).
 *
 *   invariants   a buffered entry has incarnation 0, and its claims the clock Infinity; at most
 *                limits.maxPendingEntries wait
 */
import { bufferOperations, type OperationTarget } from './buffered-operations.js'
import { NO_CLAIMS } from '../fields/claims.js'
import { Entry, NO_FIELDS, type EntryFields, type Extra } from '../record/entry.js'
import { KindError } from '../errors.js'
import { graveOf, type Floor } from '../garbage/floor.js'
import { isMute } from '../garbage/garbage.js'
import { lateWrites, withoutHidden } from './late-writes.js'
import type { Limits } from '../limits.js'
import { kindIn } from '../record/reading.js'
import { entriesOf, replacesAll, type Index } from '../record/record.js'
import type { Write } from './write.js'

export interface WriteBufferOptions {
  readonly limits: Limits
  readonly index: Index
  readonly incarnation: number
  /** Places a new entry in the index, and counts it. */
  readonly admit: (entry: Entry) => void
  /** Places an entry again that was taken out. */
  readonly readmit: (entry: Entry) => void
  /** An entry of the index is about to become another one. */
  readonly onLeaving: (entry: Entry) => void
  readonly onBecame: (entry: Entry) => void
  readonly onDead: (entry: Entry) => void
  /** The clock of the next entry that is logged. */
  readonly nextClock: () => number
  readonly now: () => number
  readonly floor: () => Floor
  /** Logs what is buffered. */
  readonly flush: () => void
}

/** What a flush takes to the log: losers first. */
export interface Buffered {
  readonly entries: readonly Entry[]
  /** Those among them that lost where they entered. */
  readonly losers: readonly Entry[]
}

export class WriteBuffer {
  readonly #options: WriteBufferOptions
  readonly #operationTarget: OperationTarget
  #entries: Entry[] = []
  /**
   * Writes that lost where they entered but must reach the replicas all the same: logged in full,
   * and dead on arrival unless it is a retry of what is there.
   */
  #losers: Entry[] = []
  /** Tombstones of the log of which there is a retry among the losers. */
  readonly #loggedAgain = new Set<Entry>()
  #dead = 0
  /** Whether one of the losers may turn out to be none, once it has a dot. */
  #undecided = false

  constructor (options: WriteBufferOptions) {
    this.#options = options
    this.#operationTarget = {
      ...options,
      add: entry => {
        this.#add(entry)
      },
      keep: loser => {
        this.#keep(loser)
      }
    }
  }

  get size (): number {
    return this.#entries.length + this.#losers.length
  }

  /** @returns whether it changed anything. @throws KindError, LimitError (nothing changed) */
  write (write: Write, keepLoser: boolean): boolean {
    if (write.operations !== undefined) {
      return bufferOperations(write, write.operations, keepLoser, this.#operationTarget)
    }
    if (write.version <= this.#options.floor().newest) {
      return write.fields === null
        ? this.#deleteLate(write, keepLoser)
        : this.#writeLate(write, write.fields, keepLoser)
    }
    return this.#writeFields(write, keepLoser)
  }

  /**
   * An event older than tombstones that were dropped here: other replicas may have one of its
   * record still (late-writes.ts).
   */
  #writeLate (write: Write, fields: EntryFields, keepLoser: boolean): boolean {
    if (write.clears === true) {
      const { clears: _, ...put } = write
      // What it puts in the very version of a grave is deleted there as well, so it takes nothing
      // away either.
      const version = graveOf(this.#options.floor(), write.key) === write.version
        ? write.version - 1
        : write.version
      this.#deleteLate({ key: write.key, version, stamp: write.stamp, fields: null }, keepLoser)
      return this.#writeLate({ ...put, stamp: write.stamp + 1 }, fields, keepLoser)
    }
    const { changing, tombstones } = lateWrites(
      this.#options.index.get(write.key),
      write,
      fields,
      this.#options.floor()
    )
    if (keepLoser) { for (const tombstone of tombstones) this.#writeFields(tombstone, false) }
    return changing.map(part => this.#writeFields(part, keepLoser)).includes(true)
  }

  /**
   * A delete older than one that was dropped hides nothing that was not hidden already. What is
   * logged for it stays just below the dropped one, whose stamp nobody remembers: a write of that
   * very version may have come after it.
   */
  #deleteLate (write: Write, keepLoser: boolean): boolean {
    const grave = graveOf(this.#options.floor(), write.key)
    if (grave <= write.version) return this.#writeFields(write, keepLoser)
    if (keepLoser) this.#writeFields({ ...write, version: Math.max(0, grave - 1) }, false)
    return false
  }

  #writeFields (write: Write, keepLoser: boolean): boolean {
    const fields = write.fields ?? NO_FIELDS
    const clears = write.fields === null || write.clears === true
    const head = this.#options.index.get(write.key)
    if (
      head !== undefined && head.isOlderThan(write.version, write.stamp) &&
      replacesAll(head, fields, clears)
    ) {
      this.#overwrite(head, write, fields, clears)
      return true
    }
    if (head !== undefined && !clears) this.#assertRegisters(head, fields)
    const entry = new Entry(
      write.key,
      write.version,
      write.stamp,
      fields,
      clears,
      0,
      0,
      extraOf(write)
    )
    if (head !== undefined && clears && isUndecided(head, entry)) {
      this.#keep(entry)
      this.#undecided = true
      return true
    }
    this.#add(entry)
    if (keepLoser && (!entry.live || entry.fields !== fields)) {
      this.#keepWhatLost(write, fields, clears)
    }
    return entry.live
  }

  /**
   * What lost to a tombstone is not logged: a replica that has dropped the tombstone would show it.
   * Instead the tombstone is logged once more, as a retry of itself, and whoever confirms it
   * confirms that the write is over. With any later stamp it could hide what was written after the
   * tombstone.
   */
  #keepWhatLost (write: Write, fields: EntryFields, clears: boolean): void {
    const head = this.#options.index.get(write.key)
    const hiders = head === undefined
      ? []
      : entriesOf(head).filter(entry =>
        !entry.hasClaims && isMute(entry) && (entry.clears || !clears) &&
        !entry.isOlderThan(write.version, write.stamp)
      )
    const left = withoutHidden(fields, hiders)
    for (const hider of hiders) {
      if (hider.incarnation === 0 || this.#loggedAgain.has(hider)) continue
      this.#loggedAgain.add(hider)
      const { key, version, stamp, fields: unset, clears: all } = hider
      this.#keep(
        new Entry(
          key,
          version,
          stamp,
          all ? NO_FIELDS : unset,
          all,
          0,
          0,
          all ? null : extraOf({ fields: unset })
        )
      )
    }
    if (left !== null) {
      this.#keep(
        new Entry(
          write.key,
          write.version,
          write.stamp,
          left,
          clears,
          0,
          0,
          extraOf({ ...write, fields: left })
        )
      )
    }
  }

  /**
   * The usual write by far, so the object of the entry that dies is used again: the collector has
   * it among the old ones already.
   */
  #overwrite (head: Entry, write: Write, fields: EntryFields, clears: boolean): void {
    if (head.incarnation !== 0) this.#entries.push(head)
    this.#options.onLeaving(head)
    head.become(write.version, write.stamp, fields, clears, extraOf(write))
    this.#options.onBecame(head)
  }

  #assertRegisters (head: Entry, fields: EntryFields): void {
    if (!entriesOf(head).some(entry => entry.hasClaims)) return
    for (const name in fields) {
      const kind = fields[name] === undefined ? undefined : kindIn(head, name, this.#options.now())
      if (kind !== undefined && kind !== 'register') {
        throw new KindError(
          `field ${name} is a ${kind} and cannot be set to a value; unset it first, or use ` +
            'another field'
        )
      }
    }
  }

  #add (entry: Entry): void {
    this.#entries.push(entry)
    this.#options.admit(entry)
  }

  #keep (loser: Entry): void {
    loser.live = false
    this.#losers.push(loser)
  }

  /** A buffered entry was superseded before it was logged. */
  died (): void {
    this.#dead++
  }

  /**
   * Whether it must be flushed: for a dot that decides, or because it is full and ridding it of
   * superseded entries would free too little.
   */
  relieve (): boolean {
    if (this.#undecided) return true
    if (this.size < this.#options.limits.maxPendingEntries) return false
    if (this.#dead * 2 < this.size) return true
    this.#entries = this.#entries.filter(entry => entry.live)
    this.#dead = 0
    return false
  }

  /** What waits for the log. It stays here until it has been logged. */
  get waiting (): Buffered {
    const losers = this.#losers
    return {
      losers,
      entries: losers.concat(
        this.#dead === 0 ? this.#entries : this.#entries.filter(entry => entry.live)
      )
    }
  }

  /** Empties it, once all of it was logged. */
  clear (): void {
    this.#entries = []
    this.#losers = []
    this.#loggedAgain.clear()
    this.#dead = 0
    this.#undecided = false
  }
}

/**
 * Whether the record has an entry of the same version and stamp, from another writer, that a delete
 * or replacement hides or not depending on their dots. Fields that tie are given up by the later
 * one, but it cannot be half a delete. One that clears too is the same write, taken before. Claims
 * know no ties: only their epoch counts.
 */
function isUndecided (head: Entry, { version, stamp }: Entry): boolean {
  const tied = entriesOf(head).filter(other =>
    !other.hasClaims && other.version === version && other.stamp === stamp
  )
  return tied.length > 0 && !tied.some(other => other.clears)
}

function extraOf (
  { fields, expires = 0, late = 0 }: Pick<Write, 'fields' | 'expires' | 'late'>
): Extra | null {
  if (expires > 0 || late > 0) return { expires, late, claims: NO_CLAIMS }
  for (const name in fields) {
    if (fields[name] === undefined) return { expires: 0, late: 0, claims: NO_CLAIMS }
  }
  return null
}
