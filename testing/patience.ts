/**
 * How long a suite waits. An adapter that loses a message or never answers would make each test
 * wait to the end, so a suite that has waited in vain once waits a shorter time from then on: it
 * has failed already, and the other tests only tell what else is wrong.
 *
 * Neither time is a measurement: a sound adapter needs a fraction of the shorter one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from './wait-for.js'

export class Patience {
  #ms: number
  readonly #laterMs: number

  constructor (firstMs = 5000, laterMs = 1000) {
    this.#ms = firstMs
    this.#laterMs = laterMs
  }

  /** Waits until the condition holds. @throws Error naming `what` when it does not in time */
  async until (condition: () => boolean, what: string): Promise<void> {
    try {
      await waitFor(condition, what, this.#ms)
    } catch (error) {
      this.#ms = this.#laterMs
      throw error
    }
  }

  /** Waits for a call to settle. @throws as the call; Error naming `what` when it does not */
  async settled<T> (call: Promise<T>, what: string): Promise<T> {
    const ms = this.#ms
    const over = new AbortController()
    const late = sleep(ms, undefined, { signal: over.signal }).then(() => {
      this.#ms = this.#laterMs
      throw new Error(`waited ${ms} ms in vain for ${what}`)
    })
    late.catch(() => undefined)
    try {
      return await Promise.race([call, late])
    } finally {
      over.abort()
    }
  }
}
