/** Waiting that something else can cut short. */
import type { Timers } from '../engine/ports.js'

export class Wake {
  readonly #timers: Timers
  #pending = false
  #resolve: (() => void) | undefined

  constructor (timers: Timers) { this.#timers = timers }

  /** Ends a wait at once, or the next one if nobody waits. */
  now (): void {
    if (this.#resolve === undefined) this.#pending = true
    else this.#resolve()
  }

  /** Resolves when woken, or after so long. */
  async wait (atMostMs: number): Promise<void> {
    if (this.#pending) {
      this.#pending = false
      return
    }
    await new Promise<void>(resolve => {
      const timer = this.#timers.after(atMostMs, () => this.#resolve?.())
      this.#resolve = () => {
        this.#resolve = undefined
        timer.cancel()
        resolve()
      }
    })
  }

  /** Resolves after so long, whatever happens. */
  async sleep (forMs: number): Promise<void> {
    await new Promise<void>(resolve => { this.#timers.after(forMs, resolve) })
  }
}
