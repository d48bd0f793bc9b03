/**
 * A shard: one CRDT map of records, kept as a compacted log (D1).
 *
 *            put, delete                                merge(update)
 *                |                                           |
 *        admitted to the index                     1. flush what is pending
 *        at once, and pending                      2. check that it continues our log
 *                |  flush                          3. append its runs, admit its entries
 *        appended to the log,
 *        dots assigned, delta emitted
 *
 * This is its front. What it is made of is in shard-state.ts; what happens to it in
 * write-buffer.ts, flushing.ts, merging.ts, resetting.ts and collecting.ts.
 *
 *   invariants   1. whoever reads the log (encode, merge, changes) flushes first: an entry of the
 *                log is never hidden
 *                   by one that is not in the log
 *                2. the state vector names exactly the entries admitted, so equal vectors mean
 *                   equal records
 *                3. an update is applied whole or not at all
 *                4. buffered entries <= limits.maxPendingEntries (write-buffer.ts);
 *                   dead entries are bounded by the live ones (slots.ts)
 */
import { isEndedBy } from './fields/claims.js'
import { collectTombstones, retireIncarnations } from './garbage/collecting.js'
import { NO_FIELDS, type Entry, type Extra } from './record/entry.js'
import { LogError, type NewerForm } from './errors.js'
import { encodeAbove, flushBuffer } from './write/flushing.js'
import { canPatch, graveOf, joinFloors, shownVersion, type Floor } from './garbage/floor.js'
import { hasMute, type CollectOptions } from './garbage/garbage.js'
import type { ShardLog } from './log/log.js'
import { mergeRuns, readUpdate, type MergeResult } from './merge/merging.js'
import { fieldsOf, isDeleted, versionOf } from './record/reading.js'
import { claimsOf, type Index } from './record/record.js'
import { resetTo } from './merge/resetting.js'
import { ShardState, type ShardStateOptions } from './shard-state.js'
import type { StateVector } from './base/state-vector.js'
import type { Fields } from './base/values.js'
import { WriteBuffer } from './write/write-buffer.js'
import type { Write } from './write/write.js'

export type { MergeResult } from './merge/merging.js'

export interface ShardOptions extends ShardStateOptions {
  /** Takes each delta in the order of the log. */
  readonly onDelta: (shard: number, delta: Uint8Array) => void
}

const NOTHING: StateVector = new Map()

export class Shard {
  readonly shard: number
  readonly incarnation: number
  readonly index: Index
  readonly #options: ShardOptions
  readonly #state: ShardState
  readonly #buffer: WriteBuffer

  constructor (options: ShardOptions) {
    const state = new ShardState(options, () => this.#buffer.died())
    this.#options = options
    this.#state = state
    this.shard = options.shard
    this.incarnation = options.incarnation
    this.index = state.index
    this.#buffer = new WriteBuffer({
      limits: options.limits,
      index: state.index,
      incarnation: options.incarnation,
      admit: entry => state.admit(entry),
      readmit: entry => state.readmit(entry),
      onLeaving: entry => state.leaving(entry),
      onBecame: entry => state.became(entry),
      onDead: state.died,
      nextClock: () => state.end(options.incarnation),
      now: () => this.now,
      floor: () => this.#state.floor,
      flush: () => this.flush()
    })
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
    return this.#buffer.size
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
   * @returns false when it changed nothing here: it was older than what is there, or a retry of it
   * @throws KindError when it uses a field as another kind than it is, LimitError, LogError
   *   (nothing changed)
   */
  write (write: Write, keepLoser = false): boolean {
    // The buffer is full only after a flush that failed: relieve() flushes it before.
    if (this.#buffer.size >= this.#state.limits.maxPendingEntries) this.flush()
    const changed = this.#buffer.write(write, keepLoser)
    if (this.#buffer.relieve()) this.#tryToFlush()
    this.#options.onRecord?.(write.key)
    return changed
  }

  /**
   * Unsets what has expired, so that consumers hear of it. The fields read as absent anyway.
   * @returns how many records changed
   */
  expire (): number {
    const expired = this.#state.expiries.due(this.now)
    for (const entry of expired) {
      this.#unset(entry, Math.max(entry.stamp + 1, (entry.extra as Extra).expires))
    }
    return expired.length
  }

  /**
   * Ends the fields of one entry: the same write on every replica that makes it, right after the
   * entry and before anything later.
   */
  #unset ({ key, version, fields }: Entry, stamp: number): void {
    this.write({
      key,
      version,
      stamp,
      fields: Object.fromEntries(Object.keys(fields).map(name => [name, undefined]))
    })
  }

  /**
   * Ends those fields of an entry that have a grave, as the dropped tombstones would have done:
   * with a write like any other, for those who had neither.
   */
  #buryAgain (entry: Entry, floor: Floor): void {
    const { key, version, stamp } = entry
    const ended = Object.keys(entry.fields).filter(name => graveOf(floor, key, name) >= version)
    const claimed = claimsOf(entry).filter(claim =>
      isEndedBy(claim, graveOf(floor, key, claim.field))
    ).map(({ field }) => field)
    for (const name of new Set([...ended, ...claimed])) {
      this.write({
        key,
        version: graveOf(floor, key, name),
        stamp: stamp + 1,
        fields: { [name]: undefined }
      })
    }
  }

  /**
   * Writes what is buffered to the log and emits it as deltas of at most limits.maxDeltaBytes.
   * @throws LogError: nothing was emitted, and what is buffered waits for the next flush
   */
  flush (): void {
    if (this.#buffer.size > 0) flushBuffer(this.#state, this.#buffer, this.#options.onDelta)
  }

  /** If the log fails, what is buffered stays so until the next flush, which tells. */
  #tryToFlush (): void {
    try {
      this.flush()
    } catch (error) {
      if (!(error instanceof LogError)) throw error
    }
  }

  /**
   * Merges a peer's delta, diff or snapshot. Merging is commutative, associative and idempotent.
   * What a dropped tombstone would have hidden is unset: whoever sent it had never seen that
   * tombstone, and others may still have it.
   * @param isOurs whether it comes from our own store: then that was seen to when it came
   */
  merge (update: Uint8Array, isOurs = false): MergeResult {
    const runs = readUpdate(this.#state, update, () => this.flush())
    if (!Array.isArray(runs)) return runs
    return mergeRuns(
      this.#state,
      runs,
      isOurs ? undefined : entry => this.#buryAgain(entry, this.#state.floor)
    )
  }

  /**
   * The canonical encoding of everything above `since`: a diff for a replica that has seen `since`,
   * a snapshot without it. Replicas with equal state vectors encode to equal bytes. It must be
   * applied whole: it may call an entry superseded because of one further on.
   */
  encode (since: StateVector = NOTHING): Uint8Array {
    this.flush()
    return encodeAbove(this.#state, since)
  }

  /** What this replica has seen, buffered writes included (they are flushed). */
  get stateVector (): StateVector {
    this.flush()
    return this.#state.log.stateVector
  }

  /** Every dropped tombstone lies below it; of retired incarnations, everything. */
  get floor (): Floor {
    return this.#state.floor
  }

  /** What this replica has seen, retired incarnations included. */
  get known (): StateVector {
    this.flush()
    return this.#state.known
  }

  /**
   * Whether a replica or reader that has seen so much can be told the rest; if not it has to be
   * reset.
   */
  canPatch (seen: StateVector): boolean {
    return canPatch(this.#state.floor, seen)
  }

  /** Takes over the floor that came with a stored snapshot. */
  restoreFloor (floor: Floor): void {
    this.#state.floor = joinFloors(this.#state.floor, floor, this.#state.limits)
  }

  /**
   * Replaces what this replica knows by a peer's whole state, because tombstones it had not seen
   * were dropped: entries that the peer has seen and does not have any more are dropped here too.
   * What the peer has not seen stays, unless it was deleted there: then it is unset, with a write
   * that all will see.
   */
  reset (snapshot: Uint8Array, floor: Floor): MergeResult {
    const runs = readUpdate(this.#state, snapshot, () => this.flush())
    return Array.isArray(runs)
      ? resetTo(this.#state, runs, floor, (entry, dropped) => this.#buryAgain(entry, dropped))
      : runs
  }

  /** Drops tombstones that nobody needs any more. @returns how many */
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

  /** Digest of the state vector. */
  get digest (): string {
    this.flush()
    return this.#state.digest
  }

  /** The log, flushed. */
  get log (): ShardLog {
    this.flush()
    return this.#state.log.current
  }

  /**
   * Takes all superseded entries out of the log, in one go. Changes nothing anybody can observe
   * except memory.
   */
  compact (): void {
    this.flush()
    this.#state.log.compact()
  }
}
