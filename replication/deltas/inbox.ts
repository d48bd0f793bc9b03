/**
 * Batches of deltas from peers, merged as they arrive, and a position per (peer life, group): up to
 * which sequence everything was merged. A batch that does not follow its position shows that one is
 * missing.
 *
 *   unknown --first batch is number 1, or a whole exchange--> at sequence s --next--> s + 1 ...
 *                                                                          |
 *                                batch or heartbeat beyond s + 1: told to the caller as missing
 *
 * Deltas are safe to merge in any order (a shard refuses one that leaves a gap), so no batch is
 * held back or queued: a missing one is asked for again and merged then. A position moves only over
 * batches that were merged, and only then is it confirmed to the sender.
 */
import * as v from '../../engine/base/schema.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'
import type { HeldGroups } from '../groups/held-groups.js'
import type { HeldGroup, Member } from '../membership/heartbeat.js'
import type { Confirmations } from './confirmations.js'
import type { StoredConfirmations } from './stored-confirmations.js'
import type { RepairRest } from '../repair/repair-rest.js'
import { DeltaBatch } from './outbox.js'

interface PeerPosition {
  /** Everything up to here was merged; -1 while that is not known. */
  merged: number
  /** The greatest sequence heard of. */
  heard: number
  /** The greatest sequence whose sender wants it confirmed; 0 for none. */
  wanted: number
  /** The same, from the store. */
  wantedOfStore: number
}

export interface InboxParts {
  readonly shards: Pick<ShardSet, 'merge' | 'cursors' | 'topology'>
  readonly held: Pick<HeldGroups, 'has'>
  readonly confirmations: Pick<Confirmations, 'send'>
  readonly stored: Pick<StoredConfirmations, 'want'>
  readonly rest: Pick<RepairRest, 'gap'>
}

export type MissingBatches =
  /** Every batch that was heard of is merged. */
  | { readonly state: 'none' }
  /** Batches from this sequence on. */
  | { readonly state: 'from', readonly sequence: number }
  /** The position is not known, so asking for batches would not do: a whole exchange is needed. */
  | { readonly state: 'unknown' }

export class Inbox {
  readonly #context: Pick<CacheContext, 'cache' | 'onEvent'>
  readonly #parts: InboxParts
  readonly #peers = new Map<string, { incarnation: number, groups: Map<number, PeerPosition> }>()

  constructor (context: Pick<CacheContext, 'cache' | 'onEvent'>, parts: InboxParts) {
    this.#context = context
    this.#parts = parts
  }

  #position (node: string, incarnation: number, group: number): PeerPosition {
    let peer = this.#peers.get(node)
    if (peer === undefined || peer.incarnation !== incarnation) {
      this.#peers.set(node, peer = { incarnation, groups: new Map() })
    }
    let position = peer.groups.get(group)
    if (position === undefined) {
      peer.groups.set(group, position = { merged: -1, heard: 0, wanted: 0, wantedOfStore: 0 })
    }
    return position
  }

  /** The batches of a group that a life of a peer has published and that are not merged here. */
  missing (node: string, incarnation: number, group: number): MissingBatches {
    const { merged, heard } = this.#position(node, incarnation, group)
    if (merged === -1) return { state: 'unknown' }
    return merged < heard ? { state: 'from', sequence: merged + 1 } : { state: 'none' }
  }

  /** Takes a batch as it came off the wire. @returns whether batches of the group are missing */
  receive (node: string, group: number, value: unknown): boolean {
    if (!this.#parts.held.has(group)) return false
    const parsed = v.safeParse(DeltaBatch, value)
    if (!parsed.success) {
      this.#refuse(node, 'shape')
      return false
    }
    this.merge(node, group, parsed.output)
    const { merged, heard } = this.#position(node, parsed.output.incarnation, group)
    return merged < heard
  }

  #refuse (node: string, reason: string): void {
    this.#context.onEvent({ type: 'message-refused', subject: `deltas of ${node}`, reason })
  }

  /** Merges a batch, live or asked for again. */
  merge (
    node: string,
    group: number,
    { incarnation, sequence, ack, store = false, deltas, cursors }: DeltaBatch
  ): void {
    const { shards, held, rest } = this.#parts
    if (!held.has(group)) return
    const position = this.#position(node, incarnation, group)
    const members = new Set(shards.topology.shardsOf(group))
    let whole = true
    for (const [shard, delta] of deltas) {
      if (!members.has(shard)) {
        this.#refuse(node, `shard ${shard} is not in group ${group}`)
        whole = false
        continue
      }
      const { outcome } = shards.merge(shard, delta)
      if (outcome === 'gap') rest.gap(node, group, shard)
      if (outcome === 'gap' || outcome === 'refused') whole = false
    }
    for (const [shard, consumerGroup, cursor] of cursors) {
      if (members.has(shard)) shards.cursors.merge(shard, consumerGroup, cursor)
    }
    position.heard = Math.max(position.heard, sequence)
    if (ack) position.wanted = Math.max(position.wanted, sequence)
    if (store) position.wantedOfStore = Math.max(position.wantedOfStore, sequence)
    if (whole && (sequence === position.merged + 1 || (sequence === 1 && position.merged === -1))) {
      this.#advance(node, incarnation, group, position, sequence)
    } else if (sequence <= position.merged) this.#confirm(node, incarnation, group, position)
  }

  #advance (
    node: string,
    incarnation: number,
    group: number,
    position: PeerPosition,
    sequence: number
  ): void {
    position.merged = Math.max(position.merged, sequence)
    this.#confirm(node, incarnation, group, position)
  }

  /** Confirms what its sender wants confirmed, once it is merged. */
  #confirm (node: string, incarnation: number, group: number, position: PeerPosition): void {
    const { confirmations, stored } = this.#parts
    const { merged, wanted, wantedOfStore } = position
    if (wanted > 0 && merged >= wanted) {
      position.wanted = 0
      confirmations.send(node, incarnation, group, merged, false)
    }
    if (wantedOfStore > 0 && merged >= wantedOfStore) {
      position.wantedOfStore = 0
      stored.want(node, incarnation, group, merged)
    }
  }

  /**
   * After a whole exchange with a peer: everything it had published up to `sequence` is merged
   * here.
   */
  caughtUp (node: string, incarnation: number, group: number, sequence: number): void {
    const position = this.#position(node, incarnation, group)
    position.heard = Math.max(position.heard, sequence)
    if (sequence > position.merged) this.#advance(node, incarnation, group, position, sequence)
  }

  /**
   * Takes from a heartbeat what the peer published last, so that the loss of a last batch shows as
   * well.
   * @returns the groups of which batches are missing
   */
  heard (member: Member): number[] {
    const held = member.caches[this.#context.cache]?.held ?? new Map<number, HeldGroup>()
    const known = this.#peers.get(member.id)?.groups ?? new Map<number, PeerPosition>()
    // The batches of a group that the peer has given up are with the owners, who pass them on.
    for (const [group, { merged, heard }] of known) {
      if (merged < heard && !held.has(group)) known.delete(group)
    }
    const missing: number[] = []
    for (const [group, { sequence }] of held) {
      if (!this.#parts.held.has(group)) continue
      const position = this.#position(member.id, member.incarnation, group)
      position.heard = Math.max(position.heard, sequence)
      if (position.merged === -1 && sequence === 0) position.merged = 0
      if (position.merged < position.heard) missing.push(group)
    }
    return missing
  }

  /** Positions in a group no longer count: its shards are gone. */
  forgetGroup (group: number): void {
    for (const { groups } of this.#peers.values()) groups.delete(group)
  }

  forgetPeer (node: string): void {
    this.#peers.delete(node)
  }

  /** Batches heard of and not merged, over all peers: replication lag. */
  get lag (): number {
    let lag = 0
    for (const { groups } of this.#peers.values()) {
      for (const { merged, heard } of groups.values()) {
        lag += heard - Math.max(merged, 0)
      }
    }
    return lag
  }
}
