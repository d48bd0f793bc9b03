/**
 * Requests that wait. Each is settled once: by its answer, when its time is up, or as soon as it is
 * known that no answer can come, because its node left or the connection was lost (SPEC K2).
 */
import { BusyError, ClosedError, MillpondError, TimeoutError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { Timer, Timers } from '../../engine/ports.js'

interface PendingRequest {
  /** The request, for error messages. */
  readonly what: string
  /** The node that is asked, where it is one. */
  readonly node: string | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: Timer
}

export class PendingRequests {
  readonly #timers: Timers
  readonly #limits: Limits
  readonly #pending = new Map<string, PendingRequest>()
  #closed = false

  constructor (timers: Timers, limits: Limits) {
    this.#timers = timers
    this.#limits = limits
  }

  get size (): number {
    return this.#pending.size
  }

  /** @throws ClosedError, BusyError when no further request can wait */
  assertRoom (): void {
    if (this.#closed) throw new ClosedError('connection')
    if (this.#pending.size >= this.#limits.maxRequestsInFlight) {
      throw new BusyError(`${this.#pending.size} requests are waiting for an answer already`)
    }
  }

  /**
   * Waits for the answer to a request of this token.
   * @throws TimeoutError when none came in time, or the error that it is settled with
   */
  wait (token: string, what: string, timeoutMs: number, node?: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(
        timeoutMs,
        () => this.reject(token, () => new TimeoutError(what, timeoutMs))
      )
      this.#pending.set(token, { what, node, resolve, reject, timer })
    })
  }

  resolve (token: string, value: unknown): void {
    this.#take(token)?.resolve(value)
  }

  /** @param errorOf makes the error from what the request was */
  reject (token: string, errorOf: (what: string) => Error): void {
    const pending = this.#take(token)
    pending?.reject(errorOf(pending.what))
  }

  /** The node left: what it was asked is not answered any more. */
  nodeLeft (node: string): void {
    for (const [token, pending] of [...this.#pending]) {
      if (pending.node === node) this.#lost(token, `${node} left before it answered`)
    }
  }

  /** The connection was lost: an answer, or the request itself, may have been lost with it. */
  connectionLost (): void {
    for (const token of [...this.#pending.keys()]) {
      this.#lost(token, 'the connection was lost before an answer came')
    }
  }

  #lost (token: string, why: string): void {
    this.reject(
      token,
      what =>
        new MillpondError('UNAVAILABLE', `${what}: ${why}`, { changed: 'maybe', retryable: true })
    )
  }

  /** Undefined when the request was answered twice, or too late. */
  #take (token: string): PendingRequest | undefined {
    const pending = this.#pending.get(token)
    this.#pending.delete(token)
    pending?.timer.cancel()
    return pending
  }

  close (): void {
    this.#closed = true
    for (const token of [...this.#pending.keys()]) {
      this.reject(token, () => new ClosedError('connection'))
    }
  }
}
