/**
 * Where one consumer stands: a cursor per shard, and which shards may hold something new.
 *
 *   clean --hint, differing digest--> dirty --polled to its end--> clean
 *
 * Dirty shards are read in the order they became dirty, so no shard waits behind a busy one for
 * ever.
 */
import type { Limits } from '../../engine/limits.js'
import { decodeCursor, encodeCursor, startOf } from '../../engine/cursor.js'
import { digestOf } from '../../engine/base/state-vector.js'
import type { Topology } from '../../engine/topology/topology.js'
import { rootOf } from '../../storage/group-digests.js'

const UNREAD = digestOf(new Map())

export class Positions {
  readonly #topology: Topology
  readonly #limits: Limits
  readonly #cursors = new Map<number, Uint8Array | null>()
  readonly #digests = new Map<number, string>()
  readonly #dirty = new Set<number>()

  constructor (topology: Topology, limits: Limits) {
    this.#topology = topology
    this.#limits = limits
  }

  cursor (shard: number): Uint8Array | null {
    return this.#cursors.get(shard) ?? null
  }

  /** How many shards have a cursor. */
  get cursorCount (): number {
    let count = 0
    for (const cursor of this.#cursors.values()) if (cursor !== null) count++
    return count
  }

  /** Remembers how far a shard was read. @param cursor null for not at all */
  moveTo (shard: number, cursor: Uint8Array | null): void {
    this.#cursors.set(shard, cursor)
    this.#digests.set(
      shard,
      cursor === null ? UNREAD : digestOf(decodeCursor(cursor, shard, this.#limits).seen)
    )
  }

  /**
   * Puts a shard back to its start, in a new generation: a cursor of a new generation replaces the
   * committed one instead of being joined with it.
   */
  startOver (shard: number): void {
    const before = this.#cursors.get(shard)
    const generation = before === null || before === undefined
      ? 0
      : decodeCursor(before, shard, this.#limits).generation + 1
    this.moveTo(shard, encodeCursor(startOf(shard, generation)))
  }

  get isClean (): boolean {
    return this.#dirty.size === 0
  }

  get dirtyCount (): number {
    return this.#dirty.size
  }

  markDirty (shard: number): void {
    if (this.#topology.includes(shard)) this.#dirty.add(shard)
  }

  markClean (shard: number): void {
    this.#dirty.delete(shard)
  }

  /** Dirty shards, the longest waiting first. */
  dirty (): IterableIterator<number> {
    return this.#dirty.values()
  }

  shardsOf (group: number): readonly number[] {
    return this.#topology.shardsOf(group)
  }

  /** The digest a replica of the placement group would have, had this consumer read all of it. */
  root (group: number): string {
    return rootOf(this.shardsOf(group).map(shard => this.#digestOf(shard)))
  }

  /** The shards of a placement group where a replica's digests differ from what was read. */
  differing (group: number, digests: readonly string[]): number[] {
    return this.shardsOf(group).filter((shard, i) => this.#digestOf(shard) !== digests[i])
  }

  #digestOf (shard: number): string {
    return this.#digests.get(shard) ?? UNREAD
  }
}
