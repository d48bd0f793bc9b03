/**
 * Which placement groups this node holds, in which phase (phases.ts), and who should hold them: the
 * owners that placement computes from the members it hears. The work of getting a group from one
 * phase to the next is done in group-moves.ts; here the phases are only written down and told.
 */
import type { CacheContext } from '../contexts.js'
import type { Member } from '../membership/heartbeat.js'
import { ownersOf } from '../membership/placement.js'
import type { CachePeers } from './cache-peers.js'
import type { Roster } from './roster.js'
import { after, isProven, type GroupEvent, type HeldState, type Phase } from './phases.js'

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
  readonly #roster: Pick<Roster, 'missing' | 'isNew'>
  readonly #held = new Map<number, HeldState>()
  readonly #listeners: GroupListener[] = []
  #owners: string[][] = []
  /** Whether somebody was there who was not heard, when it was asked last. */
  #hasSilent = false

  constructor (
    context: CacheContext,
    peers: CachePeers,
    roster: Pick<Roster, 'missing' | 'isNew'>
  ) {
    this.#context = context
    this.#roster = roster
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

  /**
   * A peer was heard again for the first time in longer than the failure timeout. In groups that
   * both hold it may have taken what is lacking here; a peer that may itself lack something will
   * fetch first.
   */
  met (peer: Member): void {
    for (const group of this.all) {
      const theirs = this.#peers.groupAt(peer, group)?.phase
      if (theirs !== 'stale' && !isProven(theirs)) continue
      this.tell(group, 'cut-off')
      const state = this.#held.get(group)
      if (state?.phase === 'stale') state.apart.add(peer.id)
    }
  }

  /** By holder that was met again: the groups to exchange with it before they are ready. */
  apart (): Map<string, number[]> {
    const apart = new Map<string, number[]>()
    for (const group of this.all) {
      const state = this.#held.get(group)
      if (state?.phase !== 'stale') continue
      for (const peer of state.apart) apart.set(peer, [...apart.get(peer) ?? [], group])
    }
    return apart
  }

  /** All that the peer had of the group is here. */
  exchanged (group: number, peer: string): void {
    const state = this.#held.get(group)
    if (state?.phase !== 'stale' || !state.apart.delete(peer)) return
    if (state.apart.size === 0) this.tell(group, 'proven')
  }

  /** The peer left: its silence undoes nothing, and it is met anew when it comes back. */
  left (peer: string): void {
    for (const group of this.in('stale')) this.exchanged(group, peer)
    for (const state of this.#held.values()) if (state.phase === 'syncing') state.isQuiet = false
  }

  /** Why a group that is held here is not proven, in words. */
  lack (group: number): string {
    const state = this.#held.get(group)
    const { cache, self, expectNodes } = this.#context
    if (state?.phase === 'stale') {
      return `${self.id} has yet to learn what ${[...state.apart].join(', ')} took of placement ` +
        `group ${group} of ${cache} while they were out of touch`
    }
    const missing = this.#roster.missing(group).map(store => store.node)
    if (missing.length > 0) {
      return `${self.id} waits for ${missing.join(', ')}, which held placement group ${group} of ` +
        `${cache}: start it again, or give its store up with millpond forget`
    }
    const expected = this.#expected(group)
    if (expected > 0) {
      return `${self.id} knows of nobody that held placement group ${group} of ${cache}, and ` +
        `waits for ${expected} more node${expected === 1 ? '' : 's'} (expectNodes ${expectNodes})`
    }
    const silent = this.#hasSilent ? ', and a node of it is connected that does not answer' : ''
    return `${self.id} is still fetching placement group ${group} of ${cache}${silent}`
  }

  /** Nodes that have to come before a group of which no store is known may begin anew. */
  #expected (group: number): number {
    const missing = this.#context.expectNodes - 1 - this.#peers.all().length
    return this.#roster.isNew(group) ? Math.max(0, missing) : 0
  }

  /** Whether stores or nodes have to come before a group can be proven by what is there. */
  waits (group: number): boolean {
    return this.#roster.missing(group).length > 0 || this.#expected(group) > 0
  }

  /** A peer's heartbeat said what it holds. A group that it gave up is with the owners. */
  heard (peer: Member): void {
    for (const [group, state] of this.#held) {
      if (state.phase === 'syncing') state.heard.add(peer.id)
      else if (this.#peers.groupAt(peer, group) === undefined) this.exchanged(group, peer.id)
    }
  }

  /** Whether nobody is there who is not heard: of groups that were syncing when it was asked. */
  asked (groups: readonly number[], isQuiet: boolean): void {
    this.#hasSilent = !isQuiet
    for (const group of groups) {
      const state = this.#held.get(group)
      if (state?.phase === 'syncing') state.isQuiet = isQuiet
    }
  }

  /** Whether that was asked since the group began to sync, and nobody was. */
  isQuiet (group: number): boolean {
    const state = this.#held.get(group)
    return state?.phase === 'syncing' && state.isQuiet
  }

  /** The groups that sync, and of which this peer has not said since they began who is gone. */
  untold (peer: string, groups: readonly number[]): number[] {
    return groups.filter(group => {
      const state = this.#held.get(group)
      return state?.phase === 'syncing' && !state.told.has(peer)
    })
  }

  told (peer: string, groups: readonly number[]): void {
    for (const group of groups) {
      const state = this.#held.get(group)
      if (state?.phase === 'syncing') state.told.add(peer)
    }
  }

  /** Whether all of these peers were heard since the group began to sync. */
  hasHeard (group: number, peers: readonly Member[]): boolean {
    const state = this.#held.get(group)
    return state?.phase === 'syncing' && peers.every(({ id }) => state.heard.has(id))
  }
}
