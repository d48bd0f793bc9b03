/**
 * One write on its way to a holder, through all its attempts, and what its writer is told at the
 * end.
 *
 *   attempt --taken--> done
 *           --refused for good, or out of time--> rejected
 *           --no answer, or refused for now--> pause --> attempt, at the next holder
 *
 * A write keeps its version through every attempt, so trying again after a lost answer changes
 * nothing. Only an operation that is not repeatable (an increment) would count twice: its writer is
 * told at once that the outcome is unknown.
 */
import { EnvelopeError, MillpondError, OutcomeUnknownError, RemoteError, TimeoutError,
  WriteConcernError } from '../../engine/errors.js'
import { isRepeatable } from '../../engine/fields/lookup.js'
import { writeRetryMs } from '../../engine/timing.js'
import type { Write } from '../../engine/write/write.js'
import type { WriteConcern } from '../deltas/acks.js'
import type { WriteOutcome } from './write-protocol.js'

export interface OutgoingWriteOptions {
  readonly group: number
  readonly write: Write
  readonly concern: WriteConcern
  readonly timeoutMs: number
  /** On the monotonic clock. */
  readonly deadlineMs: number
}

export class OutgoingWrite {
  readonly group: number
  readonly write: Write
  readonly concern: WriteConcern
  readonly timeoutMs: number
  /** Settles when the writer is told. */
  readonly done: Promise<void>
  readonly #deadlineMs: number
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}
  #attempts = 0
  /** An earlier attempt got no answer, or not one that rules out a change. */
  #mayStand = false

  constructor ({ group, write, concern, timeoutMs, deadlineMs }: OutgoingWriteOptions) {
    this.group = group
    this.write = write
    this.concern = concern
    this.timeoutMs = timeoutMs
    this.#deadlineMs = deadlineMs
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Attempts that failed so far. */
  get attempts (): number {
    return this.#attempts
  }

  /**
   * A holder answered.
   * @param isLast whether there can be no other attempt
   * @returns how long to wait before the next attempt, in milliseconds; null when the writer was
   *   told
   */
  answered (outcome: WriteOutcome | null, nowMs: number, isLast: boolean): number | null {
    if (outcome === null) {
      this.#resolve()
      return null
    }
    const { code, message, changed, retryable, concern } = outcome
    const error = concern === undefined
      ? new RemoteError(code, message, outcome)
      : new WriteConcernError(concern.wanted, concern.reached, concern.needed, concern.timeoutMs)
    if (changed === 'no' && retryable) return this.failed(error, nowMs, isLast)
    this.#giveUp(error)
    return null
  }

  /**
   * An attempt failed.
   * @param isLast whether there can be no other attempt
   * @returns how long to wait before the next one, in milliseconds; null when the writer was told
   */
  failed (error: Error, nowMs: number, isLast: boolean): number | null {
    const { key, operations } = this.write
    this.#attempts++
    this.#mayStand ||= mayHaveChanged(error)
    if (this.#mayStand && operations !== undefined && !operations.every(isRepeatable)) {
      this.#reject(new OutcomeUnknownError(`${JSON.stringify(key)}: ${error.message}`, error))
      return null
    }
    const isLate = nowMs >= this.#deadlineMs
    if (isLast || isLate || !(error instanceof MillpondError) || !error.retryable) {
      this.#giveUp(
        isLate && !(error instanceof TimeoutError)
          ? new TimeoutError(`write of ${JSON.stringify(key)} (${error.message})`, this.timeoutMs)
          : error
      )
      return null
    }
    return writeRetryMs(this.#attempts)
  }

  /** There will be no further attempt. */
  abandon (error: Error): void {
    this.#giveUp(error)
  }

  /** A last attempt that was refused says nothing about those before it. */
  #giveUp (error: Error): void {
    if (!this.#mayStand || !(error instanceof MillpondError) || error.changed !== 'no') {
      this.#reject(error)
      return
    }
    const { code, message, retryable } = error
    this.#reject(
      new RemoteError(code, `${message}; an earlier attempt may have taken effect`, {
        changed: 'maybe',
        retryable,
        cause: error
      })
    )
  }
}

/** An answer that cannot be read was sent by a holder that may have taken the write. */
function mayHaveChanged (error: Error): boolean {
  return !(error instanceof MillpondError) || error.changed !== 'no' ||
    error instanceof EnvelopeError
}
