/** The world as its machines and workloads see it. */
import type { Limits } from '../../engine/limits.js'
import type { Cache } from '../../node/cache/cache.js'
import type { MillpondEvent } from '../../node/events.js'
import type { Inside } from '../../node/inside.js'
import type { HeldRecord } from '../checkers/replicas.js'
import type { Coverage } from '../run/coverage.js'
import type { Model } from '../model.js'
import type { SimNetwork } from './network.js'
import type { SimProcess } from './process.js'
import type { SimRandom } from '../random.js'
import type { Scheduler } from './scheduler.js'

/** A machine as others see it. */
export interface Host {
  readonly cluster: string
  readonly name: string
  readonly life: number
  readonly process: SimProcess | undefined
  /** Set while a node or client is open on it. */
  readonly cacheOf: ((name: string) => Cache) | undefined
  /** The parts of the node or client, for checkers. */
  readonly inside: Inside | undefined
  /** Checks the machine after each step of its process. */
  afterRun(): void
}

export interface Surroundings {
  /** The bounds that every node, client and checker of this world goes by. */
  readonly limits: Limits
  readonly scheduler: Scheduler
  readonly random: SimRandom
  readonly network: SimNetwork
  readonly model: Model
  readonly coverage: Coverage
  /** The run winds up: no new work is begun. */
  readonly winding: boolean
  /** How long a machine stands still at several points of its start. */
  startPausesMs(machine: string): readonly number[]
  /** The process of this machine made a step. */
  ran(host: Host): void
  wentUp(host: Host): void
  /** The machine lost its memory. */
  gone(host: Host): void
  reported(host: Host, event: MillpondEvent): void
  /** Ends the run: an invariant does not hold. */
  fail(invariant: string, detail: string): void
  /** A write was just acknowledged. */
  acknowledged(opId: number): void
  replicasOf(cluster: string, cache: string, key: string): readonly HeldRecord[]
  hostsOf(cluster: string): readonly Host[]
}
