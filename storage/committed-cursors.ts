/**
 * The cursors consumer groups have committed, per shard. Each is the join of all that were ever
 * committed, so replicas that exchange them end up the same in any order, and a late or repeated
 * commit never moves one back. Of cursors that went different ways the one further on stands
 * (engine/cursor.ts): changes that only the other one had seen are delivered again.
 */
import { decodeCursor, encodeCursor, joinCursors, type Cursor } from '../engine/cursor.js'
import { LimitError, MillpondError } from '../engine/errors.js'
import { digest64 } from '../engine/base/hash.js'
import type { Limits } from '../engine/limits.js'
import type { ShardSetEvent } from './shard-set-context.js'

interface Committed {
  readonly cursor: Cursor
  readonly bytes: Uint8Array
}

export interface CommittedCursorsOptions {
  readonly limits: Limits
  /** A committed cursor moved; `cursor` is its encoding now. */
  readonly onMoved: (shard: number, consumerGroup: string, cursor: Uint8Array) => void
  readonly onEvent: (event: ShardSetEvent) => void
}

export class CommittedCursors {
  readonly #options: CommittedCursorsOptions
  readonly #byShard = new Map<number, Map<string, Committed>>()

  constructor (options: CommittedCursorsOptions) {
    this.#options = options
  }

  /**
   * Joins a cursor with the committed one.
   * @returns the encoding of the joined cursor when it moved, null when it stayed where it was
   * @throws LimitError when the shard remembers as many consumer groups as it may
   */
  commit (consumerGroup: string, cursor: Cursor): Uint8Array | null {
    const moved = this.#join(consumerGroup, cursor)
    if (moved !== null) this.#options.onMoved(cursor.shard, consumerGroup, moved)
    return moved
  }

  #join (consumerGroup: string, cursor: Cursor): Uint8Array | null {
    const { limits: { maxConsumerGroups } } = this.#options
    let ofShard = this.#byShard.get(cursor.shard)
    if (ofShard === undefined) {
      this.#byShard.set(cursor.shard, ofShard = new Map<string, Committed>())
    }
    const before = ofShard.get(consumerGroup)
    if (before === undefined && ofShard.size >= maxConsumerGroups) {
      throw new LimitError(
        `shard ${cursor.shard} remembers ${ofShard.size} consumer groups, ` +
          `at most ${maxConsumerGroups} are allowed; ` +
          `${JSON.stringify(consumerGroup)} is one too many`
      )
    }
    const joined = before === undefined ? cursor : joinCursors(before.cursor, cursor)
    const bytes = encodeCursor(joined)
    if (before !== undefined && Buffer.compare(before.bytes, bytes) === 0) return null
    ofShard.set(consumerGroup, { cursor: joined, bytes })
    return bytes
  }

  /** Joins a cursor from a peer. One that cannot be used is reported and left out. */
  merge (shard: number, consumerGroup: string, bytes: Uint8Array): void {
    const moved = this.#joinBytes(shard, consumerGroup, bytes)
    if (moved !== null) this.#options.onMoved(shard, consumerGroup, moved)
  }

  /**
   * Takes a cursor that was read back, as merge does, and tells nobody that it moved: the store has
   * it already.
   */
  restore (shard: number, consumerGroup: string, bytes: Uint8Array): void {
    this.#joinBytes(shard, consumerGroup, bytes)
  }

  #joinBytes (shard: number, consumerGroup: string, bytes: Uint8Array): Uint8Array | null {
    try {
      return this.#join(consumerGroup, decodeCursor(bytes, shard, this.#options.limits))
    } catch (error) {
      if (!(error instanceof MillpondError)) throw error
      const { code: reason, message: detail } = error
      this.#options.onEvent({ type: 'update-refused', shard, reason, detail })
      return null
    }
  }

  get (shard: number, consumerGroup: string): Uint8Array | undefined {
    return this.#byShard.get(shard)?.get(consumerGroup)?.bytes
  }

  /** Whether everything in this cursor is committed. @throws CursorError when it is damaged */
  covers (shard: number, consumerGroup: string, bytes: Uint8Array): boolean {
    const committed = this.#byShard.get(shard)?.get(consumerGroup)
    return committed !== undefined &&
      Buffer.compare(
          encodeCursor(
            joinCursors(committed.cursor, decodeCursor(bytes, shard, this.#options.limits))
          ),
          committed.bytes
        ) === 0
  }

  /** Every committed cursor of these shards, in a canonical order. */
  of (
    shards: readonly number[]
  ): Array<[shard: number, consumerGroup: string, cursor: Uint8Array]> {
    return shards.flatMap(shard =>
      [...this.#byShard.get(shard) ?? []]
        .sort(([a], [b]) => a < b ? -1 : 1)
        .map((
          [consumerGroup, { bytes }]
        ): [number, string, Uint8Array] => [shard, consumerGroup, bytes])
    )
  }

  /** Equal digests mean equal committed cursors in these shards. */
  digest (shards: readonly number[]): string {
    const parts = this.of(shards).flatMap((
      [shard, consumerGroup, cursor]
    ) => [Buffer.from(`${shard} ${consumerGroup}\n`), cursor])
    return digest64(Buffer.concat(parts))
  }

  /** The consumer groups that have committed, by name, each with its number of shards. */
  groups (): Map<string, number> {
    const shards = new Map<string, number>()
    for (const ofShard of this.#byShard.values()) {
      for (const name of ofShard.keys()) shards.set(name, (shards.get(name) ?? 0) + 1)
    }
    return new Map([...shards].sort(([a], [b]) => a < b ? -1 : 1))
  }

  drop (shard: number): void {
    this.#byShard.delete(shard)
  }
}
