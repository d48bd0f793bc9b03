/** Waiting that an event, or the end of the consumer, can cut short. */
import type { Timers } from '../../engine/ports.js'

export class Wake {
  readonly #timers: Timers
  #pending = false
  #ended = false
  #resolve: (() => void) | undefined
  /** Ends a sleep that is under way. */
  #rouse: (() => void) | undefined

  constructor (timers: Timers) {
    this.#timers = timers
  }

  /** Ends a wait at once, or the next one where none is under way. */
  now (): void {
    if (this.#resolve === undefined) this.#pending = true
    else this.#resolve()
  }

  /** Ends every wait and sleep at once, now and from now on. */
  end (): void {
    this.#ended = true
    this.#rouse?.()
    this.now()
  }

  /** Resolves when woken, or after `atMostMs`. */
  async wait (atMostMs: number): Promise<void> {
    if (this.#pending || this.#ended) {
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

  /** Resolves after `forMs`. Waking does not cut a sleep short, only the end does. */
  async sleep (forMs: number): Promise<void> {
    if (this.#ended) return
    await new Promise<void>(resolve => {
      const timer = this.#timers.after(forMs, () => this.#rouse?.())
      this.#rouse = () => {
        this.#rouse = undefined
        timer.cancel()
        resolve()
      }
    })
  }
}
