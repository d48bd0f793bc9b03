/**
 * The work of placement groups that come or go: proves those that may lack something, by fetching
 * them, and gives one that goes up once its owners have proved that they cover it.
 *
 *   stale    from each holder that was met again
 *   syncing  from one proven holder; where there is none, from every holder
 *
 * One step runs at a time, however often one is asked for; a step that fails is reported, and taken
 * again with the next heartbeat, or as soon as it was asked for meanwhile.
 */
import { piecesOf } from '../../engine/base/pieces.js'
import type { Timer } from '../../engine/ports.js'
import type { CacheContext } from '../contexts.js'
import type { Member } from '../membership/heartbeat.js'
import type { Presence } from '../membership/presence.js'
import type { Exchange } from '../repair/exchange.js'
import type { CachePeers } from './cache-peers.js'
import type { HandOver } from './hand-over.js'
import type { HeldGroups } from './held-groups.js'
import { isGoing, type Phase } from './phases.js'
import type { NodeStore, Roster } from './roster.js'
import type { RosterWatch } from './roster-watch.js'

export interface GroupMovesParts {
  readonly held: HeldGroups
  readonly peers: CachePeers
  readonly exchange: Exchange
  readonly handOver: HandOver
  readonly presence: Presence
  readonly roster: Roster
  readonly watch: RosterWatch
}

export class GroupMoves {
  readonly #context: CacheContext
  readonly #parts: GroupMovesParts
  /**
   * The group whose hand-over was looked at last: the next step goes on behind it, so that none
   * starves.
   */
  #lookedAt = -1
  /** How often a syncing group was not fetched whole: the next holder is asked then. */
  readonly #failures = new Map<number, number>()
  #stepping = false
  /** A step was asked for during the last one, of what that one may not have seen. */
  #isDue = false
  #asking = false
  #timer: Timer | undefined
  #keepsAll = false
  #closed = false

  constructor (context: CacheContext, parts: GroupMovesParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Call it at every heartbeat, and when placement changed. */
  step (): void {
    if (this.#closed) return
    if (this.#stepping) {
      this.#isDue = true
      return
    }
    this.#stepping = true
    this.#isDue = false
    this.#timer?.cancel()
    void this.#step()
      .catch((error: unknown) => this.#failed(this.#context.self.id, error))
      .finally(() => {
        this.#stepping = false
        this.#plan()
      })
  }

  /** Where a group waits for its proof, no heartbeat of others may come to cause the next step. */
  #plan (): void {
    const { ports, timing } = this.#context
    const { held } = this.#parts
    if (this.#closed) return
    if (this.#isDue) this.step()
    else if (held.in('syncing').length + held.in('stale').length > 0) {
      this.#timer = ports.timers.after(timing.heartbeatMs, () => this.step())
    }
  }

  async #step (): Promise<void> {
    const { held, handOver, watch } = this.#parts
    watch.look()
    for (const [peer, groups] of held.apart()) {
      await this.#exchange(peer, groups, group => held.exchanged(group, peer))
    }
    for (const [source, groups] of this.#sources()) {
      const left = new Set(groups)
      await this.#exchange(source, groups, group => {
        left.delete(group)
        this.#failures.delete(group)
        held.tell(group, 'proven')
      })
      for (const group of left) this.#failures.set(group, (this.#failures.get(group) ?? 0) + 1)
    }
    await this.#proveTogether()
    for (const group of this.#goingInTurn()) {
      this.#lookedAt = group
      const isCovered = await handOver.isCovered(group)
      if (isCovered && !this.#keepsAll) held.tell(group, 'handed-over')
    }
  }

  /** The peers that have a group, proven ones only: ready before leaving. */
  #provenAt (group: number, peers: readonly Member[]): Member[] {
    const inPhase = (phase: Phase): Member[] =>
      peers.filter(peer => this.#parts.peers.groupAt(peer, group)?.phase === phase)
    // A leaving node may have been out of touch with a new owner: a ready one knows better.
    return [...inPhase('ready'), ...inPhase('leaving')]
  }

  /** The syncing groups by the proven holder to fetch them from: after a failure the next one. */
  #sources (): Map<string, number[]> {
    const peers = this.#parts.peers.all()
    const bySource = new Map<string, number[]>()
    for (const group of this.#parts.held.in('syncing')) {
      const proven = this.#provenAt(group, peers)
      const source = proven[(this.#failures.get(group) ?? 0) % Math.max(1, proven.length)]
      if (source !== undefined) {
        bySource.set(source.id, [...bySource.get(source.id) ?? [], group])
      }
    }
    return bySource
  }

  /**
   * Where no holder is proven, those that there are have together what there is: a group of which
   * everything was fetched from each of them is proven, once it is known that no other node is
   * there, and no store that had the group may come back.
   */
  async #proveTogether (): Promise<void> {
    const { held, peers, roster, watch } = this.#parts
    const waiting = held.in('syncing').filter(group => this.#isUnproven(group))
    this.#ask(waiting.filter(group => !held.isQuiet(group)))
    const quiet = waiting.filter(group => held.isQuiet(group))
    const told = await this.#learn(quiet)
    const unproven = quiet.filter(group => told.has(group) && !held.waits(group))
    const lost = new Map<number, NodeStore[]>()
    const fetched = new Map<number, Set<string>>(unproven.map(group => [group, new Set()]))
    for (const peer of peers.all()) {
      const theirs = unproven.filter(group => peers.groupAt(peer, group) !== undefined)
      if (theirs.length === 0) continue
      await this.#exchange(peer.id, theirs, group => fetched.get(group)?.add(peer.id))
    }
    for (const [group, from] of fetched) {
      const isWhole = peers.all().every(peer =>
        from.has(peer.id) || peers.groupAt(peer, group) === undefined
      )
      if (
        !isWhole || !this.#isUnproven(group) || !held.isQuiet(group) || held.waits(group)
      ) continue
      lost.set(group, roster.lost(group))
      held.tell(group, 'proven')
    }
    watch.declare(lost)
  }

  /** Asks the peers who is gone of these groups. @returns the groups of which all have said it */
  async #learn (groups: readonly number[]): Promise<Set<number>> {
    const { held, peers, watch } = this.#parts
    for (const { id } of peers.all()) {
      const untold = held.untold(id, groups)
      for (const page of piecesOf(untold, this.#context.limits.maxShardsPerRequest)) {
        try {
          await watch.learn(id, page)
          held.told(id, page)
        } catch (error) {
          this.#failed(id, error)
        }
      }
    }
    return new Set(
      groups.filter(group => peers.all().every(({ id }) => held.untold(id, [group]).length === 0))
    )
  }

  /** Finds out whether a node is there that is not heard, and takes the next step if none is. */
  #ask (groups: readonly number[]): void {
    if (this.#asking || groups.length === 0) return
    this.#asking = true
    const known = this.#parts.peers.all().map(({ incarnation }) => incarnation)
    const isOwn = known.length === 0 && groups.every(group => this.#parts.roster.isOwn(group))
    void this.#parts.presence.isQuiet(known, { once: isOwn })
      .catch((error: unknown) => {
        this.#failed(this.#context.self.id, error)
        return false
      })
      .then(isQuiet => {
        this.#asking = false
        this.#parts.held.asked(groups, isQuiet)
        if (isQuiet) this.step()
      })
  }

  /** Whether all peers were heard since the group began to sync, and none of them is proven. */
  #isUnproven (group: number): boolean {
    const peers = this.#parts.peers.all()
    return this.#parts.held.hasHeard(group, peers) && this.#provenAt(group, peers).length === 0
  }

  async #exchange (
    peer: string,
    groups: readonly number[],
    fetched: (group: number) => void
  ): Promise<void> {
    try {
      await this.#parts.exchange.exchange(peer, groups, fetched)
    } catch (error) {
      this.#failed(peer, error)
    }
  }

  /** From now on no group is given up here: the node is about to close. */
  keepAll (): void {
    this.#keepsAll = true
  }

  #goingInTurn (): number[] {
    const { held } = this.#parts
    if (this.#keepsAll) return []
    const going = held.all.filter(group => isGoing(held.phase(group)))
    const inTurn = [...going.filter(group => group > this.#lookedAt),
      ...going.filter(group => group <= this.#lookedAt)]
    return inTurn.slice(0, this.#context.limits.maxHandOversPerStep)
  }

  #failed (node: string, error: unknown): void {
    const { cache, onEvent } = this.#context
    if (!this.#closed) onEvent({ type: 'repair-failed', cache, node, error })
  }

  close (): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}
