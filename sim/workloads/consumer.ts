/**
 * A consumer group: one consumer at a time, on one host or another. A consumer reads slowly or
 * fast, commits now and then, and is stopped or dies with its process. The next one goes on from
 * the committed cursors.
 */
import { MillpondError } from '../../engine/errors.js'
import { Deliveries } from '../checkers/deliveries.js'
import type { Timer } from '../../engine/ports.js'
import type { SimRandom } from '../random.js'
import type { Host, Surroundings } from '../world/surroundings.js'

export interface ConsumerPlan {
  readonly cluster: string
  readonly cache: string
  readonly group: string
  readonly ratePerSecond: number
  readonly batchSize: number
  /** How long one consumer lives on average. */
  readonly lifeMs: number
  readonly commitChance: number
  /** The machine its consumers run on; default: any of the cluster. */
  readonly host?: string
}

const RESTART_MS = 50
/** Records per second with which a consumer reads everything before the run is over. */
const FAST_RATE = 1000

export class ConsumerGroup {
  readonly deliveries: Deliveries
  readonly #world: Surroundings
  readonly #plan: ConsumerPlan
  readonly #random: SimRandom
  readonly #hosts: () => readonly Host[]
  #running: AbortController | undefined
  #lifeTimer: Timer | undefined
  #lives = 0

  constructor (options: { world: Surroundings, plan: ConsumerPlan, hosts: () => readonly Host[] }) {
    this.#world = options.world
    this.#plan = options.plan
    this.#hosts = options.hosts
    this.#random = options.world.random.fork(`consumer ${options.plan.group}`)
    this.deliveries = new Deliveries(
      `${options.plan.cluster}/${options.plan.cache}`,
      options.plan.group
    )
    this.#startSoon()
  }

  #startSoon (): void {
    this.#world.scheduler.after(RESTART_MS, `consumer ${this.#plan.group}`, () => this.#start())
  }

  #start (): void {
    const hosts = this.#hosts().filter(({ name, cacheOf, process }) =>
      (this.#plan.host ?? name) === name && cacheOf !== undefined && process?.paused === false
    )
    if (hosts.length === 0) {
      this.#startSoon()
      return
    }
    const host = this.#random.pick(hosts)
    const { process } = host
    if (process === undefined) return
    const life = ++this.#lives
    if (life > 1) this.#world.coverage.hit('consumer-restarted')
    const stop = new AbortController()
    this.#running = stop
    const next = (): void => {
      if (this.#running !== stop) return
      this.#running = undefined
      this.#startSoon()
    }
    process.onEnd(next)
    this.#lifeTimer = this.#world.winding
      ? undefined
      : process.ports.timers.after(
        this.#random.between(this.#plan.lifeMs * 0.2, this.#plan.lifeMs * 2),
        () => stop.abort()
      )
    process.enter(() => {
      void this.#consume(host, stop.signal).catch((error: unknown) => {
        if (!(error instanceof MillpondError)) {
          this.#world.fail(
            'errors are typed',
            `consumer ${this.#plan.group} on ${host.name}: ${
              error instanceof Error ? error.stack ?? error.message : String(error)
            }`
          )
        } else this.#world.coverage.hit(`consumer ${error.code}`)
      }).finally(next)
    })
  }

  async #consume (host: Host, signal: AbortSignal): Promise<void> {
    const { cache, group, batchSize, ratePerSecond, commitChance } = this.#plan
    const take = this.deliveries.begin(this.#world.model)
    const ratePerSecondNow = this.#world.winding ? 5000 : ratePerSecond
    for await (
      const batch of host.cacheOf?.(cache).consume({
        group,
        batchSize,
        ratePerSecond: ratePerSecondNow,
        signal
      }) ?? []
    ) {
      const problem = take(batch.changes, batch.resets)
      if (problem !== null) {
        this.#world.fail(
          'consumers see every final value, and never go back',
          `on ${host.name}: ${problem}`
        )
      }
      if (batch.resets.length > 0) this.#world.coverage.hit('consumer-reset', batch.resets.length)
      if (this.#random.chance(commitChance)) {
        try {
          await batch.commit()
        } catch (error) {
          if (!(error instanceof MillpondError)) throw error
          this.#world.coverage.hit(`commit ${error.code}`)
        }
      }
    }
  }

  /**
   * Ends the current consumer if it is slow, so that the next one reads as fast as it can. A fast
   * consumer stays for good: it has to find by itself the changes of which hints were lost, and a
   * successor would disturb a cluster at rest.
   */
  hurry (): void {
    this.#lifeTimer?.cancel()
    if (this.#plan.ratePerSecond < FAST_RATE) this.#running?.abort()
  }
}
