/**
 * What arrives: batches of deltas from peers, merged as they come, and a position per (peer life,
 * group): up to which sequence everything was merged. A batch that does not follow its position
 * shows that one is missing.
 *
 *   unknown --first batch is number 1, or a whole exchange--> at sequence s --next--> s + 1 ...
 *                                                                          |
 *                                           batch or heartbeat beyond s + 1: missing(peer, group)
 *
 * Deltas are safe to merge in any order (a shard refuses one that leaves a gap), so nothing is held
 * back or queued: what is missing is asked for again and merged then. A position moves only over
 * what was really merged, and only then is it confirmed to the sender.
 */
import * as v from '../../engine/base/schema.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { OnEvent } from '../events.js'
import type { HeldGroup, Member } from '../membership/heartbeat.js'
import { Batch } from './outbox.js'

interface Position {
  /** Everything up to here was merged; -1 while that is not known. */
  merged: number
  /** The greatest sequence heard of. */
  heard: number
  /** The greatest sequence whose sender wants it confirmed. */
  wanted: number
}

export interface InboxOptions {
  readonly shards: Pick<ShardSet, 'merge' | 'mergeCursor' | 'topology'>
  readonly holds: (group: number) => boolean
  /** Batches of this peer's life are missing here. */
  readonly onMissing: (node: string, group: number) => void
  /** Everything up to `sequence` was merged, and the sender wants to know. */
  readonly onConfirm: (node: string, incarnation: number, group: number, sequence: number) => void
  readonly onEvent: OnEvent
  readonly cache: string
}

export class Inbox {
  readonly #options: InboxOptions
  readonly #peers = new Map<string, { incarnation: number, groups: Map<number, Position> }>()

  constructor (options: InboxOptions) {
    this.#options = options
  }

  #position (node: string, incarnation: number, group: number): Position {
    let peer = this.#peers.get(node)
    if (peer === undefined || peer.incarnation !== incarnation) {
      this.#peers.set(node, peer = { incarnation, groups: new Map() })
    }
    let position = peer.groups.get(group)
    if (position === undefined) {
      peer.groups.set(group, position = { merged: -1, heard: 0, wanted: 0 })
    }
    return position
  }

  /**
   * The sequence after the last one merged, to ask for what is missing; null when even that is not
   * known.
   */
  missingFrom (node: string, incarnation: number, group: number): number | null {
    const { merged, heard } = this.#position(node, incarnation, group)
    return merged === -1 ? null : merged < heard ? merged + 1 : Infinity
  }

  /** A batch as it came off the wire. */
  receive (node: string, group: number, value: unknown): void {
    if (!this.#options.holds(group)) return
    const parsed = v.safeParse(Batch, value)
    if (!parsed.success) {
      this.#options.onEvent({
        type: 'message-refused',
        subject: `deltas of ${node}`,
        reason: 'shape'
      })
      return
    }
    this.merge(node, group, parsed.output)
    const { merged, heard } = this.#position(node, parsed.output.incarnation, group)
    if (merged < heard) this.#options.onMissing(node, group)
  }

  /** Merges a batch, live or asked for again. */
  merge (
    node: string,
    group: number,
    { incarnation, sequence, ack, deltas, cursors }: Batch
  ): void {
    const { shards, holds } = this.#options
    if (!holds(group)) return
    const position = this.#position(node, incarnation, group)
    const members = new Set(shards.topology.shardsOf(group))
    let whole = true
    for (const [shard, delta] of deltas) {
      if (!members.has(shard)) {
        this.#options.onEvent({
          type: 'message-refused',
          subject: `deltas of ${node}`,
          reason: `shard ${shard} is not in group ${group}`
        })
        whole = false
        continue
      }
      const { outcome } = shards.merge(shard, delta)
      if (outcome === 'gap' || outcome === 'refused') whole = false
    }
    for (const [shard, consumerGroup, cursor] of cursors) {
      if (members.has(shard)) shards.mergeCursor(shard, consumerGroup, cursor)
    }
    position.heard = Math.max(position.heard, sequence)
    if (ack) position.wanted = Math.max(position.wanted, sequence)
    if (whole && (sequence === position.merged + 1 || (sequence === 1 && position.merged === -1))) {
      this.#advance(node, incarnation, group, position, sequence)
    } else if (ack && sequence <= position.merged) {
      this.#options.onConfirm(node, incarnation, group, position.merged)
    }
  }

  #advance (
    node: string,
    incarnation: number,
    group: number,
    position: Position,
    sequence: number
  ): void {
    position.merged = Math.max(position.merged, sequence)
    if (position.wanted > 0 && position.merged >= position.wanted) {
      position.wanted = 0
      this.#options.onConfirm(node, incarnation, group, position.merged)
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
   * A heartbeat tells what the peer published last, so that the loss of a last batch shows as well.
   */
  heard (member: Member): void {
    const held = member.caches[this.#options.cache]?.held ?? new Map<number, HeldGroup>()
    const known = this.#peers.get(member.id)?.groups ?? new Map<number, Position>()
    // What the peer had in a group it has given up is with the owners, and reaches us from them.
    for (const [group, { merged, heard }] of known) {
      if (merged < heard && !held.has(group)) known.delete(group)
    }
    for (const [group, { sequence }] of held) {
      if (!this.#options.holds(group)) continue
      const position = this.#position(member.id, member.incarnation, group)
      position.heard = Math.max(position.heard, sequence)
      if (position.merged === -1 && sequence === 0) position.merged = 0
      if (position.merged < position.heard) this.#options.onMissing(member.id, group)
    }
  }

  /** What was merged of a group no longer counts: its shards are gone. */
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
