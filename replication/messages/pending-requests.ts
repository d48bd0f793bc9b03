/**
 * Requests that wait. Each is settled once: by its answer, when its time is up, or as soon as it is
 * known that no answer can come, because its node left or the connection was lost (SPEC K2).
 */
import { BusyError, ClosedError, MillpondError, TimeoutError,
  type Changed } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { Timer, Timers } from '../../engine/ports.js'

/** A request, as far as waiting for its answer goes. */
export interface RequestKind {
  /** The request, for error messages: what is asked, and of whom. */
  readonly what: string
  /** Whether carrying it out may change something there. */
  readonly changes: boolean
  /** The node that answers, where it is one: when it leaves, the request fails at once. */
  readonly node?: string
}

interface PendingRequest extends RequestKind {
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
  wait (token: string, kind: RequestKind, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(
        timeoutMs,
        () =>
          this.reject(
            token,
            ({ what }, changed) => new TimeoutError(what, Math.ceil(timeoutMs), { changed })
          )
      )
      this.#pending.set(token, { ...kind, resolve, reject, timer })
    })
  }

  resolve (token: string, value: unknown): void {
    this.#take(token)?.resolve(value)
  }

  /** @param errorOf makes the error from what the request was, and may have changed */
  reject (token: string, errorOf: (request: RequestKind, changed: Changed) => Error): void {
    const pending = this.#take(token)
    pending?.reject(errorOf(pending, pending.changes ? 'maybe' : 'no'))
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
      ({ what }, changed) =>
        new MillpondError('UNAVAILABLE', `${what}: ${why}`, { changed, retryable: true })
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
      this.reject(token, (_, changed) => new ClosedError('connection', changed))
    }
  }
}
