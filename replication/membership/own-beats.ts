/** A node's own heartbeats: one per interval, one soon where there is news, one as a goodbye. */
import type { Timer, Timers } from '../../engine/ports.js'
import { beatSoonMs, type Timing } from '../../engine/timing.js'

export interface OwnBeatsOptions {
  readonly timers: Timers
  readonly timing: Timing
  readonly send: (leaving: boolean) => void
}

export class OwnBeats {
  readonly #options: OwnBeatsOptions
  #next: Timer | undefined
  #soon: Timer | undefined
  #beating = false

  constructor (options: OwnBeatsOptions) {
    this.#options = options
  }

  get beating (): boolean {
    return this.#beating
  }

  start (): void {
    this.#beating = true
    this.#beat()
  }

  /** A heartbeat out of turn, once it has begun; several reasons share one. */
  soon (): void {
    if (!this.#beating || this.#soon !== undefined) return
    const { timers, timing } = this.#options
    this.#soon = timers.after(beatSoonMs(timing), () => {
      this.#soon = undefined
      this.#beat()
    })
  }

  #beat (): void {
    this.#next?.cancel()
    if (!this.#beating) return
    const { timers, timing, send } = this.#options
    send(false)
    this.#next = timers.after(timing.heartbeatMs, () => this.#beat())
  }

  /** A heartbeat now, if it ever said that it is there. */
  now (): void {
    if (this.#beating) this.#beat()
  }

  /** Says goodbye, if it ever said that it is there, and stops. */
  close (): void {
    const wasBeating = this.#beating
    this.#beating = false
    this.#next?.cancel()
    this.#soon?.cancel()
    if (wasBeating) this.#options.send(true)
  }
}
