/**
 * The shards of one cache that this node holds, and their way to disk and back.
 *
 *   write, merge -> Shard -> delta -> Persister (write-behind) -> Store
 *                              |
 *                              +-> onDelta (own writes only): to be published
 *
 * What was merged is stored as it arrived; what was written here, as the delta the flush made. A
 * shard whose deltas outgrow it is stored anew as a snapshot. What else there is of each:
 * group-digests.ts, shard-indexes.ts, flush-queue.ts.
 */
import type { Cursor } from '../engine/cursor.js'
import { decodeCursor } from '../engine/cursor.js'
import { MillpondError } from '../engine/errors.js'
import type { EngineEvent } from '../engine/events.js'
import type { Floor } from '../engine/garbage/floor.js'
import type { CollectOptions } from '../engine/garbage/garbage.js'
import { VERSION_UNITS_PER_MS, type HybridClock } from '../engine/base/hlc.js'
import { limits } from '../engine/limits.js'
import type { IndexDeclaration } from '../engine/query/query.js'
import type { Topology } from '../engine/topology/topology.js'
import { Shard, type MergeResult } from '../engine/shard.js'
import type { Write } from '../engine/write/write.js'
import { decodeSnapshot, encodeSnapshot } from '../engine/snapshot.js'
import type { StateVector } from '../engine/base/state-vector.js'
import { CommittedCursors } from './committed-cursors.js'
import { FlushQueue } from './write-behind/flush-queue.js'
import { GroupDigests } from './group-digests.js'
import type { Persister } from './write-behind/persister.js'
import { ShardIndexes } from './shard-indexes.js'
import type { Residency } from './residency/residency.js'
import { ShardTable } from './residency/shard-table.js'
import type { Store } from './store.js'

export interface ShardSetOptions {
  readonly topology: Topology
  readonly incarnation: number
  /**
   * Another id that nobody has used, for shards whose log this life has begun before and given up.
   */
  readonly drawIncarnation: () => number
  readonly clock: HybridClock
  readonly persister: Persister
  /** The fields queries can ask for. Default: none, and then indexes cost nothing. */
  readonly indexes?: IndexDeclaration
  /** A delta of own writes, to be published. */
  readonly onDelta: (shard: number, delta: Uint8Array) => void
  /** The shard's log grew, by a write or a merge. */
  readonly onChange: (shard: number) => void
  /** A write is buffered, or a shard is to be stored anew: flush() within the flush interval. */
  readonly onPending: () => void
  readonly onEvent: (
    event: EngineEvent | {
      readonly type: 'shard-damaged',
      readonly shard: number,
      readonly blobs: number
    }
  ) => void
}

export class ShardSet extends ShardTable {
  readonly topology: Topology
  readonly cursors = new CommittedCursors()
  readonly indexes: ShardIndexes
  readonly #options: ShardSetOptions
  readonly #digests: GroupDigests
  readonly #queue: FlushQueue
  #reportedAhead = 0

  constructor (options: ShardSetOptions) {
    const { topology, persister, onPending } = options
    super(options.incarnation)
    this.#options = options
    this.topology = topology
    this.indexes = new ShardIndexes(options.indexes ?? {}, this)
    this.#digests = new GroupDigests({
      topology,
      ofShard: shard => this.digest(shard),
      ofCursors: all => this.cursors.digest(all)
    })
    this.#queue = new FlushQueue({
      table: this,
      onPending,
      store: found => persister.snapshot(found.shard, encodeSnapshot(found))
    })
  }

  /**
   * Reads back what the store has; the shards found. Damaged shards come back as far as they are
   * whole: what they lack is fetched from peers like anything else that is missing.
   */
  load (store: Store): number[] {
    const found: number[] = []
    for (const stored of store.shards()) {
      const { shard } = stored
      if (stored.damaged > 0) {
        this.#options.onEvent({ type: 'shard-damaged', shard, blobs: stored.damaged })
      }
      if (!this.topology.includes(shard)) continue
      this.#options.persister.restored(stored)
      if (stored.snapshot !== null) this.#restore(shard, stored.snapshot)
      for (const delta of stored.deltas) this.#merge(shard, delta, true)
      for (const { consumerGroup, cursor } of stored.cursors) {
        this.mergeCursor(shard, consumerGroup, cursor)
      }
      this.#foldSoon(shard) // the last life may have ended before it came to that
      found.push(shard)
    }
    return found
  }

  #restore (shard: number, bytes: Uint8Array): void {
    const snapshot = decodeSnapshot(bytes, limits)
    if (snapshot === null) {
      this.#options.onEvent({
        type: 'update-refused',
        shard,
        reason: 'snapshot',
        detail: 'a stored snapshot is not one'
      })
      return
    }
    const { outcome } = this.#merge(shard, snapshot.update, true)
    if (outcome === 'merged' || outcome === 'known') this.open(shard).restoreFloor(snapshot.floor)
  }

  protected override begin (shard: number, incarnation: number): Shard {
    return new Shard({
      limits,
      shard,
      incarnation,
      onEvent: this.#options.onEvent,
      now: () => this.#options.clock.now(),
      onDelta: (_, delta) => this.#ownDelta(shard, delta),
      ...this.indexes.begin(shard)
    })
  }

  /** Buffers a write. @returns false when it was older than what is there, or a retry of it */
  write (shard: number, write: Write, keepLoser: boolean): boolean {
    this.#options.clock.observe(write.stamp)
    const accepted = this.open(shard).write(write, keepLoser)
    this.#queue.flushSoon(shard)
    return accepted
  }

  /**
   * Unsets what has expired in one shard, so that consumers hear of it. @returns how many records
   * changed
   */
  expire (shard: number): number {
    const expired = this.#expire(this.at(shard))
    if (expired > 0) this.#queue.flushSoon(shard)
    return expired
  }

  #expire (residency: Residency): number {
    switch (residency.state) {
      case 'resident':
        return residency.shard.expire()
      case 'cold':
        return residency.row.nextExpiry > this.#options.clock.now()
          ? 0
          : this.hydrate(residency.row).expire()
      case 'absent':
        return 0
    }
  }

  /** Logs every buffered write; their deltas are handed to onDelta before this returns. */
  flush (): void {
    this.#queue.flush()
  }

  /** Merges a peer's update and stores it. */
  merge (shard: number, update: Uint8Array): MergeResult {
    const result = this.#merge(shard, update)
    if (result.outcome === 'merged') this.#store(shard, update)
    return result
  }

  /**
   * Takes over a peer's whole state, because tombstones that were not seen here have been dropped
   * (see Shard.reset).
   */
  reset (shard: number, snapshot: Uint8Array, floor: Floor): MergeResult {
    const found = this.open(shard)
    const result = found.reset(snapshot, floor)
    if (result.outcome !== 'merged') return result
    if (!this.#options.clock.observe(result.maxVersion)) this.#clockAhead(shard, result.maxVersion)
    this.#options.persister.snapshot(shard, encodeSnapshot(found))
    this.#changed(shard)
    this.#queue.flushSoon(shard)
    return result
  }

  /** Drops tombstones nobody needs any more. @returns how many */
  collect (shard: number, options: CollectOptions): number {
    const dropped = this.withRecords(shard)?.collect(options) ?? 0
    if (dropped > 0) this.#queue.snapshotSoon(shard)
    return dropped
  }

  /**
   * Takes incarnations that own nothing live, and of which all have seen everything, out of a
   * shard's state vector.
   */
  retire (shard: number, stable: StateVector, inUse: ReadonlySet<number>): void {
    const retired = this.withRecords(shard)?.retire(stable, inUse) ?? []
    if (retired.length === 0) return
    this.#digests.changed(shard)
    this.#queue.snapshotSoon(shard)
  }

  #merge (shard: number, update: Uint8Array, isOurs = false): MergeResult {
    const found = this.open(shard)
    const result = found.merge(update, isOurs)
    if (found.pendingEntries > 0) this.#queue.flushSoon(shard)
    if (result.outcome === 'merged') {
      if (!this.#options.clock.observe(result.maxVersion)) {
        this.#clockAhead(shard, result.maxVersion)
      }
      this.#changed(shard)
    }
    return result
  }

  /** Told once per minute of drift, not with every merge. */
  #clockAhead (shard: number, version: number): void {
    if (version < this.#reportedAhead + limits.maxFutureMs * VERSION_UNITS_PER_MS) return
    this.#reportedAhead = version
    this.#options.onEvent({ type: 'clock-ahead', shard, version })
  }

  #ownDelta (shard: number, delta: Uint8Array): void {
    this.#store(shard, delta)
    this.#changed(shard)
    this.#options.onDelta(shard, delta)
  }

  #store (shard: number, update: Uint8Array): void {
    this.#options.persister.delta(shard, update)
    this.#foldSoon(shard)
  }

  #foldSoon (shard: number): void {
    if (this.#options.persister.wantsSnapshot(shard)) this.#queue.snapshotSoon(shard)
  }

  #changed (shard: number): void {
    this.#digests.changed(shard)
    this.#options.onChange(shard)
  }

  /**
   * Joins a cursor into the committed ones and stores it. @returns its joined encoding when it
   * moved
   */
  commitCursor (consumerGroup: string, cursor: Cursor): Uint8Array | null {
    const moved = this.cursors.commit(consumerGroup, cursor)
    if (moved !== null) {
      this.#digests.cursorMoved(cursor.shard)
      this.#options.persister.cursor(cursor.shard, consumerGroup, moved)
    }
    return moved
  }

  /**
   * Joins a cursor that came from a peer or from disk; one that cannot be used is reported and left
   * out.
   */
  mergeCursor (shard: number, consumerGroup: string, bytes: Uint8Array): void {
    try {
      this.commitCursor(consumerGroup, decodeCursor(bytes, shard, limits))
    } catch (error) {
      if (!(error instanceof MillpondError)) throw error
      this.#options.onEvent({
        type: 'update-refused',
        shard,
        reason: error.code,
        detail: error.message
      })
    }
  }

  /** One digest over all shards of a group, buffered writes included (they are logged). */
  root (group: number): string {
    for (const shard of this.topology.shardsOf(group)) this.#queue.log(shard)
    return this.#digests.root(group)
  }

  /** One digest over all committed cursors of a group. */
  cursorRoot (group: number): string {
    return this.#digests.cursorRoot(group)
  }

  /** Forgets a group's shards, in memory and on disk. Only for what others are proven to hold. */
  drop (group: number): void {
    const incarnation = this.#options.drawIncarnation()
    for (const shard of this.topology.shardsOf(group)) {
      this.#queue.forget(shard)
      this.cursors.drop(shard)
      this.indexes.drop(shard)
      // Whatever is in memory: on disk there may be cursors of an empty shard, or rows that could
      // not be read.
      this.#options.persister.drop(shard)
      this.forget(shard, incarnation)
    }
    this.#digests.forget(group)
  }
}
