/**
 * Where one consumer stands: a cursor per shard, and which shards may hold something new.
 *
 *   clean --hint, differing digest--> dirty --polled to its end--> clean
 *
 * Dirty shards are read in the order they became dirty, so none waits behind a busy one for ever.
 */
import { decodeCursor, encodeCursor, startOf } from '../../engine/cursor.js'
import { digestOf } from '../../engine/base/state-vector.js'
import { shardsOfGroup } from '../../engine/topology/routing.js'
import { rootOf } from '../../storage/group-digests.js'

const UNREAD = digestOf(new Map())

export class Positions {
  readonly #shape: { readonly shards: number, readonly groups: number }
  readonly #cursors: Array<Uint8Array | null>
  readonly #digests: string[]
  readonly #dirty = new Set<number>()

  constructor (shape: { readonly shards: number, readonly groups: number }) {
    this.#shape = shape
    this.#cursors = new Array<Uint8Array | null>(shape.shards).fill(null)
    this.#digests = new Array<string>(shape.shards).fill(UNREAD)
  }

  cursor (shard: number): Uint8Array | null {
    return this.#cursors[shard] ?? null
  }

  /** Remembers how far a shard was read. */
  moveTo (shard: number, cursor: Uint8Array | null): void {
    this.#cursors[shard] = cursor
    this.#digests[shard] = cursor === null ? UNREAD : digestOf(decodeCursor(cursor, shard).seen)
  }

  /**
   * Forgets what was read of a shard, in a new generation: committing from there replaces what was
   * committed.
   */
  startOver (shard: number): void {
    const before = this.#cursors[shard]
    const generation = before === null || before === undefined
      ? 0
      : decodeCursor(before, shard).generation + 1
    this.moveTo(shard, encodeCursor(startOf(shard, generation)))
  }

  get isClean (): boolean {
    return this.#dirty.size === 0
  }

  markDirty (shard: number): void {
    if (shard < this.#shape.shards) this.#dirty.add(shard)
  }

  markClean (shard: number): void {
    this.#dirty.delete(shard)
  }

  /** Dirty shards, the longest waiting first. */
  dirty (): IterableIterator<number> {
    return this.#dirty.values()
  }

  shardsOf (group: number): number[] {
    return shardsOfGroup(group, this.#shape.shards, this.#shape.groups)
  }

  /** The digest a replica's group would have if this consumer had read all of it. */
  root (group: number): string {
    return rootOf(this.shardsOf(group).map(shard => this.#digests[shard] ?? UNREAD))
  }

  /** The shards of a group where a replica with these digests has something else than was read. */
  differing (group: number, digests: readonly string[]): number[] {
    return this.shardsOf(group).filter((shard, i) => this.#digests[shard] !== digests[i])
  }
}
