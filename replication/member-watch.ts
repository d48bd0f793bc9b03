/**
 * Hears the heartbeats and departures of other members, and sets in motion what follows from them:
 * placement is computed anew, lost batches and differing digests are repaired, lost confirmations
 * are made up for, and groups that are on their way in or out move on.
 */
import type { ShardSet } from '../storage/shard-set.js'
import type { BeatListener, CacheContext } from './contexts.js'
import type { Acks } from './deltas/acks.js'
import type { Inbox } from './deltas/inbox.js'
import type { Outbox } from './deltas/outbox.js'
import { conflictBetween } from './membership/cache-shape.js'
import type { Member } from './membership/heartbeat.js'
import type { DigestWatch } from './repair/digest-watch.js'
import type { Repairs } from './repair/repairs.js'
import type { CachePeers } from './groups/cache-peers.js'
import type { GroupMoves } from './groups/group-moves.js'
import type { HeldGroups } from './groups/held-groups.js'
import type { RosterWatch } from './groups/roster-watch.js'

export interface MemberWatchParts {
  readonly shards: ShardSet
  readonly peers: CachePeers
  readonly held: HeldGroups
  readonly moves: GroupMoves
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly acks: Acks
  readonly digests: DigestWatch
  readonly repairs: Repairs
  readonly watch: Pick<RosterWatch, 'look'>
}

export class MemberWatch {
  readonly #context: CacheContext
  readonly #parts: MemberWatchParts
  /** The share of placement groups that each member last said it takes. */
  readonly #weights = new Map<string, number>()
  #state: 'loading' | 'running' | 'closed' = 'loading'

  constructor (context: CacheContext, parts: MemberWatchParts) {
    this.#context = context
    this.#parts = parts
    context.membership.onBeat((member, contact) => this.#heard(member, contact))
    context.membership.onLeft(member => this.#left(member))
  }

  /** Takes part from now on: before it, the shards are still being read from the store. */
  start (): void {
    this.#state = 'running'
    this.placeGroups()
  }

  /** Computes placement anew, and starts what follows; call it when members may have changed. */
  placeGroups (): void {
    if (this.#state !== 'running') return
    this.#parts.held.reconcile()
    this.#parts.moves.step()
  }

  #heard (member: Member, { joined, wasAway }: Parameters<BeatListener>[1]): void {
    const { peers, held, moves, inbox, repairs, watch } = this.#parts
    if (this.#state !== 'running') return
    if (peers.cacheOf(member) === undefined) {
      if (joined) this.#reportConflict(member)
      return
    }
    const isOther = this.#weights.get(member.id) !== member.weight
    this.#weights.set(member.id, member.weight)
    if (joined || isOther) this.placeGroups()
    watch.look() // before a goodbye that follows: it may have handed its groups over
    held.heard(member)
    if (wasAway) held.met(member)
    for (const group of inbox.heard(member)) repairs.missing(member.id, group)
    this.#compare(member)
    moves.step()
  }

  #reportConflict ({ id, caches }: Member): void {
    const { cache, shape, onEvent } = this.#context
    const theirs = caches[cache]
    if (theirs === undefined) return
    onEvent({ type: 'config-conflict', cache, node: id, detail: conflictBetween(shape, theirs) })
  }

  /** Compares the digests in a heartbeat with those of the groups held here. */
  #compare (member: Member): void {
    const { shards, peers, held, outbox, acks, digests, repairs } = this.#parts
    const { held: theirHeld = [], isStored = false } = peers.cacheOf(member) ?? {}
    for (const [group, theirs] of theirHeld) {
      if (!held.has(group)) continue
      const root = shards.root(group)
      // The peer has all that is here. Its confirmation may have been lost on the way, and is sent
      // only once. One that is about to end has to say so itself: it may have given its name up.
      if (theirs.root === root && member.weight > 0) {
        acks.confirm(member.id, group, outbox.sequence(group), isStored)
      }
      if (digests.differs(member.id, group, theirs, root, shards.cursorRoot(group))) {
        repairs.differing(member.id, group)
      }
    }
  }

  #left ({ id }: Member): void {
    const { inbox, repairs } = this.#parts
    if (this.#state !== 'running') return
    repairs.forgetPeer(id)
    inbox.forgetPeer(id)
    this.#parts.held.left(id)
    this.#weights.delete(id)
    this.placeGroups()
  }

  close (): void {
    this.#state = 'closed'
  }
}
