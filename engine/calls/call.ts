/**
 * How long a call may take, and how its caller ends it before that. Every call takes the same two
 * options; all that a call does has to fit into its time (SPEC K1, K5).
 */
import { describe } from '../base/plain.js'
import { AbortedError, type Changed } from '../errors.js'
import type { Clock } from '../ports.js'
import { intervals } from '../timing.js'
import { onAbort } from './on-abort.js'

export interface CallOptions {
  /**
   * How long the call may take, in milliseconds from 0 to 3,600,000, with all its attempts. With 0
   * only this process can answer. Default: `timing.requestTimeoutMs` (3000), writes 5000.
   */
  readonly timeoutMs?: number
  /** Ends the call, with AbortedError, when aborted. */
  readonly signal?: AbortSignal
}

export const CALL_OPTIONS = ['timeoutMs', 'signal'] as const satisfies ReadonlyArray<
  keyof CallOptions
>

/** A call under way. */
export interface Call {
  readonly timeoutMs: number
  /** On the monotonic clock. */
  readonly deadlineMs: number
  readonly signal: AbortSignal | undefined
}

/** @throws TypeError naming the option that cannot be */
export function checkCall ({ timeoutMs, signal }: CallOptions): void {
  if (timeoutMs !== undefined) assertTimeout(timeoutMs)
  if (signal !== undefined) assertSignal(signal)
}

/**
 * @param usualMs how long it may take where the caller does not say
 * @throws AbortedError when it was ended before it began
 */
export function beginCall (
  { timeoutMs, signal }: CallOptions,
  usualMs: number,
  clock: Pick<Clock, 'monotonicMs'>
): Call {
  if (signal?.aborted === true) throw abortedBy(signal, 'no')
  const givenMs = timeoutMs ?? usualMs
  return { timeoutMs: givenMs, deadlineMs: clock.monotonicMs() + givenMs, signal }
}

export function abortedBy (signal: AbortSignal, changed: Changed): AbortedError {
  return new AbortedError(changed, signal.reason)
}

/**
 * Waits for a result, or until the caller ends the call; what still comes is then dropped.
 * @param changed whether the call may have changed something
 */
export async function unlessAborted<T> (
  result: Promise<T>,
  signal: AbortSignal | undefined,
  changed: Changed
): Promise<T> {
  if (signal === undefined) return await result
  let stop = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(abortedBy(signal, changed))
    else stop = onAbort(signal, () => reject(abortedBy(signal, changed)))
  })
  try {
    return await Promise.race([result, aborted])
  } finally {
    stop()
  }
}

/** Gives these out until the caller ends the call, also between two of them. */
export function* untilAborted<T> (
  items: Iterable<T>,
  signal: AbortSignal | undefined
): Generator<T, void, undefined> {
  for (const item of items) {
    if (signal?.aborted === true) throw abortedBy(signal, 'no')
    yield item
  }
}

/** @throws TypeError */
export function assertTimeout (timeoutMs: unknown): void {
  const { maxWriteTimeoutMs: max } = intervals
  if (typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= max) return
  throw new TypeError(
    `timeoutMs must be a number of milliseconds from 0 to ${max}, got ${describe(timeoutMs)}`
  )
}

/**
 * By its parts, so that a signal of another realm, or of a polyfill, is one too.
 * @throws TypeError
 */
export function assertSignal (value: unknown): asserts value is AbortSignal {
  const { aborted, addEventListener, removeEventListener } = (value ?? {}) as Partial<AbortSignal>
  const isSignal = typeof aborted === 'boolean' && typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  if (!isSignal) throw new TypeError(`signal must be an AbortSignal, got ${describe(value)}`)
}
