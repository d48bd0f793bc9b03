/**
 * What the next flush has to do: shards whose buffered writes wait for the log, and shards that are
 * to be stored anew as a snapshot. Snapshots take their turn, a few with each flush, because
 * encoding a large shard takes milliseconds.
 */
import { LogError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import type { Shard } from '../../engine/shard.js'
import { onlyIfResident } from '../residency/residency.js'
import type { ShardTable } from '../residency/shard-table.js'

export interface FlushQueueOptions {
  readonly table: ShardTable
  readonly store: (shard: Shard) => void
  /** There is something to do: call flush() within the flush interval. */
  readonly onPending: () => void
}

export class FlushQueue {
  readonly #options: FlushQueueOptions
  readonly #pending = new Set<number>()
  readonly #wantSnapshot = new Set<number>()

  constructor (options: FlushQueueOptions) {
    this.#options = options
  }

  /** A shard has buffered something. */
  flushSoon (shard: number): void {
    if (this.#pending.size === 0) this.#options.onPending()
    this.#pending.add(shard)
  }

  /** Asks for a flush by itself: on a node that only merges, nobody else would. */
  snapshotSoon (shard: number): void {
    if (this.#wantSnapshot.has(shard)) return
    this.#wantSnapshot.add(shard)
    this.#options.onPending()
  }

  /**
   * Logs what one shard has buffered. @returns false when its log failed: then it waits there, and
   * the other shards go on
   */
  log (shard: number): boolean {
    if (!this.#pending.has(shard)) return true
    try {
      onlyIfResident(this.#options.table.at(shard))?.flush()
      return true
    } catch (error) {
      if (error instanceof LogError) return false
      throw error
    }
  }

  flush (): void {
    for (const shard of [...this.#pending]) if (this.log(shard)) this.#pending.delete(shard)
    if (this.#pending.size > 0) this.#options.onPending()
    let folded = 0
    for (const shard of this.#wantSnapshot) {
      if (folded++ >= limits.maxSnapshotsPerFlush) break
      this.#wantSnapshot.delete(shard)
      const found = onlyIfResident(this.#options.table.at(shard))
      if (found !== undefined) this.#options.store(found)
    }
    if (this.#wantSnapshot.size > 0) this.#options.onPending()
  }

  forget (shard: number): void {
    this.#pending.delete(shard)
    this.#wantSnapshot.delete(shard)
  }
}
