/**
 * Which placement groups this node holds, and in which phase.
 *
 *                     +-- owner again --+
 *                     v                 |
 *   not held --> syncing --> ready --> leaving --> dropped
 *        owner by       fetched      no longer     every owner proved
 *        placement      from a       an owner      that it has it all
 *                       holder
 *
 * syncing: writes and deltas are taken, reads go elsewhere while somebody else is ready. leaving:
 * everything still works; the group is given up only when each of its owners has shown that it
 * covers our state, so the last copy is never dropped.
 */
import { limits } from '../../engine/limits.js'
import type { OnEvent } from '../events.js'
import type { AntiEntropy } from '../repair/anti-entropy.js'
import { sameShape, type CacheShape } from '../membership/cache-shape.js'
import type { Member, Phase } from '../membership/heartbeat.js'
import type { Membership } from '../membership/membership.js'
import { ownersOf, type Place } from '../membership/placement.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { Subscription } from '../transport/transport.js'

export interface HeldGroupsOptions {
  readonly cache: string
  readonly shape: CacheShape
  readonly self: Place
  readonly membership: Membership
  readonly antiEntropy: AntiEntropy
  readonly shards: ShardSet
  readonly subscribe: (group: number) => Subscription
  readonly onDropped: (group: number) => void
  readonly onEvent: OnEvent
}

interface Held {
  phase: Phase
  readonly subscription: Subscription
  /** Peers heard since it last began to sync: what they said before may be older than that. */
  readonly heard: Set<string>
}

export class HeldGroups {
  readonly #options: HeldGroupsOptions
  readonly #held = new Map<number, Held>()
  #owners: string[][] = []
  /**
   * The group whose hand-over was looked at last: the next step goes on behind it, so that none
   * starves.
   */
  #lookedAt = -1
  #stepping = false
  #closed = false

  constructor (options: HeldGroupsOptions) {
    this.#options = options
  }

  has (group: number): boolean {
    return this.#held.has(group)
  }
  phase (group: number): Phase | undefined {
    return this.#held.get(group)?.phase
  }
  get all (): number[] {
    return [...this.#held.keys()].sort((a, b) => a - b)
  }

  /** The owners of a group as this node sees them, best first. */
  owners (group: number): readonly string[] {
    return this.#owners[group] ?? []
  }

  /** Takes the group up before the first view: the store had something of it. */
  restore (group: number): void {
    if (!this.#held.has(group)) this.#take(group, 'leaving')
  }

  /** Other members that run this cache with the same settings. */
  peers (): Member[] {
    const { cache, shape, membership } = this.#options
    return [...membership.members.values()].filter(({ caches }) =>
      caches[cache] !== undefined && sameShape(caches[cache], shape)
    )
  }

  /** Recomputes who owns what; call whenever the view changed. */
  reconcile (): void {
    if (this.#closed) return
    const { cache, shape, self, shards } = this.#options
    const places: Place[] = [self, ...this.peers().map(({ id, weight, zone }) => ({
      id,
      weight,
      ...zone === undefined ? {} : { zone }
    }))]
    this.#owners = Array.from(
      shards.topology.allGroups(),
      group => ownersOf(cache, group, places, shape.replicas)
    )
    this.#owners.forEach((owners, group) => {
      const held = this.#held.get(group)
      const mine = owners.includes(self.id)
      if (mine && held === undefined) this.#take(group, 'syncing')
      else if (mine && held?.phase === 'leaving') this.#enter(group, held, 'syncing')
      else if (!mine && held !== undefined && held.phase !== 'leaving') {
        this.#enter(group, held, 'leaving')
      }
    })
    this.step()
  }

  #take (group: number, phase: Phase): void {
    const held: Held = { phase, subscription: this.#options.subscribe(group), heard: new Set() }
    this.#held.set(group, held)
    this.#enter(group, held, phase)
  }

  #enter (group: number, held: Held, phase: Phase): void {
    held.phase = phase
    held.heard.clear()
    this.#options.onEvent({ type: 'group-phase', cache: this.#options.cache, group, phase })
    this.#options.membership.selfChanged()
  }

  /** A peer's heartbeat said what it holds. */
  heard (peer: string): void {
    for (const held of this.#held.values()) if (held.phase === 'syncing') held.heard.add(peer)
  }

  /**
   * Moves groups on that are on their way in or out. One step at a time; call it at every
   * heartbeat.
   */
  step (): void {
    if (this.#stepping || this.#closed) return
    this.#stepping = true
    void this.#step().catch((error: unknown) => this.#failed(this.#options.self.id, error)).finally(
      () => {
        this.#stepping = false
      }
    )
  }

  async #step (): Promise<void> {
    const bySource = new Map<string, number[]>()
    const peers = this.peers()
    for (const [group, held] of this.#held) {
      if (held.phase !== 'syncing') continue
      const phaseAt = ({ caches }: Member): Phase | undefined =>
        caches[this.#options.cache]?.held.get(group)?.phase
      // What leaves may have lain on a disk for long: whoever is ready knows better.
      const source = peers.find(peer => phaseAt(peer) === 'ready') ??
        peers.find(peer => phaseAt(peer) === 'leaving')
      if (source === undefined) {
        // nobody has more than we do
        if (peers.every(({ id }) => held.heard.has(id))) this.#enter(group, held, 'ready')
      } else bySource.set(source.id, [...bySource.get(source.id) ?? [], group])
    }
    for (const [source, groups] of bySource) await this.#sync(source, groups)
    const leaving = this.all.filter(group => this.phase(group) === 'leaving')
    const inTurn = [...leaving.filter(group => group > this.#lookedAt),
      ...leaving.filter(group => group <= this.#lookedAt)]
    for (const group of inTurn.slice(0, limits.maxHandOversPerStep)) {
      this.#lookedAt = group
      if (await this.#handedOver(group, peers)) this.#drop(group)
    }
  }

  async #sync (source: string, groups: number[]): Promise<void> {
    try {
      for (const group of await this.#options.antiEntropy.exchange(source, groups)) {
        const held = this.#held.get(group)
        if (held?.phase === 'syncing') this.#enter(group, held, 'ready')
      }
    } catch (error) {
      this.#failed(source, error)
    }
  }

  /** Not the end of it: the next heartbeat takes the step again. */
  #failed (node: string, error: unknown): void {
    if (!this.#closed) {
      this.#options.onEvent({ type: 'repair-failed', cache: this.#options.cache, node, error })
    }
  }

  /**
   * Whether every owner holds the group ready and covers all we have, with nothing written here
   * meanwhile.
   */
  async #handedOver (group: number, peers: readonly Member[]): Promise<boolean> {
    const { cache, shape, shards, antiEntropy } = this.#options
    const owners = this.owners(group)
    if (owners.length < Math.min(shape.replicas, peers.length) || owners.length === 0) return false
    const stateNow = () => shards.root(group) + shards.cursorRoot(group)
    const before = stateNow()
    for (const owner of owners) {
      const phase = peers.find(({ id }) => id === owner)?.caches[cache]?.held.get(group)?.phase
      if (phase !== 'ready' || (await antiEntropy.lacking(owner, group)).length > 0) return false
    }
    return this.phase(group) === 'leaving' && stateNow() === before
  }

  #drop (group: number): void {
    this.#held.get(group)?.subscription.close()
    this.#held.delete(group)
    this.#options.onDropped(group)
    this.#options.membership.selfChanged()
    this.#options.onEvent({
      type: 'group-phase',
      cache: this.#options.cache,
      group,
      phase: 'dropped'
    })
  }

  close (): void {
    this.#closed = true
    for (const { subscription } of this.#held.values()) subscription.close()
  }
}
