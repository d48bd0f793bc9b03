/**
 * A shard: one CRDT map of records, kept as a compacted log (D1).
 *
 *            put, delete                                merge(update)
 *                |                                           |
 *        admitted to the index                     1. flush pending entries
 *        at once, and pending                      2. check that it continues our log
 *                |  flush                          3. append its runs, admit its entries
 *        appended to the log,
 *        dots assigned, delta emitted
 *
 * This file is the front of a shard, and the one place that decides which calls flush first.
 * shard-state.ts holds the parts of a shard; write-buffer.ts, flushing.ts, merging.ts,
 * resetting.ts and collecting.ts change them.
 *
 *   invariants   1. every call that reads the log (encode, merge, changes) flushes first: an entry
 *                   of the log is never hidden by one that is not in the log
 *                2. the state vector names exactly the entries admitted, so equal vectors mean
 *                   equal records
 *                3. an update is applied whole or not at all
 *                4. pending entries <= limits.maxPendingEntries (write-buffer.ts);
 *                   dead entries are bounded by the live ones (slots.ts)
 */
import { collectTombstones, retireIncarnations } from './garbage/collecting.js'
import { NO_FIELDS, type Entry } from './record/entry.js'
import { encodeAbove, flush } from './write/flushing.js'
import { LogError, type NewerForm } from './errors.js'
import { joinFloors, shownVersion, type Floor } from './garbage/floor.js'
import { hasMute, type CollectOptions } from './garbage/garbage.js'
import type { ShardLog } from './log/log.js'
import { mergeRuns, readUpdate, type MergeResult } from './merge/merging.js'
import { fieldsOf, isDeleted, versionOf } from './record/reading.js'
import type { Index } from './record/record.js'
import { resetTo } from './merge/resetting.js'
import { ShardState, type ShardOptions } from './shard-state.js'
import type { StateVector } from './base/state-vector.js'
import type { Fields } from './base/values.js'
import { unsetExpired } from './write/own-writes.js'
import { standingAbove } from './write/standing.js'
import { bufferWrite } from './write/write-buffer.js'
import type { Write } from './write/write.js'

export type { MergeResult } from './merge/merging.js'

const NOTHING: StateVector = new Map()

export class Shard {
  readonly shard: number
  readonly incarnation: number
  readonly index: Index
  readonly #state: ShardState

  constructor (options: ShardOptions) {
    this.#state = new ShardState(options)
    this.shard = options.shard
    this.incarnation = options.incarnation
    this.index = this.#state.index
  }

  /**
   * The record's current fields, frozen, buffered writes included; undefined when there is none.
   */
  get (key: string): Fields | undefined {
    const head = this.index.get(key)
    if (head === undefined) return undefined
    if (head.isPlain) return head.fields === NO_FIELDS ? undefined : head.frozenFields as Fields
    return Object.freeze(fieldsOf(head, this.now)) // asking for the time costs as much as the rest
  }

  /**
   * The greatest version in a record, dropped tombstones included: it never goes back for a key.
   */
  versionOf (head: Entry): number {
    return Math.max(versionOf(head), shownVersion(this.#state.floor, head.key))
  }

  /** The version-time now. */
  get now (): number {
    return this.#state.now()
  }

  get liveEntries (): number {
    return this.#state.liveEntries
  }
  get deadEntries (): number {
    return this.#state.log.holes
  }
  get pendingEntries (): number {
    return this.#state.pending.size
  }

  /** Records that exist now. O(records). */
  countRecords (): number {
    let count = 0
    const { now } = this
    for (const head of this.index.values()) if (!isDeleted(head, now)) count++
    return count
  }

  /**
   * Buffers one write.
   * @param keepLoser log the write even where an earlier one beats it, so that replicas can confirm
   *   that they hold it
   * @returns false when the write changed nothing here: it was older than the record, or a retry
   * @throws KindError when the write uses a field as another kind than it is, LimitError, LogError
   *   (nothing changed)
   */
  write (write: Write, keepLoser = false): boolean {
    return bufferWrite(this.#state, write, keepLoser)
  }

  /** The version of what would take something from a write here; 0 for nothing. */
  standingAbove (write: Write): number {
    return standingAbove(this.#state, write)
  }

  /**
   * Unsets fields that have expired, so that consumers hear of it.
   * @returns how many entries it unset, at most limits.maxExpiredPerSweep
   */
  expire (): number {
    return unsetExpired(this.#state)
  }

  /**
   * Logs pending entries and emits them as deltas of at most limits.maxDeltaBytes.
   * @throws LogError: nothing was emitted, and the entries wait for the next flush
   */
  flush (): void {
    flush(this.#state)
  }

  /**
   * Merges a peer's delta, diff or snapshot. Merging is commutative, associative and idempotent.
   * Fields that a tombstone dropped here would have hidden are unset: the sender had never seen
   * that tombstone, and other replicas may have the fields too.
   * @param isOurs whether the update comes from our own store: then such fields were unset when the
   *   update first came
   */
  merge (update: Uint8Array, isOurs = false): MergeResult {
    const runs = readUpdate(this.#state, update)
    return Array.isArray(runs) ? mergeRuns(this.#state, runs, !isOurs) : runs
  }

  /**
   * The canonical encoding of everything above `since`: a diff for a replica that has seen `since`,
   * a snapshot without it. Replicas with equal state vectors encode to equal bytes. The update must
   * be applied whole: an entry may be encoded as superseded because of one further on.
   */
  encode (since: StateVector = NOTHING): Uint8Array {
    this.flush()
    return encodeAbove(this.#state, since)
  }

  /** The entries this replica has seen, buffered writes included: they are flushed. */
  get stateVector (): StateVector {
    this.flush()
    return this.#state.log.stateVector
  }

  /** Every dropped tombstone lies below it, and every entry of a retired incarnation. */
  get floor (): Floor {
    return this.#state.floor
  }

  /** The entries this replica has seen, those of retired incarnations included. */
  get known (): StateVector {
    this.flush()
    return this.#state.known
  }

  /** Takes over the floor that came with a stored snapshot. */
  restoreFloor (floor: Floor): void {
    this.#state.floor = joinFloors(this.#state.floor, floor, this.#state.limits)
  }

  /**
   * Takes over the whole state of a peer that has dropped tombstones this replica had not seen.
   * Entries that the peer has seen and no longer has are dropped here too. Entries that the peer
   * has not seen stay; fields of theirs that the peer had deleted are unset, with writes that all
   * replicas will see.
   */
  reset (snapshot: Uint8Array, floor: Floor): MergeResult {
    const runs = readUpdate(this.#state, snapshot)
    return Array.isArray(runs) ? resetTo(this.#state, runs, floor) : runs
  }

  /** Drops tombstones that no replica and no consumer needs any more. @returns how many */
  collect (options: CollectOptions): number {
    this.flush()
    return collectTombstones(this.#state, options)
  }

  /** Whether tombstones written before this version-time are waiting to be collected. */
  hasTombstones (before: number): boolean {
    this.flush()
    return hasMute(this.index, before)
  }

  /**
   * Takes incarnations that own nothing live out of the state vector, where every replica has seen
   * all of them.
   * @param inUse ids of processes that may write again
   */
  retire (stable: StateVector, inUse: ReadonlySet<number>): number[] {
    this.flush()
    return retireIncarnations(this.#state, stable, inUse)
  }

  /**
   * The entry of a newer release that this replica cannot read: until it is upgraded, it takes
   * nothing that depends on that entry. Null when there is none.
   */
  get standsBefore (): NewerForm | null {
    return this.#state.standsBefore
  }

  /**
   * Digest of the state vector: of what was logged, where the log takes no more. So it can always
   * be told, beside those of other shards.
   */
  get digest (): string {
    try {
      this.flush()
    } catch (error) {
      if (!(error instanceof LogError)) throw error
    }
    return this.#state.digest
  }

  /** The log, flushed. */
  get log (): ShardLog {
    this.flush()
    return this.#state.log.current
  }

  /**
   * Takes all superseded entries out of the log, in one go. Nothing but the memory used changes.
   */
  compact (): void {
    this.flush()
    this.#state.log.compact()
  }
}
