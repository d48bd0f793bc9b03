/**
 * Write-behind: takes deltas, snapshots and cursors of a cache, folds them per shard
 * (unstored.ts), and has them committed in the background (commit-loop.ts).
 *
 *   delta, snapshot, cursor, drop --> Unstored --> CommitLoop --> Store
 *                 |
 *                 +--> TailSizes: when does a shard's next snapshot pay?
 *
 * Per shard, things are stored in the order they were handed in. A delta or cursor that a later
 * snapshot, cursor or drop makes unnecessary before its commit is never written.
 *
 * Bytes handed in are kept as they are, not copied: the caller does not change them any more. The
 * caller also opened the store, and closes it after close().
 */

import type { StoredShard } from '../store.js'
import { CommitLoop, type CommitLoopOptions } from './commit-loop.js'
import { TailSizes } from './tail-sizes.js'

export type { PersisterEvent } from './commit-loop.js'

export type PersisterOptions = CommitLoopOptions

export class Persister {
  readonly #tails: TailSizes
  readonly #commits: CommitLoop

  constructor (options: PersisterOptions) {
    this.#tails = new TailSizes(options.limits)
    this.#commits = new CommitLoop(options)
  }

  /** Bytes that are not durable yet, those of a running commit included. */
  get unstoredBytes (): number {
    return this.#commits.unstoredBytes
  }

  /**
   * More than limits.maxUnstoredBytes is waiting: a caller that can wait before it hands in more
   * awaits synced() first.
   */
  get backlogged (): boolean {
    return this.#commits.backlogged
  }

  /** Takes note of the blobs that the store already has of a shard, as read at the start. */
  restored (stored: StoredShard): void {
    this.#tails.drop(stored.shard)
    if (stored.snapshot !== null) this.#tails.snapshot(stored.shard, stored.snapshot.length)
    for (const delta of stored.deltas) this.#tails.delta(stored.shard, delta.length)
  }

  delta (shard: number, delta: Uint8Array): void {
    this.#commits.queue.delta(shard, delta)
    this.#tails.delta(shard, delta.length)
    this.#commits.plan()
  }

  snapshot (shard: number, snapshot: Uint8Array): void {
    this.#commits.queue.snapshot(shard, snapshot)
    this.#tails.snapshot(shard, snapshot.length)
    this.#commits.plan()
  }

  cursor (shard: number, consumerGroup: string, cursor: Uint8Array): void {
    this.#commits.queue.cursor(shard, consumerGroup, cursor)
    this.#commits.plan()
  }

  drop (shard: number): void {
    this.#commits.queue.drop(shard)
    this.#tails.drop(shard)
    this.#commits.plan()
  }

  /**
   * Whether the shard's deltas, stored and queued, are worth folding into a new snapshot.
   */
  wantsSnapshot (shard: number): boolean {
    return this.#tails.wantsSnapshot(shard)
  }

  /**
   * Resolves when everything handed in before the call is durable.
   * @throws StoreError when an attempt to store it failed; it stays queued and is tried again
   */
  synced (): Promise<void> {
    return this.#commits.synced()
  }

  /**
   * Takes nothing more, and stores the queue. The store stays open.
   * @throws StoreError when that failed; calling it again tries again
   */
  close (): Promise<void> {
    return this.#commits.close()
  }
}
