/**
 * The shards of one cache that this node holds, and their way to disk and back.
 *
 *   write, merge -> Shard -> delta -> Persister (write-behind) -> Store
 *                              |
 *                              +-> onDelta (own writes only): to be published
 *
 * A merged update is stored as it arrived, an own write as the delta its flush made. A shard whose
 * deltas outgrow it is stored anew as a snapshot.
 *
 * Shards are changed here. They are asked, whether in memory or not, in residency/shard-table.ts,
 * and read back in loading.ts. Their cursors, indexes and digests are in committed-cursors.ts,
 * shard-indexes.ts and group-digests.ts.
 */
import type { StateVector } from '../engine/base/state-vector.js'
import type { Floor } from '../engine/garbage/floor.js'
import type { CollectOptions } from '../engine/garbage/garbage.js'
import { Shard, type MergeResult } from '../engine/shard.js'
import { encodeSnapshot } from '../engine/snapshot.js'
import type { Topology } from '../engine/topology/topology.js'
import type { Write } from '../engine/write/write.js'
import { ClockFollowing } from './clock-following.js'
import { CommittedCursors } from './committed-cursors.js'
import { GroupDigests } from './group-digests.js'
import { loadShards } from './loading.js'
import type { Residency } from './residency/residency.js'
import { ShardTable } from './residency/shard-table.js'
import { ShardIndexes } from './shard-indexes.js'
import type { ShardSetContext, ShardSetListener } from './shard-set-context.js'
import type { Store } from './store.js'
import { FlushQueue } from './write-behind/flush-queue.js'

export class ShardSet extends ShardTable {
  readonly topology: Topology
  readonly cursors: CommittedCursors
  readonly indexes: ShardIndexes
  readonly #context: ShardSetContext
  readonly #listener: ShardSetListener
  readonly #digests: GroupDigests
  readonly #queue: FlushQueue
  readonly #clock: ClockFollowing

  constructor (context: ShardSetContext, listener: ShardSetListener) {
    super(context.incarnation)
    const { topology, limits, persister, onEvent } = context
    this.#context = context
    this.#listener = listener
    this.topology = topology
    this.#clock = new ClockFollowing(context)
    this.indexes = new ShardIndexes(context.indexes ?? {}, this, limits)
    this.#digests = new GroupDigests({
      topology,
      ofShard: shard => this.digest(shard),
      ofCursors: shards => this.cursors.digest(shards)
    })
    this.cursors = new CommittedCursors({
      limits,
      onEvent,
      onMoved: (shard, consumerGroup, cursor) => {
        this.#digests.cursorMoved(shard)
        persister.cursor(shard, consumerGroup, cursor)
      }
    })
    this.#queue = new FlushQueue({ table: this, persister, limits, onPending: listener.onPending })
  }

  /**
   * Reads all shards back, a shard at a time. Between two of them other work may have its turn, but
   * nobody is told of a change, and nothing is stored, before all are read: the start may yet fail.
   * @returns each shard the store has something of. @throws StoreError
   */
  *loading (store: Pick<Store, 'shards'>): Generator<number, void, undefined> {
    const loaded: number[] = []
    const shards = loadShards(store, this.#context, {
      merge: (shard, update) => this.#merge(shard, update, true),
      restoreFloor: (shard, floor) => this.open(shard).restoreFloor(floor),
      restoreCursor: (shard, consumerGroup, cursor) => {
        this.cursors.restore(shard, consumerGroup, cursor)
        this.#digests.cursorMoved(shard)
      }
    })
    for (const shard of shards) {
      loaded.push(shard)
      yield shard
    }
    for (const shard of loaded) {
      this.#queue.foldSoon(shard) // the last life may have ended before it did
      if (this.at(shard).state !== 'absent') this.#listener.onChange(shard)
    }
  }

  /** Reads all shards back at once. @returns as loading. @throws StoreError */
  load (store: Pick<Store, 'shards'>): number[] {
    return [...this.loading(store)]
  }

  protected override begin (shard: number, incarnation: number): Shard {
    const { limits, clock, onEvent } = this.#context
    return new Shard({
      limits,
      shard,
      incarnation,
      onEvent,
      now: () => clock.now(),
      onDelta: (_, delta) => this.#ownDelta(shard, delta),
      ...this.indexes.begin(shard)
    })
  }

  /**
   * Buffers a write.
   * @param keepLoser as in Shard.write: for a write that replicas are to confirm
   * @returns false when it changed nothing: older than the record, or a retry
   * @throws KindError, LimitError, LogError (nothing changed)
   */
  write (shard: number, write: Write, keepLoser: boolean): boolean {
    this.#context.clock.observe(write.stamp)
    const accepted = this.open(shard).write(write, keepLoser)
    this.#queue.flushSoon(shard)
    return accepted
  }

  /** The version of what would take something from a write here; 0 for nothing. */
  standingAbove (shard: number, write: Write): number {
    return this.withRecords(shard)?.standingAbove(write) ?? 0
  }

  /**
   * Logs buffered writes, all of them or until `isOver`; their deltas are handed to onDelta before
   * this returns.
   * @returns whether that was all
   */
  flush (isOver?: () => boolean): boolean {
    return this.#queue.flush(isOver)
  }

  /** Whether the last flush logged all that was buffered in a placement group. */
  isLogged (group: number): boolean {
    return this.topology.shardsOf(group).every(shard => !this.#queue.waits(shard))
  }

  #ownDelta (shard: number, delta: Uint8Array): void {
    this.#store(shard, delta)
    this.#changed(shard)
    this.#listener.onDelta(shard, delta)
  }

  /** Merges a peer's update and stores it. */
  merge (shard: number, update: Uint8Array): MergeResult {
    const result = this.#merge(shard, update, false)
    if (result.outcome === 'merged') this.#store(shard, update)
    return result
  }

  #merge (shard: number, update: Uint8Array, isOurs: boolean): MergeResult {
    const found = this.open(shard)
    const result = found.merge(update, isOurs)
    if (found.pendingEntries > 0) this.#queue.flushSoon(shard)
    if (result.outcome === 'merged') {
      this.#clock.merged(shard, result.maxVersion)
      this.#digests.changed(shard)
      if (!isOurs) this.#listener.onChange(shard)
    }
    return result
  }

  /**
   * Takes over a peer's whole state, because the peer dropped tombstones that were not seen here
   * (see Shard.reset).
   */
  reset (shard: number, snapshot: Uint8Array, floor: Floor): MergeResult {
    const found = this.open(shard)
    const result = found.reset(snapshot, floor)
    if (result.outcome !== 'merged') return result
    this.#clock.merged(shard, result.maxVersion)
    this.#context.persister.snapshot(shard, encodeSnapshot(found))
    this.#changed(shard)
    this.#queue.flushSoon(shard)
    return result
  }

  #store (shard: number, update: Uint8Array): void {
    this.#context.persister.delta(shard, update)
    this.#queue.foldSoon(shard)
  }

  #changed (shard: number): void {
    this.#digests.changed(shard)
    this.#listener.onChange(shard)
  }

  /**
   * Unsets what has expired in one shard, so that consumers hear of it.
   * @returns how many entries expired
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
        return residency.row.nextExpiry > this.#context.clock.now()
          ? 0
          : this.hydrate(residency.row).expire()
      case 'absent':
        return 0
    }
  }

  /** Drops tombstones that no replica and no consumer needs any more. @returns how many */
  collect (shard: number, options: CollectOptions): number {
    const dropped = this.withRecords(shard)?.collect(options) ?? 0
    if (dropped > 0) this.#queue.snapshotSoon(shard)
    return dropped
  }

  /**
   * Takes incarnations out of a shard's state vector that own nothing live, and of which every
   * replica has seen everything.
   */
  retire (shard: number, stable: StateVector, inUse: ReadonlySet<number>): void {
    const retired = this.withRecords(shard)?.retire(stable, inUse) ?? []
    if (retired.length === 0) return
    this.#digests.changed(shard)
    this.#queue.snapshotSoon(shard)
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

  /**
   * Forgets a group's shards, in memory and on disk. Only for a group whose owners have proved that
   * they hold all of it.
   */
  drop (group: number): void {
    const incarnation = this.#context.drawIncarnation()
    for (const shard of this.topology.shardsOf(group)) {
      this.#queue.forget(shard)
      this.cursors.drop(shard)
      this.indexes.drop(shard)
      // Also where nothing is in memory: the disk may have cursors of an empty shard, or rows that
      // could not be read.
      this.#context.persister.drop(shard)
      this.forget(shard, incarnation)
    }
    this.#digests.forget(group)
  }
}
