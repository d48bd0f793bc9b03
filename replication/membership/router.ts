/**
 * Says which node to ask about a placement group, by the heartbeats heard. It works the same on
 * nodes and on clients, which hold nothing.
 */
import { UnavailableError } from '../../engine/errors.js'
import { Topology } from '../../engine/topology/topology.js'
import type { CacheShape } from './cache-shape.js'
import type { Phase } from '../groups/phases.js'
import type { Membership } from './membership.js'
import { rank } from './placement.js'

const PREFERENCE: Readonly<Record<Phase, number>> = {
  ready: 0,
  leaving: 1,
  stale: 2,
  syncing: 3,
  stray: 4
}

/** The node that a router runs on, where that holds placement groups itself. */
export interface Self {
  readonly id: string
  readonly incarnation: number
  readonly topology: Topology
  readonly phase: (group: number) => Phase | undefined
  readonly root: (group: number) => string
}

export interface RouterOptions {
  readonly membership: Membership
  readonly cache: string
  readonly shape?: CacheShape
  readonly self?: Self
}

/** Nobody in view holds these placement groups, of which there is at least one. */
export function noHolder (cache: string, [first, ...others]: readonly number[]): UnavailableError {
  const more = others.length === 0 ? '' : ` and ${others.length} others`
  return new UnavailableError(
    `no node that holds placement group ${first}${more} of ${cache} is reachable`
  )
}

export class Router {
  readonly cache: string
  readonly #options: RouterOptions
  /** Holders per placement group, kept while the view stays as it is: every write asks for them. */
  readonly #holders = new Map<number, readonly string[]>()
  #viewVersion = -1
  #shape: CacheShape | undefined
  #topology: Topology | undefined

  constructor (options: RouterOptions) {
    this.cache = options.cache
    this.#options = options
    this.#shape = options.shape
    this.#topology = options.self?.topology
  }

  /**
   * The cache's settings, as the first node heard of runs it.
   * @throws UnavailableError when no node that runs the cache was heard of
   */
  get shape (): CacheShape {
    this.#shape ??= this.#heardShape()
    if (this.#shape === undefined) {
      throw new UnavailableError(
        `no node that runs cache ${JSON.stringify(this.cache)} was heard of`
      )
    }
    return this.#shape
  }

  /**
   * Where the cache's keys live: of the replica on this node, or made from the settings heard of.
   * @throws UnavailableError when no node that runs the cache was heard of
   */
  get topology (): Topology {
    this.#topology ??= new Topology(this.shape)
    return this.#topology
  }

  #heardShape (): CacheShape | undefined {
    for (const { caches } of this.#options.membership.members.values()) {
      const found = caches[this.cache]
      if (found !== undefined) {
        return { shards: found.shards, groups: found.groups, replicas: found.replicas }
      }
    }
    return undefined
  }

  /**
   * The nodes that hold the placement group: ready ones first, among equals this one, then by
   * placement.
   */
  holders (group: number): readonly string[] {
    const { viewVersion } = this.#options.membership
    if (viewVersion !== this.#viewVersion) {
      this.#holders.clear()
      this.#viewVersion = viewVersion
    }
    let holders = this.#holders.get(group)
    if (holders === undefined) this.#holders.set(group, holders = this.#rankHolders(group))
    return holders
  }

  /** The placement groups that no node in view holds, ascending. */
  groupsWithoutHolder (): number[] {
    return [...this.topology.allGroups()].filter(group => this.holders(group).length === 0)
  }

  #rankHolders (group: number): string[] {
    const { membership, self } = this.#options
    const holding = new Map<string, number>()
    for (const { id, caches } of membership.members.values()) {
      const phase = caches[this.cache]?.held.get(group)?.phase
      if (phase !== undefined) holding.set(id, PREFERENCE[phase])
    }
    const own = self?.phase(group)
    if (self !== undefined && own !== undefined) holding.set(self.id, PREFERENCE[own] - 0.5)
    const ranked = rank(
      this.cache,
      group,
      [...holding.keys()].map(id => ({ id, weight: membership.members.get(id)?.weight ?? 1 }))
    )
    return ranked.sort((a, b) => (holding.get(a) ?? 0) - (holding.get(b) ?? 0))
  }

  /**
   * Calls back with the name of a node that left: waiting for its answers is in vain from then on.
   */
  onLeft (listener: (node: string) => void): void {
    this.#options.membership.onLeft(({ id }) => listener(id))
  }

  /** The process life that runs under this name, as last heard. */
  incarnationOf (node: string): number | undefined {
    const { membership, self } = this.#options
    return node === self?.id ? self.incarnation : membership.members.get(node)?.incarnation
  }

  /** Whether this node is known to run the cache. */
  knows (node: string): boolean {
    const { membership, self } = this.#options
    return node === self?.id || membership.members.get(node)?.caches[this.cache] !== undefined
  }

  /** The digest of a placement group's shards at a node, as last heard from that node. */
  rootAt (node: string, group: number): string | undefined {
    const { membership, self } = this.#options
    if (node === self?.id) return self.phase(group) === undefined ? undefined : self.root(group)
    return membership.members.get(node)?.caches[this.cache]?.held.get(group)?.root
  }
}
