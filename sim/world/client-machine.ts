/** A machine that runs a client. */
import { MillpondError } from '../../engine/errors.js'
import { connect } from '../../node/connect.js'
import type { ClientConfig } from '../../node/config.js'
import { checkBounds } from '../checkers/bounds.js'
import { Machine } from './machine.js'
import type { SimProcess } from './process.js'
import type { Surroundings } from './surroundings.js'

const RECONNECT_MS = 200

export class ClientMachine extends Machine {
  readonly #config: ClientConfig
  readonly #caches: readonly string[]

  constructor (
    world: Surroundings,
    cluster: string,
    name: string,
    config: ClientConfig,
    caches: readonly string[]
  ) {
    super(world, cluster, name)
    this.#config = { ...config, name }
    this.#caches = caches
  }

  override afterRun (): void {
    checkBounds(this.name, this.inside, this.world.limits)
  }

  protected async open (process: SimProcess): Promise<void> {
    const { world } = this
    for (;;) {
      try {
        const client = await connect(this.#config, {
          network: world.network.of(this.name, process),
          limits: world.limits,
          ports: process.ports,
          onEvent: event => this.onEvent(event),
          onInside: inside => {
            this.inside = inside
          }
        })
        if (this.#caches.every(cache => client.caches.includes(cache))) {
          this.cacheOf = name => client.cache(name)
          world.wentUp(this)
          return
        }
        await client.close()
      } catch (error) {
        if (!(error instanceof MillpondError) || !error.retryable) throw error
      }
      await process.sleep(RECONNECT_MS)
    }
  }
}
