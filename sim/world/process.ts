/**
 * A simulated process: one life of a program on a machine. The program sees time, timers and chance
 * only through the ports made here. So in a crash its timers and messages simply never arrive
 * again, and after a pause they arrive late, all at once.
 *
 *   running --pause--> paused --resume--> running
 *      |                  |
 *      +------crash-------+--> dead, for good: a restart is a new process on the same machine
 */
import type { Clock, Ports } from '../../engine/ports.js'
import type { SimRandom } from '../random.js'
import type { Scheduler } from './scheduler.js'

/** The date at which simulations begin, 2026-01-01: any will do, as long as it stays the same. */
export const START_MS = 1_767_225_600_000

/**
 * The wall clock of a machine: it may run ahead, jump and stand still. Its monotonic clock is the
 * simulation's own time.
 */
export class MachineClock implements Clock {
  readonly #scheduler: Scheduler
  #offsetMs = 0
  #rate = 1
  #frozenMs: number | undefined

  constructor (scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  wallMs (): number {
    return this.#frozenMs ?? START_MS + this.#scheduler.nowMs * this.#rate + this.#offsetMs
  }
  monotonicMs (): number {
    return this.#scheduler.nowMs
  }

  /** How far ahead of the true time it is. */
  get aheadMs (): number {
    return this.wallMs() - START_MS - this.#scheduler.nowMs
  }

  jump (byMs: number): void {
    this.#offsetMs += byMs
  }
  /** Runs faster or slower from now on, without a jump. */
  skew (rate: number): void {
    this.#offsetMs += this.#scheduler.nowMs * (this.#rate - rate)
    this.#rate = rate
  }

  freeze (): void {
    this.#frozenMs ??= this.wallMs()
  }
  thaw (): void {
    this.#frozenMs = undefined
  }

  /** Shows the true time again, and keeps to it. */
  setRight (): void {
    this.thaw()
    this.#rate = 1
    this.#offsetMs = 0
  }
}

export class SimProcess {
  /** Machine and life: `n1#3`. */
  readonly label: string
  readonly ports: Ports
  /** Timers that were set and have neither run nor been cancelled. */
  timers = 0
  readonly #scheduler: Scheduler
  readonly #ends: Array<() => void> = []
  #backlog: Array<() => void> = []
  #state: 'running' | 'paused' | 'dead' = 'running'
  #pauseEndMs = 0

  constructor (
    options: {
      machine: string,
      life: number,
      scheduler: Scheduler,
      clock: Clock,
      random: SimRandom,
      onRun: (process: SimProcess) => void
    }
  ) {
    const { machine, life, scheduler, clock, random, onRun } = options
    this.label = `${machine}#${life}`
    this.#scheduler = scheduler
    this.#onRun = onRun
    const label = `timer ${this.label}`
    this.ports = {
      clock,
      random,
      timers: {
        after: (delayMs, fn) => {
          let wanted = true
          this.timers++
          const over = (): boolean => {
            if (!wanted) return false
            wanted = false
            this.timers--
            return true
          }
          const task = scheduler.after(Math.max(0, delayMs), label, () =>
            this.enter(() => {
              if (over()) fn()
            }))
          return {
            cancel: () => {
              over()
              task.cancel()
            }
          }
        }
      }
    }
  }

  readonly #onRun: (process: SimProcess) => void

  get alive (): boolean {
    return this.#state !== 'dead'
  }
  get paused (): boolean {
    return this.#state === 'paused'
  }

  /** Runs a function inside the process: now, when a pause is over, or never. */
  enter (run: () => void): void {
    if (this.#state === 'dead') return
    if (this.#state === 'paused') {
      this.#backlog.push(run)
      return
    }
    this.#onRun(this)
    run()
  }

  /** Resolves after so long by the process's own timers. */
  sleep (forMs: number): Promise<void> {
    return new Promise(resolve => {
      this.ports.timers.after(forMs, resolve)
    })
  }

  /** Stops the process in its tracks; overlapping pauses end with the last one. */
  pause (forMs: number): void {
    if (this.#state === 'dead') return
    this.#state = 'paused'
    this.#pauseEndMs = Math.max(this.#pauseEndMs, this.#scheduler.nowMs + forMs)
    this.#scheduler.at(this.#pauseEndMs, `resume ${this.label}`, () => this.#resume())
  }

  #resume (): void {
    if (this.#state !== 'paused' || this.#scheduler.nowMs < this.#pauseEndMs) return
    this.#state = 'running'
    // Each is an event of its own, as each would be a turn of the event loop.
    for (const run of this.#backlog.splice(0)) {
      this.#scheduler.after(0, `late ${this.label}`, () => this.enter(run))
    }
  }

  /** Resumes a paused process at once. */
  resume (): void {
    this.#pauseEndMs = this.#scheduler.nowMs
    this.#resume()
  }

  /** Calls back when the process dies. */
  onEnd (end: () => void): void {
    this.#ends.push(end)
  }

  crash (): void {
    if (this.#state === 'dead') return
    this.#state = 'dead'
    this.#backlog = []
    for (const end of this.#ends.splice(0)) end()
  }
}
