/**
 * The shards of one cache that this node holds, and their way to disk and back.
 *
 *   write, merge -> Shard -> delta -> Persister (write-behind) -> Store
 *                              |
 *                              +-> onDelta (own writes only): to be published
 *
 * What was merged is stored as it arrived; what was written here, as the delta the flush made. A shard whose deltas
 * outgrow it is stored anew as a snapshot. Digests are kept per placement group: equal digests mean equal state.
 */
import type { Cursor } from '../engine/cursor.js'
import { decodeCursor } from '../engine/cursor.js'
import { LogError, MillpondError } from '../engine/errors.js'
import type { EngineEvent } from '../engine/events.js'
import type { Floor } from '../engine/floor.js'
import type { CollectOptions } from '../engine/garbage.js'
import { digest64 } from '../engine/hash.js'
import { VERSION_UNITS_PER_MS, type HybridClock } from '../engine/hlc.js'
import { limits } from '../engine/limits.js'
import { indexed, type Condition, type IndexDeclaration } from '../engine/query.js'
import { fieldsOf } from '../engine/record.js'
import { groupOf, shardsOfGroup } from '../engine/routing.js'
import { SecondaryIndexes, type QueryPage, type QueryPageOptions } from '../engine/secondary-index.js'
import { Shard, type MergeResult } from '../engine/shard.js'
import type { Write } from '../engine/write.js'
import { decodeSnapshot, encodeSnapshot } from '../engine/snapshot.js'
import { digestOf, type StateVector } from '../engine/state-vector.js'
import type { Fields } from '../engine/values.js'
import { CommittedCursors } from './committed-cursors.js'
import type { Persister } from './persister.js'
import type { Store } from './store.js'

export interface ShardSetOptions {
  readonly shards: number
  readonly groups: number
  readonly incarnation: number
  /** Another id that nobody has used, for shards whose log this life has begun before and given up. */
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
  readonly onEvent: (event: EngineEvent | { readonly type: 'shard-damaged', readonly shard: number, readonly blobs: number }) => void
}

const EMPTY_DIGEST = digestOf(new Map())
const NOTHING: QueryPage = { records: [], next: null, looked: 0, bytes: 0 }

export class ShardSet {
  readonly cursors = new CommittedCursors()
  readonly #options: ShardSetOptions
  readonly #shards = new Map<number, Shard>()
  readonly #indexes = new Map<number, SecondaryIndexes>()
  /** Of shards that were dropped: taken up again, a log starts over, and under the old id it would hand out dots twice. */
  readonly #incarnations = new Map<number, number>()
  readonly #pending = new Set<number>()
  readonly #wantSnapshot = new Set<number>()
  readonly #roots = new Map<number, string>()
  readonly #cursorRoots = new Map<number, string>()
  #reportedAhead = 0

  constructor (options: ShardSetOptions) { this.#options = options }

  /**
   * Reads back what the store has; the shards found. Damaged shards come back as far as they are whole: what they lack
   * is fetched from peers like anything else that is missing.
   */
  load (store: Store): number[] {
    const found: number[] = []
    for (const stored of store.shards()) {
      const { shard } = stored
      if (stored.damaged > 0) this.#options.onEvent({ type: 'shard-damaged', shard, blobs: stored.damaged })
      if (shard >= this.#options.shards) continue
      this.#options.persister.restored(stored)
      if (stored.snapshot !== null) this.#restore(shard, stored.snapshot)
      for (const delta of stored.deltas) this.#merge(shard, delta)
      for (const { consumerGroup, cursor } of stored.cursors) this.mergeCursor(shard, consumerGroup, cursor)
      this.#foldSoon(shard) // the last life may have ended before it came to that
      found.push(shard)
    }
    return found
  }

  #restore (shard: number, bytes: Uint8Array): void {
    const snapshot = decodeSnapshot(bytes)
    if (snapshot === null) {
      this.#options.onEvent({ type: 'update-refused', shard, reason: 'snapshot', detail: 'a stored snapshot is not one' })
      return
    }
    const { outcome } = this.#merge(shard, snapshot.update)
    if (outcome === 'merged' || outcome === 'known') this.get(shard).restoreFloor(snapshot.floor)
  }

  /** The shard if anything was ever written to it here. */
  peek (shard: number): Shard | undefined { return this.#shards.get(shard) }

  get (shard: number): Shard {
    let found = this.#shards.get(shard)
    if (found === undefined) {
      const { onEvent } = this.#options
      const incarnation = this.#incarnations.get(shard) ?? this.#options.incarnation
      found = new Shard({ shard, incarnation, onEvent, now: () => this.#options.clock.now(), onDelta: (_, delta) => this.#ownDelta(shard, delta), ...this.#indexing(shard) })
      this.#shards.set(shard, found)
    }
    return found
  }

  /** Indexes are there before the first record is, so they are complete whenever the shard is. */
  #indexing (shard: number): { onRecord?: (key: string) => void } {
    const declared = this.#options.indexes
    if (declared === undefined || Object.keys(declared).length === 0) return {}
    const readExpired = (key: string): Fields | undefined => {
      const head = this.#shards.get(shard)?.index.get(key)
      return head === undefined ? undefined : fieldsOf(head)
    }
    const indexes = new SecondaryIndexes(declared, key => this.#shards.get(shard)?.get(key), readExpired)
    this.#indexes.set(shard, indexes)
    return { onRecord: key => indexes.touch(key) }
  }

  /** A page of the records of one shard that meet all conditions, by key. @throws NotIndexedError */
  query (shard: number, conditions: readonly Condition[], options: QueryPageOptions): QueryPage {
    const indexes = this.#indexes.get(shard)
    if (indexes !== undefined) return indexes.query(conditions, options)
    indexed(conditions, this.#options.indexes ?? {}) // a shard that is empty answers, but only what the others would
    return NOTHING
  }

  /** The indexes of one shard, for those who check them. */
  indexesOf (shard: number): SecondaryIndexes | undefined { return this.#indexes.get(shard) }

  [Symbol.iterator] (): IterableIterator<Shard> { return this.#shards.values() }

  /** Buffers a write. @returns false when it was older than what is there, or a retry of it */
  write (shard: number, write: Write, keepLoser: boolean): boolean {
    this.#options.clock.observe(write.stamp)
    const accepted = this.get(shard).write(write, keepLoser)
    this.#flushSoon(shard)
    return accepted
  }

  /** Unsets what has expired in one shard, so that consumers hear of it. @returns how many records changed */
  expire (shard: number): number {
    const expired = this.#shards.get(shard)?.expire() ?? 0
    if (expired > 0) this.#flushSoon(shard)
    return expired
  }

  /** Logs what one shard has buffered. @returns false when its log failed: then it waits there, and the other shards go on */
  #log (shard: number): boolean {
    try {
      this.#shards.get(shard)?.flush()
      return true
    } catch (error) {
      if (error instanceof LogError) return false
      throw error
    }
  }

  /** Logs every buffered write; their deltas are handed to onDelta before this returns. */
  flush (): void {
    for (const shard of [...this.#pending]) if (this.#log(shard)) this.#pending.delete(shard)
    if (this.#pending.size > 0) this.#options.onPending()
    let folded = 0
    for (const shard of this.#wantSnapshot) {
      if (folded++ >= limits.maxSnapshotsPerFlush) break
      this.#wantSnapshot.delete(shard)
      const found = this.#shards.get(shard)
      if (found !== undefined) this.#options.persister.snapshot(shard, encodeSnapshot(found))
    }
    if (this.#wantSnapshot.size > 0) this.#options.onPending()
  }

  /** Merges a peer's update and stores it. */
  merge (shard: number, update: Uint8Array): MergeResult {
    const result = this.#merge(shard, update)
    if (result.outcome === 'merged') this.#store(shard, update)
    return result
  }

  /** Takes over a peer's whole state, because tombstones that were not seen here have been dropped (see Shard.reset). */
  reset (shard: number, snapshot: Uint8Array, floor: Floor): MergeResult {
    const found = this.get(shard)
    const result = found.reset(snapshot, floor)
    if (result.outcome !== 'merged') return result
    if (!this.#options.clock.observe(result.maxVersion)) this.#clockAhead(shard, result.maxVersion)
    this.#options.persister.snapshot(shard, encodeSnapshot(found))
    this.#changed(shard)
    this.#flushSoon(shard)
    return result
  }

  /** Drops tombstones nobody needs any more. @returns how many */
  collect (shard: number, options: CollectOptions): number {
    const dropped = this.#shards.get(shard)?.collect(options) ?? 0
    if (dropped > 0) this.#snapshotSoon(shard)
    return dropped
  }

  /** Takes incarnations that own nothing live, and of which all have seen everything, out of a shard's state vector. */
  retire (shard: number, stable: StateVector, inUse: ReadonlySet<number>): void {
    const retired = this.#shards.get(shard)?.retire(stable, inUse) ?? []
    if (retired.length === 0) return
    this.#roots.delete(groupOf(shard, this.#options.groups))
    this.#snapshotSoon(shard)
  }

  #flushSoon (shard: number): void {
    if (this.#pending.size === 0) this.#options.onPending()
    this.#pending.add(shard)
  }

  #snapshotSoon (shard: number): void {
    this.#wantSnapshot.add(shard)
    this.#options.onPending()
  }

  #merge (shard: number, update: Uint8Array): MergeResult {
    const result = this.get(shard).merge(update)
    if (result.outcome === 'merged') {
      if (!this.#options.clock.observe(result.maxVersion)) this.#clockAhead(shard, result.maxVersion)
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

  /** Asks for a flush by itself: on a node that only merges, nobody else would. */
  #foldSoon (shard: number): void {
    if (this.#wantSnapshot.has(shard) || !this.#options.persister.wantsSnapshot(shard)) return
    this.#snapshotSoon(shard)
  }

  #changed (shard: number): void {
    this.#roots.delete(groupOf(shard, this.#options.groups))
    this.#options.onChange(shard)
  }

  /** Joins a cursor into the committed ones and stores it. @returns its joined encoding when it moved */
  commitCursor (consumerGroup: string, cursor: Cursor): Uint8Array | null {
    const moved = this.cursors.commit(consumerGroup, cursor)
    if (moved !== null) {
      this.#cursorRoots.delete(groupOf(cursor.shard, this.#options.groups))
      this.#options.persister.cursor(cursor.shard, consumerGroup, moved)
    }
    return moved
  }

  /** Joins a cursor that came from a peer or from disk; one that cannot be used is reported and left out. */
  mergeCursor (shard: number, consumerGroup: string, bytes: Uint8Array): void {
    try {
      this.commitCursor(consumerGroup, decodeCursor(bytes, shard))
    } catch (error) {
      if (!(error instanceof MillpondError)) throw error
      this.#options.onEvent({ type: 'update-refused', shard, reason: error.code, detail: error.message })
    }
  }

  groupOf (shard: number): number { return groupOf(shard, this.#options.groups) }

  shardsOf (group: number): number[] { return shardsOfGroup(group, this.#options.shards, this.#options.groups) }

  /** The digest of one shard's state vector. */
  digest (shard: number): string { return this.#shards.get(shard)?.digest ?? EMPTY_DIGEST }

  /** One digest over all shards of a group. */
  root (group: number): string {
    const shards = this.shardsOf(group)
    for (const shard of shards) if (this.#pending.has(shard)) this.#log(shard)
    let root = this.#roots.get(group)
    if (root === undefined) {
      root = rootOf(shards.map(shard => this.digest(shard)))
      this.#roots.set(group, root)
    }
    return root
  }

  /** One digest over all committed cursors of a group. */
  cursorRoot (group: number): string {
    let root = this.#cursorRoots.get(group)
    if (root === undefined) this.#cursorRoots.set(group, root = this.cursors.digest(this.shardsOf(group)))
    return root
  }

  /** Forgets a group's shards, in memory and on disk. Only for what others are proven to hold. */
  drop (group: number): void {
    const incarnation = this.#options.drawIncarnation()
    for (const shard of this.shardsOf(group)) {
      this.#pending.delete(shard)
      this.#wantSnapshot.delete(shard)
      this.cursors.drop(shard)
      this.#indexes.delete(shard)
      // Whatever is in memory: on disk there may be cursors of an empty shard, or rows that could not be read.
      this.#options.persister.drop(shard)
      if (this.#shards.delete(shard)) this.#incarnations.set(shard, incarnation)
    }
    this.#roots.delete(group)
    this.#cursorRoots.delete(group)
  }
}

/** The digest of a placement group, from those of its shards in ascending order. */
export function rootOf (digests: readonly string[]): string {
  return digest64(Buffer.from(digests.join('')))
}

