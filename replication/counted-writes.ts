/**
 * Increments are not idempotent, so a message that the network delivers twice must not count twice. Each write with
 * operations has an id of its own; its outcome is remembered for as long as a copy can reasonably be under way.
 */
import { limits } from '../engine/limits.js'

export class CountedWrites {
  readonly #outcomes = new Map<string, Promise<boolean>>()

  /** Runs a write once; for a copy of it, the outcome of the first. */
  once (id: string, write: () => Promise<boolean>): Promise<boolean> {
    const known = this.#outcomes.get(id)
    if (known !== undefined) return known
    const outcome = write()
    outcome.catch(() => {}) // told to whoever asked; here it is only kept
    this.#outcomes.set(id, outcome)
    if (this.#outcomes.size > limits.maxRememberedWrites) this.#outcomes.delete(this.#outcomes.keys().next().value as string)
    return outcome
  }
}
