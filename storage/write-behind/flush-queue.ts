/**
 * The work of the next flush: shards whose buffered writes wait for the log, and shards that are to
 * be stored anew as a snapshot. Snapshots take their turn, a few with each flush, because encoding
 * a large shard takes milliseconds.
 *
 * A shard becomes cold only with nothing buffered and nothing to fold, so shards that are not in
 * memory are passed over here.
 */
import { LogError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import { encodeSnapshot } from '../../engine/snapshot.js'
import { onlyIfResident } from '../residency/residency.js'
import type { ShardTable } from '../residency/shard-table.js'
import type { Persister } from './persister.js'

export interface FlushQueueOptions {
  readonly table: ShardTable
  readonly persister: Persister
  readonly limits: Limits
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

  /** The shard is to be stored anew. Asks for a flush: on a node that only merges no write does. */
  snapshotSoon (shard: number): void {
    if (this.#wantSnapshot.has(shard)) return
    this.#wantSnapshot.add(shard)
    this.#options.onPending()
  }

  /** The shard's stored deltas may have outgrown its snapshot. */
  foldSoon (shard: number): void {
    if (this.#options.persister.wantsSnapshot(shard)) this.snapshotSoon(shard)
  }

  /**
   * Logs the buffered writes of one shard. @returns false when its log failed: then the writes wait
   * there, and the other shards go on
   */
  log (shard: number): boolean {
    if (!this.#pending.has(shard)) return true
    return unlessLogFails(() => onlyIfResident(this.#options.table.at(shard))?.flush())
  }

  /** Whether the shard has buffered something that no flush has logged yet. */
  waits (shard: number): boolean {
    return this.#pending.has(shard)
  }

  /**
   * Logs all that is buffered, and then takes the turn of some snapshots.
   * @param isOver asked after each shard: the rest is left to the next call. Default: never
   * @returns whether everything was logged that can be
   */
  flush (isOver: () => boolean = () => false): boolean {
    const { onPending } = this.#options
    const waiting = [...this.#pending]
    for (const [i, shard] of waiting.entries()) {
      if (this.log(shard)) this.#pending.delete(shard)
      if (i + 1 < waiting.length && isOver()) return false
    }
    if (this.#pending.size > 0) onPending()
    this.#fold(isOver)
    if (this.#wantSnapshot.size > 0) onPending()
    return true
  }

  #fold (isOver: () => boolean): void {
    const { table, persister, limits } = this.#options
    let folded = 0
    for (const shard of this.#wantSnapshot) {
      if (folded >= limits.maxSnapshotsPerFlush || (folded > 0 && isOver())) return
      folded++
      const found = onlyIfResident(table.at(shard))
      const isStored = found === undefined ||
        unlessLogFails(() => persister.snapshot(shard, encodeSnapshot(found)))
      if (isStored) this.#wantSnapshot.delete(shard)
    }
  }

  forget (shard: number): void {
    this.#pending.delete(shard)
    this.#wantSnapshot.delete(shard)
  }
}

/** @returns false when the log of the shard failed, which is tried again with the next flush */
function unlessLogFails (run: () => void): boolean {
  try {
    run()
    return true
  } catch (error) {
    if (error instanceof LogError) return false
    throw error
  }
}
