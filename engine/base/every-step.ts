/**
 * Does all of several steps, also after one of them failed. A shutdown is such a thing: a goodbye
 * that cannot be said must not keep the data from its store, nor the store locked.
 */

/** @throws what the first step that failed threw, once all were done */
export function everyStep (steps: Iterable<() => void>): void {
  const thrown: unknown[] = []
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      thrown.push(error)
    }
  }
  if (thrown.length > 0) throw thrown[0]
}

/** As everyStep, where each step may take its time: the next one waits for it. */
export async function everyStepInTurn (
  steps: Iterable<() => Promise<unknown> | void>
): Promise<void> {
  const thrown: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      thrown.push(error)
    }
  }
  if (thrown.length > 0) throw thrown[0]
}

/** As everyStep, where no step waits for another. */
export async function everyStepAtOnce (steps: Iterable<() => Promise<unknown>>): Promise<void> {
  const outcomes = await Promise.allSettled([...steps].map(async step => await step()))
  everyStep(outcomes.map(outcome => () => {
    if (outcome.status === 'rejected') throw outcome.reason
  }))
}
