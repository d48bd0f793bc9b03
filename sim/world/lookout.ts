/**
 * Looks in on a world while it runs: every event that a node or client reports, every write that is
 * acknowledged, and, four times a second, everything that is too slow to check after each step.
 */
import type { MillpondEvent } from '../../node/events.js'
import { checkEqualDigests } from '../checkers/convergence.js'
import { CursorWatch } from '../checkers/cursors.js'
import { checkExpired } from '../checkers/expiry.js'
import { checkAcknowledged, checkOrigins } from '../checkers/truth.js'
import type { HostileMessages } from '../hostile/hostile.js'
import type { Op } from '../model.js'
import type { Plan } from '../plan/plan.js'
import { stackOf, type Violation } from '../violation.js'
import type { NodeMachine } from './node-machine.js'
import type { Host, Surroundings } from './surroundings.js'

const LOOK_MS = 250

/** A machine's memory was lost, its disk was lost, or the machine gave a placement group up. */
interface Gone {
  readonly machine: string
  readonly atMs: number
}

export interface Watched extends Surroundings {
  readonly hostile: HostileMessages
  /** Whether records of this world expire. */
  readonly expires: boolean
  nodesOf(cluster: string): NodeMachine[]
}

export class Lookout {
  readonly #world: Watched
  readonly #clusters: Plan['clusters']
  readonly #gone: Gone[] = []
  readonly #cursors = new CursorWatch()
  readonly #syncingSinceMs = new Map<string, number>()

  constructor (world: Watched, clusters: Plan['clusters']) {
    this.#world = world
    this.#clusters = clusters
  }

  /** Plans the first look; each plans the next one. A violation ends the run. */
  lookSoon (): void {
    this.#world.scheduler.after(LOOK_MS, 'look', () => {
      for (const { name, caches } of this.#clusters) {
        for (const cache of Object.keys(caches)) this.#look(name, cache)
      }
      this.lookSoon()
    })
  }

  #look (cluster: string, cache: string): void {
    const { model, expires } = this.#world
    const nodes = this.#world.nodesOf(cluster)
    checkEqualDigests(nodes, cache)
    for (const node of nodes) {
      this.#cursors.check(node, cache)
      checkOrigins(model, `${cluster}/${cache}`, node, cache)
      if (expires) checkExpired(model, `${cluster}/${cache}`, node, cache)
    }
  }

  /** The machine lost its memory. */
  gone ({ name }: Host): void {
    this.#gone.push({ machine: name, atMs: this.#world.scheduler.nowMs })
  }

  /** @throws Violation when too few nodes hold a write that was just acknowledged */
  acknowledged (op: Op, cluster: string): void {
    checkAcknowledged(
      this.#world.model,
      op,
      this.#world.nodesOf(cluster),
      sinceMs =>
        new Set(this.#gone.filter(({ atMs }) => atMs >= sinceMs).map(({ machine }) => machine))
    )
  }

  reported (host: Host, event: MillpondEvent): void {
    const { coverage, hostile } = this.#world
    coverage.take(event)
    if (event.type === 'member-joined') hostile.met(event.incarnation)
    if (event.type === 'group-phase') this.#phase(host, event)
    const problem = problemOf(event)
    if (problem !== null) this.#world.fail(problem.invariant, `${host.name}: ${problem.detail}`)
  }

  #phase (host: Host, event: Extract<MillpondEvent, { readonly type: 'group-phase' }>): void {
    const { coverage, scheduler } = this.#world
    const id = `${host.name} ${host.life} ${event.cache} ${event.group}`
    if (event.phase === 'dropped') {
      this.gone(host)
      this.#cursors.dropped(host.process?.label, event.cache, event.group)
    }
    if (event.phase === 'syncing') this.#syncingSinceMs.set(id, scheduler.nowMs)
    // Ready in the same moment would mean that there was no holder to fetch from.
    if (event.phase === 'ready' && scheduler.nowMs > (this.#syncingSinceMs.get(id) ?? Infinity)) {
      coverage.hit('bootstrap')
    }
  }
}

/** The invariant that an event breaks by being reported at all, or null. */
function problemOf (event: MillpondEvent): Pick<Violation, 'invariant' | 'detail'> | null {
  switch (event.type) {
    case 'handler-failed':
    case 'connection-problem':
      return { invariant: 'handlers never fail', detail: stackOf(event.error) }
    case 'own-incarnation':
      return {
        invariant: 'an incarnation id is used once',
        detail: `shard ${event.shard} of ${event.cache}`
      }
    case 'config-conflict':
      return { invariant: 'settings agree', detail: event.detail }
    default:
      return null
  }
}
