/** Several calls made as one: all have ended before it does. */
import { MillpondError, RemoteError } from '../errors.js'

/**
 * Waits for all, and fails when one did: with its error, which must not claim that nothing changed
 * when others did.
 * @param others what was done where a call failed and another did not, for the message
 */
export async function allOf<T> (calls: ReadonlyArray<Promise<T>>, others: string): Promise<T[]> {
  const outcomes = await Promise.allSettled(calls)
  const failed = outcomes.find((outcome): outcome is PromiseRejectedResult =>
    outcome.status === 'rejected'
  )
  if (failed === undefined) {
    return outcomes.map(outcome => (outcome as PromiseFulfilledResult<T>).value)
  }
  const error: unknown = failed.reason
  const othersStand = outcomes.some(outcome =>
    outcome.status === 'fulfilled' || !(outcome.reason instanceof MillpondError) ||
    outcome.reason.changed !== 'no'
  )
  if (!(error instanceof MillpondError) || error.changed !== 'no' || !othersStand) throw error
  throw new RemoteError(error.code, `${error.message}; ${others}`, {
    changed: 'maybe',
    retryable: error.retryable,
    cause: error
  })
}
