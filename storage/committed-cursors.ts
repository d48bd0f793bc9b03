/**
 * The cursors consumer groups have committed, per shard. Each is the join of all that were ever committed, so replicas
 * that exchange them end up the same in any order, and a late or repeated commit never moves one back.
 */
import { encodeCursor, joinCursors, type Cursor } from '../engine/cursor.js'
import { LimitError } from '../engine/errors.js'
import { digest64 } from '../engine/hash.js'
import { limits } from '../engine/limits.js'

export class CommittedCursors {
  readonly #byShard = new Map<number, Map<string, Uint8Array>>()
  readonly #cursors = new Map<Uint8Array, Cursor>()

  /**
   * Joins a cursor with what is committed.
   * @returns the joined cursor's encoding when it moved, null when everything in it was committed before
   * @throws LimitError when the shard remembers as many consumer groups as it may
   */
  commit (consumerGroup: string, cursor: Cursor): Uint8Array | null {
    let ofShard = this.#byShard.get(cursor.shard)
    if (ofShard === undefined) this.#byShard.set(cursor.shard, ofShard = new Map<string, Uint8Array>())
    const before = ofShard.get(consumerGroup)
    if (before === undefined && ofShard.size >= limits.maxConsumerGroups) {
      throw new LimitError(`shard ${cursor.shard} remembers ${ofShard.size} consumer groups, at most ${limits.maxConsumerGroups} are allowed; ${JSON.stringify(consumerGroup)} is one too many`)
    }
    const known = before === undefined ? undefined : this.#cursors.get(before)
    const joined = known === undefined ? cursor : joinCursors(known, cursor)
    const bytes = encodeCursor(joined)
    if (before !== undefined) {
      if (Buffer.compare(before, bytes) === 0) return null
      this.#cursors.delete(before)
    }
    ofShard.set(consumerGroup, bytes)
    this.#cursors.set(bytes, joined)
    return bytes
  }

  get (shard: number, consumerGroup: string): Uint8Array | undefined {
    return this.#byShard.get(shard)?.get(consumerGroup)
  }

  /** Every committed cursor of these shards, in a canonical order. */
  of (shards: readonly number[]): Array<[shard: number, consumerGroup: string, cursor: Uint8Array]> {
    return shards.flatMap(shard => [...this.#byShard.get(shard) ?? []]
      .sort(([a], [b]) => a < b ? -1 : 1)
      .map(([consumerGroup, cursor]): [number, string, Uint8Array] => [shard, consumerGroup, cursor]))
  }

  /** Equal digests mean equal committed cursors in these shards. */
  digest (shards: readonly number[]): string {
    const parts = this.of(shards).flatMap(([shard, consumerGroup, cursor]) => [Buffer.from(`${shard} ${consumerGroup}\n`), cursor])
    return digest64(Buffer.concat(parts))
  }

  drop (shard: number): void {
    for (const bytes of this.#byShard.get(shard)?.values() ?? []) this.#cursors.delete(bytes)
    this.#byShard.delete(shard)
  }
}
