/**
 * Rest between repairs that only an upgrade of this node can bring to an end: a shard stands before
 * an entry of a newer release (ADR 12). Without rest every heartbeat of every peer would fetch the
 * same difference, to refuse it again.
 *
 *   the shard             is asked of a peer again once a minute: its entry may be history by then
 *   its placement group   is compared with a peer every 10 s, for the sake of its other shards; at
 *                         once when one of those shows a gap
 */
import type { Clock } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'

interface Resting {
  /** Until when, by the monotonic clock. */
  readonly groups: Map<number, number>
  readonly shards: Map<number, number>
}

export class UpgradeRest {
  readonly #clock: Clock
  readonly #shards: Pick<ShardSet, 'standsBefore'>
  readonly #peers = new Map<string, Resting>()

  constructor ({ ports }: CacheContext, shards: Pick<ShardSet, 'standsBefore'>) {
    this.#clock = ports.clock
    this.#shards = shards
  }

  /** A diff of the shard was refused. @returns whether only an upgrade can mend that */
  refused (peer: string, shard: number): boolean {
    if (this.#shards.standsBefore(shard) === null) return false
    this.#of(peer).shards.set(shard, this.#clock.monotonicMs() + intervals.newerReleaseToldMs)
    return true
  }

  /** Nothing of the group is left to be fetched from the peer but shards that rest. */
  begin (peer: string, group: number): void {
    this.#of(peer).groups.set(group, this.#clock.monotonicMs() + intervals.newerReleaseRestMs)
  }

  /** A delta of the peer left a gap. In a shard that could go on, it ends the rest of its group. */
  gap (peer: string, group: number, shard: number): void {
    if (this.#shards.standsBefore(shard) === null) this.#peers.get(peer)?.groups.delete(group)
  }

  /** Whether the group is not to be compared with the peer yet. */
  groupRests (peer: string, group: number): boolean {
    return this.#isBefore(this.#peers.get(peer)?.groups, group)
  }

  /**
   * Whether the shard is not to be asked of the peer yet. It is, once an update of any peer has
   * brought it past the entry.
   */
  shardRests (peer: string, shard: number): boolean {
    return this.#isBefore(this.#peers.get(peer)?.shards, shard) &&
      this.#shards.standsBefore(shard) !== null
  }

  forgetPeer (peer: string): void {
    this.#peers.delete(peer)
  }

  #isBefore (untilMs: ReadonlyMap<number, number> | undefined, which: number): boolean {
    return this.#clock.monotonicMs() < (untilMs?.get(which) ?? -Infinity)
  }

  #of (peer: string): Resting {
    let resting = this.#peers.get(peer)
    if (resting === undefined) {
      this.#peers.set(peer, resting = { groups: new Map(), shards: new Map() })
    }
    return resting
  }
}
