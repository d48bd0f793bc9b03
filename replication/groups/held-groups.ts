/**
 * Which placement groups this node holds, in which phase (phases.ts), and who should hold them: the
 * owners that placement computes from the members it hears. The work of getting a group from one
 * phase to the next is done in group-moves.ts; here the phases are only written down and told.
 */
import type { CacheContext } from '../contexts.js'
import type { Member } from '../membership/heartbeat.js'
import { ownersOf } from '../membership/placement.js'
import type { CachePeers } from './cache-peers.js'
import { after, type GroupEvent, type HeldState, type Phase } from './phases.js'

/** Hears of groups that come and go. */
export interface GroupListener {
  /** The group is held as soon as this returns. */
  taken(group: number): void
  /** The group is held no longer, and nothing of it is to be kept. */
  dropped(group: number): void
}

export class HeldGroups {
  readonly #context: CacheContext
  readonly #peers: CachePeers
  readonly #held = new Map<number, HeldState>()
  readonly #listeners: GroupListener[] = []
  #owners: string[][] = []

  constructor (context: CacheContext, peers: CachePeers) {
    this.#context = context
    this.#peers = peers
  }

  listen (listener: GroupListener): void {
    this.#listeners.push(listener)
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

  in (phase: Phase): number[] {
    return this.all.filter(group => this.phase(group) === phase)
  }

  /** The owners of a group as this node sees them, best first. */
  owners (group: number): readonly string[] {
    return this.#owners[group] ?? []
  }

  /** Recomputes who owns what; call whenever the view changed. */
  reconcile (): void {
    const { cache, shape, topology, self } = this.#context
    const places = this.#peers.places()
    this.#owners = Array.from(
      topology.allGroups(),
      group => ownersOf(cache, group, places, shape.replicas)
    )
    this.#owners.forEach((owners, group) =>
      this.tell(group, owners.includes(self.id) ? 'owned' : 'disowned')
    )
  }

  /** Something happened to a group: the table of phases.ts says what becomes of it. */
  tell (group: number, event: GroupEvent): void {
    const before = this.#held.get(group) ?? { phase: 'dropped' }
    const now = after(before, event)
    if (now === before) return
    if (before.phase === 'dropped') {
      for (const listener of this.#listeners) {
        listener.taken(group)
      }
    }
    if (now.phase === 'dropped') {
      this.#held.delete(group)
      for (const listener of this.#listeners) listener.dropped(group)
    } else this.#held.set(group, now)
    const { cache, membership, onEvent } = this.#context
    onEvent({ type: 'group-phase', cache, group, phase: now.phase })
    membership.selfChanged()
  }

  /** A peer's heartbeat said what it holds. */
  heard (peer: string): void {
    for (const state of this.#held.values()) if (state.phase === 'syncing') state.heard.add(peer)
  }

  /** Whether all of these peers were heard since the group began to sync. */
  hasHeard (group: number, peers: readonly Member[]): boolean {
    const state = this.#held.get(group)
    return state?.phase === 'syncing' && peers.every(({ id }) => state.heard.has(id))
  }
}
