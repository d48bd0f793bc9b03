/**
 * Undoing the steps of something that failed half-way. Each step is undone, also where another one
 * cannot be: a store that does not close must not keep timers, connections and other stores.
 */
import { everyStepInTurn } from '../engine/base/every-step.js'
import type { Timers } from '../engine/ports.js'
import { intervals } from '../engine/timing.js'
import { settledWithin } from '../replication/transport/settled-within.js'

/**
 * Takes these steps one after the other, and waits at most intervals.undoTimeoutMs for each. Their
 * errors are dropped: the caller has one that says why it undoes them.
 */
export async function undoAll (
  steps: Iterable<() => Promise<void> | void>,
  timers: Timers
): Promise<void> {
  for (const step of steps) {
    await settledWithin(everyStepInTurn([step]), timers, intervals.undoTimeoutMs)
  }
}
