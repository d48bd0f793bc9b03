/** Requests that wait. Each is settled once: by its answer, or when its time is up. */
import { BusyError, ClosedError, TimeoutError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { Timer, Timers } from '../../engine/ports.js'

interface PendingRequest {
  /** The request, for error messages. */
  readonly what: string
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
  wait (token: string, what: string, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(
        timeoutMs,
        () => this.reject(token, () => new TimeoutError(what, timeoutMs))
      )
      this.#pending.set(token, { what, resolve, reject, timer })
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
