/**
 * Tells when this process's own wall clock is off from the time that the nodes agree on, and when
 * it is right again. Nothing goes by such a clock as long as most others are right; so nobody would
 * notice before a second one is wrong.
 */
import type { SharedTime } from '../../engine/base/hlc.js'
import type { Clock } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import type { OnEvent } from '../events.js'

export interface ClockWatchOptions {
  readonly clock: Clock
  readonly time: SharedTime
  readonly onEvent: OnEvent
}

export class ClockWatch {
  readonly #options: ClockWatchOptions
  #differs = false
  #toldMs = -Infinity

  constructor (options: ClockWatchOptions) {
    this.#options = options
  }

  /** Call it now and then. A clock that goes to and fro is told of once in a while. */
  look (): void {
    const { clock, time, onEvent } = this.#options
    const aheadMs = time.isShared ? Math.round(clock.wallMs() - time.nowMs()) : 0
    const { clockDiffersMs, timingToldMs } = intervals
    const differs = Math.abs(aheadMs) > (this.#differs ? clockDiffersMs / 2 : clockDiffersMs)
    const nowMs = clock.monotonicMs()
    if (differs === this.#differs || nowMs - this.#toldMs < timingToldMs) return
    this.#differs = differs
    this.#toldMs = nowMs
    onEvent(
      differs
        ? { type: 'clock-differs', aheadMs, from: time.name }
        : { type: 'clock-agrees', aheadMs, from: time.name }
    )
  }
}
