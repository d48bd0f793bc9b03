/**
 * Write-behind: collects what a cache wants stored and commits it once per interval, or at once
 * when somebody waits.
 *
 *   delta, snapshot, cursor, drop --> queue --timer, synced, full--> one commit at a time --> Store
 *                                       ^                                 |
 *                                       +-- what was not stored, in front +
 *                                           again after a growing pause
 *
 * Invariants:
 * - Per shard, things are stored in the order they were handed in. What a later snapshot or drop
 *   makes unnecessary is
 *   never written.
 * - synced() covers everything handed in before the call. All who wait for the same commit share
 *   it. When it fails they
 *   are told, the data stays queued, and those who came while it ran get the next attempt.
 * - After a failure nobody is served faster than the pause between attempts: a full disk is not
 *   hammered on.
 *
 * Bytes handed in are kept as they are, not copied: the caller does not change them any more. The
 * store belongs to who opened it; close() stores the rest and leaves it open.
 */

import { ClosedError, StoreError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import type { Timer, Timers } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import type { Store, StoredShard } from '../store.js'
import { TailSizes } from './tail-sizes.js'
import { Unstored } from './unstored.js'

export type PersisterEvent =
  | { readonly type: 'store-committed', readonly bytes: number }
  /**
   * `failures`: in a row, this one included. `retryMs`: null when it is not tried again because the
   * persister closes.
   */
  | {
    readonly type: 'store-commit-failed',
    readonly error: StoreError,
    readonly failures: number,
    readonly retryMs: number | null,
    readonly unstoredBytes: number
  }
  | { readonly type: 'store-recovered', readonly failures: number }

export interface PersisterOptions {
  readonly store: Store
  readonly timers: Timers
  /**
   * The longest that something waits to be stored when nobody asks for it: what a killed process
   * may lose.
   */
  readonly flushIntervalMs: number
  readonly onEvent: (event: PersisterEvent) => void
}

interface Commit {
  readonly bytes: number
  waiters: Waiters | undefined
}

interface Waiters {
  readonly promise: Promise<void>
  readonly settle: (error: StoreError | undefined) => void
}

export class Persister {
  readonly #options: PersisterOptions
  readonly #tails = new TailSizes()
  #queue = new Unstored()
  /** Those who wait for everything that is in the queue now. */
  #waiters: Waiters | undefined
  #running: Commit | undefined
  /** Of the running commit; never rejects. */
  #ended: Promise<StoreError | undefined> | undefined
  #timer: { readonly delayMs: number, readonly timer: Timer } | undefined
  /** Commits that failed since the last one that did not. */
  #failures = 0
  #closed = false
  #closing: Promise<void> | undefined

  constructor (options: PersisterOptions) {
    this.#options = options
  }

  /** Bytes that are not durable yet, those of a running commit included. */
  get unstoredBytes (): number {
    return this.#queue.bytes + (this.#running?.bytes ?? 0)
  }

  /** More is waiting than should: whoever can wait before handing in more awaits synced() first. */
  get backlogged (): boolean {
    return this.unstoredBytes > limits.maxUnstoredBytes
  }

  /** Tells what the store already has of a shard, as read when it was opened. */
  restored (stored: StoredShard): void {
    this.#tails.drop(stored.shard)
    if (stored.snapshot !== null) this.#tails.snapshot(stored.shard, stored.snapshot.length)
    for (const delta of stored.deltas) this.#tails.delta(stored.shard, delta.length)
  }

  delta (shard: number, delta: Uint8Array): void {
    this.#assertOpen()
    this.#queue.delta(shard, delta)
    this.#tails.delta(shard, delta.length)
    this.#plan()
  }

  snapshot (shard: number, snapshot: Uint8Array): void {
    this.#assertOpen()
    this.#queue.snapshot(shard, snapshot)
    this.#tails.snapshot(shard, snapshot.length)
    this.#plan()
  }

  cursor (shard: number, consumerGroup: string, cursor: Uint8Array): void {
    this.#assertOpen()
    this.#queue.cursor(shard, consumerGroup, cursor)
    this.#plan()
  }

  drop (shard: number): void {
    this.#assertOpen()
    this.#queue.drop(shard)
    this.#tails.drop(shard)
    this.#plan()
  }

  /**
   * Whether the shard's deltas, stored and queued, are worth folding into a snapshot of about
   * `liveBytesEstimate`.
   */
  wantsSnapshot (shard: number, liveBytesEstimate?: number): boolean {
    return this.#tails.wantsSnapshot(shard, liveBytesEstimate)
  }

  /**
   * Resolves when everything handed in before the call is durable.
   * @throws StoreError when an attempt to store it failed; it stays queued and is tried again
   */
  async synced (): Promise<void> {
    if (this.#queue.isEmpty) {
      if (this.#running === undefined) return
      this.#running.waiters ??= createWaiters()
      return this.#running.waiters.promise
    }
    if (this.#closed && this.#running === undefined) throw new ClosedError('the persister')
    this.#waiters ??= createWaiters()
    this.#plan()
    return this.#waiters.promise
  }

  /**
   * Takes nothing more, and stores what is queued. The store stays open.
   * @throws StoreError when that failed; calling it again tries again
   */
  close (): Promise<void> {
    this.#closing ??= this.#close().catch((error: unknown) => {
      this.#closing = undefined
      throw error
    })
    return this.#closing
  }

  async #close (): Promise<void> {
    this.#closed = true
    this.#timer?.timer.cancel()
    this.#timer = undefined
    await this.#ended
    const error = this.#queue.isEmpty ? undefined : await this.#start()
    if (error !== undefined) throw error
  }

  /**
   * Sees to it that what is queued gets its commit: the end of the running one, or the pause after
   * a failure, comes first.
   */
  #plan (): void {
    if (this.#closed || this.#running !== undefined || this.#queue.isEmpty) return
    if (this.#failures > 0) this.#arm(retryMs(this.#failures))
    // At once still lets everything that is already under way into the same commit: that is what
    // makes it a group commit.
    else {this.#arm(
        this.#waiters !== undefined || this.backlogged ? 0 : this.#options.flushIntervalMs
      )}
  }

  #arm (delayMs: number): void {
    if (this.#timer !== undefined) {
      if (this.#timer.delayMs <= delayMs) return
      this.#timer.timer.cancel()
    }
    const timer = this.#options.timers.after(delayMs, () => {
      this.#timer = undefined
      void this.#start()
    })
    this.#timer = { delayMs, timer }
  }

  #start (): Promise<StoreError | undefined> {
    const queue = this.#queue
    const commit: Commit = { bytes: queue.bytes, waiters: this.#waiters }
    this.#queue = new Unstored()
    this.#waiters = undefined
    this.#running = commit
    this.#ended = this.#run(queue, commit)
    return this.#ended
  }

  /** Never rejects: a failure is told to those who wait and to onEvent. */
  async #run (queue: Unstored, commit: Commit): Promise<StoreError | undefined> {
    const batches = queue.toBatches()
    let stored = 0
    let error: StoreError | undefined
    try {
      for (const batch of batches) {
        await this.#options.store.commit(batch)
        stored++
      }
    } catch (cause) {
      error = cause instanceof StoreError
        ? cause
        : new StoreError('the store failed in an unexpected way', cause)
    }
    this.#running = undefined
    const failuresBefore = this.#failures
    this.#failures = error === undefined ? 0 : failuresBefore + 1
    if (error !== undefined) {
      const again = Unstored.fromBatches(batches.slice(stored))
      again.append(this.#queue)
      this.#queue = again
    }
    this.#plan()
    commit.waiters?.settle(error)
    this.#report(commit.bytes, error, failuresBefore)
    return error
  }

  #report (bytes: number, error: StoreError | undefined, failuresBefore: number): void {
    const { onEvent } = this.#options
    if (error === undefined) {
      onEvent({ type: 'store-committed', bytes })
      if (failuresBefore > 0) onEvent({ type: 'store-recovered', failures: failuresBefore })
    } else {
      const pauseMs = this.#closed ? null : retryMs(this.#failures)
      onEvent({
        type: 'store-commit-failed',
        error,
        failures: this.#failures,
        retryMs: pauseMs,
        unstoredBytes: this.unstoredBytes
      })
    }
  }

  #assertOpen (): void {
    if (this.#closed) throw new ClosedError('the persister')
  }
}

/** Doubles with every failure in a row. */
function retryMs (failures: number): number {
  return Math.min(intervals.maxStoreRetryMs, intervals.minStoreRetryMs * 2 ** (failures - 1))
}

function createWaiters (): Waiters {
  let settle: Waiters['settle'] | undefined
  const promise = new Promise<void>((resolve, reject) => {
    settle = error => error === undefined ? resolve() : reject(error)
  })
  return { promise, settle: error => settle?.(error) }
}
