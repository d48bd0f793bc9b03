/**
 * Undoing the steps of something that failed half-way. Each step is undone, also where another one
 * cannot be: a store that does not close must not keep timers, connections and other stores.
 */

/**
 * Takes these steps one after the other. Their errors are dropped: the caller has one that says why
 * it undoes them.
 */
export async function undoAll (steps: Iterable<() => Promise<void> | void>): Promise<void> {
  for (const step of steps) {
    try {
      await step()
    } catch {
      // the next steps must be undone as well
    }
  }
}
