/**
 * Commits a queue to a store, one commit at a time: once per interval, or at once when a caller
 * waits or too much has gathered.
 *
 *   queue --timer, synced, full--> one commit at a time --> Store
 *     ^                                    |
 *     +-- after a failure, in front -------+
 *         again after a growing pause
 *
 * Invariants:
 * - synced() covers everything that was queued before the call. All callers that wait for the same
 *   commit share it. When it fails they are told, the data stays queued, and callers that came
 *   while it ran get the next attempt.
 * - After a failure no caller is served faster than the pause between attempts: a full disk is not
 *   hammered on.
 */

import { messageOf } from '../../engine/base/thrown.js'
import { ClosedError, StoreError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { Timer, Timers } from '../../engine/ports.js'
import { storeRetryMs } from '../../engine/timing.js'
import type { Store } from '../store.js'
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

export interface CommitLoopOptions {
  readonly store: Store
  readonly timers: Timers
  readonly limits: Limits
  /**
   * The longest that something waits to be stored when no caller asks for it, in milliseconds: what
   * a killed process may lose.
   */
  readonly storeIntervalMs: number
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

export class CommitLoop {
  readonly #options: CommitLoopOptions
  #queue = new Unstored()
  /** Callers that wait for everything that is in the queue now. */
  #waiters: Waiters | undefined
  #running: Commit | undefined
  /** Of the running commit; never rejects. */
  #ended: Promise<StoreError | undefined> | undefined
  #timer: { readonly delayMs: number, readonly timer: Timer } | undefined
  /** Commits that failed since the last one that did not. */
  #failures = 0
  #closed = false
  #closing: Promise<void> | undefined

  constructor (options: CommitLoopOptions) {
    this.#options = options
  }

  /** The queue to add to; call plan() afterwards. @throws ClosedError */
  get queue (): Unstored {
    if (this.#closed) throw new ClosedError('the persister')
    return this.#queue
  }

  /** Bytes that are not durable yet, those of a running commit included. */
  get unstoredBytes (): number {
    return this.#queue.bytes + (this.#running?.bytes ?? 0)
  }

  get backlogged (): boolean {
    return this.unstoredBytes > this.#options.limits.maxUnstoredBytes
  }

  /**
   * Sees to it that the queue gets its commit. The end of a running commit, or the pause after a
   * failure, comes first.
   */
  plan (): void {
    if (this.#closed || this.#running !== undefined || this.#queue.isEmpty) return
    if (this.#failures > 0) {
      this.#arm(storeRetryMs(this.#failures))
      return
    }
    // An urgent commit still waits for the end of this turn of the event loop: everything that is
    // handed in until then shares it.
    const isUrgent = this.#waiters !== undefined || this.backlogged
    this.#arm(isUrgent ? 0 : this.#options.storeIntervalMs)
  }

  /**
   * Resolves when everything that was queued before the call is durable.
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
    this.plan()
    return this.#waiters.promise
  }

  /**
   * Takes nothing more, and stores the queue. The store stays open.
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

  /** Never rejects: a failure is told to the callers that wait, and to onEvent. */
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
        : new StoreError(`the store failed in an unexpected way: ${messageOf(cause)}`, cause)
    }
    this.#running = undefined
    const failuresBefore = this.#failures
    this.#failures = error === undefined ? 0 : failuresBefore + 1
    if (error !== undefined) {
      const again = Unstored.fromBatches(batches.slice(stored))
      again.append(this.#queue)
      this.#queue = again
    }
    this.plan()
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
      const pauseMs = this.#closed ? null : storeRetryMs(this.#failures)
      onEvent({
        type: 'store-commit-failed',
        error,
        failures: this.#failures,
        retryMs: pauseMs,
        unstoredBytes: this.unstoredBytes
      })
    }
  }
}

function createWaiters (): Waiters {
  let settle: Waiters['settle'] | undefined
  const promise = new Promise<void>((resolve, reject) => {
    settle = error => error === undefined ? resolve() : reject(error)
  })
  return { promise, settle: error => settle?.(error) }
}
