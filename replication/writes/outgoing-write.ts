/**
 * One write on its way to a holder, through all its attempts, and what its writer is told at the
 * end.
 *
 *   attempt --taken--> done
 *           --refused for good--> rejected
 *           --no answer, or refused for now--> pause --> attempt, at the next holder
 *   anything --time is up--> rejected (SPEC K1)
 *
 * A write keeps its version through every attempt, so trying again after a lost answer changes
 * nothing; one that was refused because something newer stands there is dated anew (overtaking.ts).
 * Only an operation that is not repeatable (an increment) would count twice: its writer is told at
 * once that the outcome is unknown.
 *
 * A holder that refuses a write as one of the future may hear other clocks than the next one does:
 * each holder is asked. A holder whose store failed may have a write that is not durable. The next
 * holder is asked for one that merges by its version. An operation is not asked for elsewhere: each
 * holder that took it would have an entry of its own for it.
 */
import { EnvelopeError, MillpondError, OutcomeUnknownError, RemoteError, TimeoutError,
  WriteConcernError } from '../../engine/errors.js'
import { isRepeatable } from '../../engine/fields/lookup.js'
import { writeRetryMs } from '../../engine/timing.js'
import type { Write } from '../../engine/write/write.js'
import type { WriteConcern } from '../deltas/write-concern.js'
import type { WriteOutcome } from './write-protocol.js'

export interface OutgoingWriteOptions {
  readonly group: number
  readonly write: Write
  readonly concern: WriteConcern
  readonly timeoutMs: number
  /** On the monotonic clock. */
  readonly deadlineMs: number
}

/** Whether there can be other attempts. */
export interface Others {
  /** There is none: the connection is closed. */
  readonly isLast: boolean
  /** How many nodes hold the write's placement group. */
  readonly holders: number
  /** The node that was asked refuses for good, and others may not. */
  readonly isRefusedHere?: boolean
}

export class OutgoingWrite {
  readonly group: number
  readonly concern: WriteConcern
  readonly timeoutMs: number
  /** On the monotonic clock. */
  readonly deadlineMs: number
  /** Settles when the writer is told. */
  readonly done: Promise<void>
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}
  #write: Write
  #isAsItIs = false
  #isSettled = false
  #attempts = 0
  #storesFailed = 0
  #tooEarly = 0
  /** An attempt got no answer so far, or an earlier one not one that rules out a change. */
  #mayStand = false
  /** What the last attempt failed with. */
  #last: Error | undefined

  constructor ({ group, write, concern, timeoutMs, deadlineMs }: OutgoingWriteOptions) {
    this.group = group
    this.#write = write
    this.concern = concern
    this.timeoutMs = timeoutMs
    this.deadlineMs = deadlineMs
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get write (): Write {
    return this.#write
  }

  /** Whether a holder is to take it also where something newer stands above it. */
  get isAsItIs (): boolean {
    return this.#isAsItIs
  }

  /** Whether a holder may have taken it, as far as is known. */
  get mayStand (): boolean {
    return this.#mayStand
  }

  /** No holder has taken it: it goes on with a later date, or with less. */
  becomes (write: Write): void {
    this.#write = write
  }

  asItIs (): void {
    this.#isAsItIs = true
  }

  /** Attempts that failed so far. */
  get attempts (): number {
    return this.#attempts
  }

  /** The writer was told: what comes later changes nothing. */
  get isSettled (): boolean {
    return this.#isSettled
  }

  /** A failed attempt on this node came before. */
  triedHere (error: Error): void {
    this.#attempts++
    this.#storesFailed++
    this.#mayStand = true
    this.#last = error
  }

  /**
   * A holder answered.
   * @returns how long to wait before the next attempt, in milliseconds; null when there is none
   */
  answered (outcome: WriteOutcome | null, nowMs: number, others: Others): number | null {
    if (this.#isSettled) return null
    if (outcome === null) {
      this.#isSettled = true
      this.#resolve()
      return null
    }
    const { code, message, changed, retryable, concern } = outcome
    const error = concern === undefined
      ? new RemoteError(code, message, outcome)
      : new WriteConcernError(concern.wanted, concern.reached, concern.needed, this.timeoutMs)
    const isElsewhere = code === 'STORE' && retryable && this.write.operations === undefined &&
      ++this.#storesFailed < others.holders
    if (code === 'VERSION_IN_FUTURE' && ++this.#tooEarly < others.holders) {
      return this.failed(error, nowMs, { ...others, isRefusedHere: true })
    }
    if ((changed === 'no' && retryable) || isElsewhere) return this.failed(error, nowMs, others)
    this.#giveUp(error)
    return null
  }

  /**
   * An attempt failed.
   * @returns how long to wait before the next one, in milliseconds; null when there is none
   */
  failed (
    error: Error,
    nowMs: number,
    { isLast, isRefusedHere = false }: Pick<Others, 'isLast' | 'isRefusedHere'>
  ): number | null {
    if (this.#isSettled) return null
    const { key, operations } = this.write
    this.#attempts++
    this.#mayStand ||= mayHaveChanged(error)
    this.#last = error
    if (this.#mayStand && operations !== undefined && !operations.every(isRepeatable)) {
      this.#fail(new OutcomeUnknownError(`${JSON.stringify(key)}: ${error.message}`, error))
      return null
    }
    if (isLast || !(error instanceof MillpondError) || !(error.retryable || isRefusedHere)) {
      this.#giveUp(error)
      return null
    }
    if (nowMs >= this.deadlineMs) {
      this.expire(false)
      return null
    }
    return writeRetryMs(this.#attempts)
  }

  /**
   * The time that the write was given is up.
   * @param isAsked whether a holder was sent it and has not answered: it may take the write yet
   */
  expire (isAsked: boolean): void {
    if (this.#isSettled) return
    const { key, operations } = this.write
    const why = this.#last === undefined ? '' : ` (${this.#last.message})`
    this.#mayStand ||= isAsked
    const late = new TimeoutError(`write of ${JSON.stringify(key)}${why}`, this.timeoutMs, {
      changed: this.#mayStand ? 'maybe' : 'no',
      cause: this.#last
    })
    const isUnknown = this.#mayStand && operations?.every(isRepeatable) === false
    this.#fail(
      isUnknown ? new OutcomeUnknownError(`${JSON.stringify(key)}: ${late.message}`, late) : late
    )
  }

  /** There will be no further attempt. */
  abandon (error: Error): void {
    if (!this.#isSettled) this.#giveUp(error)
  }

  /** A last attempt that was refused says nothing about those before it. */
  #giveUp (error: Error): void {
    if (!this.#mayStand || !(error instanceof MillpondError) || error.changed !== 'no') {
      this.#fail(error)
      return
    }
    const { code, message, retryable } = error
    this.#fail(
      new RemoteError(code, `${message}; an earlier attempt may have taken effect`, {
        changed: 'maybe',
        retryable,
        cause: error
      })
    )
  }

  #fail (error: Error): void {
    this.#isSettled = true
    this.#reject(error)
  }
}

/** An answer that cannot be read was sent by a holder that may have taken the write. */
function mayHaveChanged (error: Error): boolean {
  return !(error instanceof MillpondError) || error.changed !== 'no' ||
    error instanceof EnvelopeError
}
