/**
 * Keeps the roster (roster.ts) up to date with the view, has it written down when it changed, and
 * tells of losses.
 */
import type { Timer } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import type { CacheContext } from '../contexts.js'
import type { Member } from '../membership/heartbeat.js'
import { RemoteError } from '../../engine/errors.js'
import type { PeerClient } from '../repair/peer-client.js'
import type { CachePeers } from './cache-peers.js'
import type { HeldGroups } from './held-groups.js'
import type { Phase } from './phases.js'
import type { NodeStore, Roster, RosterNode } from './roster.js'

export interface RosterWatchParts {
  readonly roster: Roster
  readonly held: HeldGroups
  readonly peers: CachePeers
  readonly client: PeerClient
  /** @throws StoreError */
  readonly saveRoster: (text: string) => void
}

/** Of a group that is being fetched there may be nothing, or what the node was given meanwhile. */
const HAS: { readonly [phase in Phase]: ReturnType<RosterNode['has']> } = {
  syncing: 'partial',
  ready: 'ready',
  stale: 'something',
  leaving: 'something',
  stray: 'something'
}

export class RosterWatch {
  readonly #context: CacheContext
  readonly #parts: RosterWatchParts
  /** The groups that began without a store that had held them, in this life of the node. */
  readonly lostGroups = new Set<number>()
  #viewVersion = -1
  #timer: Timer | undefined
  #closed = false

  constructor (context: CacheContext, parts: RosterWatchParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Call it whenever the view may have changed. */
  look (): void {
    const { membership } = this.#context
    if (membership.viewVersion === this.#viewVersion) return
    this.#viewVersion = membership.viewVersion
    this.#look(false)
  }

  /** @param isLast nothing that the peers take or become from now on is heard here */
  #look (isLast: boolean): void {
    const { topology, shape, store, self } = this.#context
    const { roster, held, peers } = this.#parts
    const own: RosterNode = {
      store: { ...store, node: self.id },
      has: group => hasIn(held.phase(group), false)
    }
    const nodes = [own, ...peers.all().map((peer): RosterNode => ({
      store: this.#storeOf(peer),
      has: group => {
        const theirs = peers.groupAt(peer, group)
        return hasIn(theirs?.phase, isLast || (theirs?.sequence ?? 0) > 0)
      }
    }))]
    if (roster.look(topology.allGroups(), nodes, shape.replicas)) this.#saveSoon()
  }

  /** A node of an older release says no store: its data is taken to live as long as its process. */
  #storeOf (peer: Member): NodeStore {
    const { id, durable } = this.#parts.peers.cacheOf(peer)?.store ??
      { id: `life ${peer.incarnation}`, durable: false }
    return { id, durable, node: peer.id }
  }

  /**
   * Learns from a peer which stores had these groups and are gone.
   * @throws as PeerClient.ask does
   */
  async learn (peer: string, groups: readonly number[]): Promise<void> {
    const { roster, client } = this.#parts
    try {
      const answer = await client.ask(client.life(peer), 'roster', { groups: [...groups] })
      let isChanged = false
      for (const [group, id, of, durable, isLost, isPartial = false] of answer) {
        isChanged = roster.learn([group, id, of, durable, isLost, isPartial]) || isChanged
      }
      if (isChanged) this.#saveSoon()
    } catch (error) {
      // A node of an older release does not know the question, and has no roster.
      if (!(error instanceof RemoteError) || error.code !== 'ENVELOPE_REFUSED') throw error
    }
  }

  /** Groups have begun without these stores. */
  declare (lost: ReadonlyMap<number, readonly NodeStore[]>): void {
    const { cache, onEvent } = this.#context
    const groups = [...lost].filter(([, stores]) => stores.length > 0).map(([group]) => group)
    if (groups.length === 0) return
    const nodes = new Set([...lost.values()].flatMap(stores => stores.map(({ node }) => node)))
    for (const group of groups) {
      this.lostGroups.add(group)
      this.#parts.roster.forget(group, lost.get(group) ?? [])
    }
    this.#saveSoon()
    onEvent({ type: 'data-lost', cache, groups, nodes: [...nodes] })
  }

  #saveSoon (): void {
    if (this.#closed) return
    this.#timer ??= this.#context.ports.timers.after(intervals.rosterSaveMs, () => this.#save())
  }

  #save (): void {
    const { cache, onEvent } = this.#context
    this.#timer?.cancel()
    this.#timer = undefined
    try {
      this.#parts.saveRoster(this.#parts.roster.text())
    } catch (error) {
      onEvent({ type: 'upkeep-failed', cache, work: 'roster', error })
      this.#saveSoon()
    }
  }

  /** The node is about to close: writes down what is not yet. */
  flush (): void {
    this.#look(true)
    if (this.#timer !== undefined) this.#save()
  }

  close (): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}

/** @param tookWrites whether clients may have written there already */
function hasIn (phase: Phase | undefined, tookWrites: boolean): ReturnType<RosterNode['has']> {
  const has = phase === undefined ? undefined : HAS[phase]
  return has === 'partial' && !tookWrites ? 'empty' : has
}
