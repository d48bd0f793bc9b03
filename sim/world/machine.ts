/**
 * A machine of the simulated cluster: a clock, disks, and one process at a time that runs a node or
 * a client on it. The process may crash and be started again; clock and disks stay.
 */
import type { Cache } from '../../node/cache/cache.js'
import type { MillpondEvent } from '../../node/events.js'
import type { Inside } from '../../node/inside.js'
import { MachineClock, SimProcess } from './process.js'
import type { Host, Surroundings } from './surroundings.js'

/** Between the points of a slow start. */
const SLOW_STEP_MS = 20

export abstract class Machine implements Host {
  readonly clock: MachineClock
  process: SimProcess | undefined
  /** The parts of the node or client that runs, for checkers; set before it has joined. */
  inside: Inside | undefined
  /** Set while the node or client is open. */
  cacheOf: ((name: string) => Cache) | undefined
  #lives = 0

  constructor (readonly world: Surroundings, readonly cluster: string, readonly name: string) {
    this.clock = new MachineClock(world.scheduler)
  }

  get up (): boolean {
    return this.cacheOf !== undefined && this.process?.alive === true
  }
  get life (): number {
    return this.#lives
  }

  /** Set on a machine that is gone for good. */
  retired = false

  start (): void {
    if (this.retired || this.process?.alive === true) return
    const life = ++this.#lives
    const process = new SimProcess({
      machine: this.name,
      life,
      scheduler: this.world.scheduler,
      clock: this.clock,
      random: this.world.random.fork(`process ${this.name} ${life}`),
      onRun: () => this.world.ran(this)
    })
    this.process = process
    process.onEnd(() => {
      this.cacheOf = undefined
      this.inside = undefined
    })
    this.world.startPausesMs(this.name).forEach((pauseMs, i) =>
      process.ports.timers.after(i * SLOW_STEP_MS, () => process.pause(pauseMs))
    )
    process.enter(() => {
      void this.open(process).catch((error: unknown) =>
        this.world.fail('starting', `${process.label}: ${String(error)}`)
      )
    })
  }

  /** Opens the node or client of this machine; resolves when it is up. */
  protected abstract open (process: SimProcess): Promise<void>

  crash (): void {
    if (this.process?.alive !== true) return
    this.beforeCrash()
    this.process.crash()
  }

  abstract afterRun (): void

  /** Notes which writes are about to be lost. */
  protected beforeCrash (): void {}

  protected onEvent (event: MillpondEvent): void {
    this.world.reported(this, event)
  }
}
