/** The listeners that hear when a connection is lost or found. Both adapters use them. */
import type { Subscription } from './transport.js'

export class ConnectionListeners {
  readonly #listeners = new Set<(connected: boolean) => void>()
  readonly #onProblem: (error: unknown) => void

  /** `onProblem` hears of exceptions in listeners; the other listeners are called all the same. */
  constructor (onProblem: (error: unknown) => void) {
    this.#onProblem = onProblem
  }

  add (listener: (connected: boolean) => void): Subscription {
    // Wrapped, so that the same function registered twice is two listeners.
    const entry = (connected: boolean): void => listener(connected)
    this.#listeners.add(entry)
    return {
      close: () => {
        this.#listeners.delete(entry)
      }
    }
  }

  tell (connected: boolean): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(connected)
      } catch (error) {
        this.#onProblem(error)
      }
    }
  }

  clear (): void {
    this.#listeners.clear()
  }
}
