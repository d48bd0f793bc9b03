/** Waits with a limit for a promise that may never settle. */
import type { Timers } from '../../engine/ports.js'

/**
 * @returns whether the promise was resolved or rejected in time; it never throws, and a late
 * rejection is not unhandled
 */
export function settledWithin (
  promise: Promise<unknown>,
  timers: Timers,
  timeoutMs: number
): Promise<boolean> {
  return new Promise(resolve => {
    const timer = timers.after(timeoutMs, () => resolve(false))
    const settled = (): void => {
      timer.cancel()
      resolve(true)
    }
    promise.then(settled, settled)
  })
}
