/**
 * Rest between repairs that bring nothing, because this node refuses what the peer has. Without
 * rest every heartbeat of every peer would fetch the same difference, to refuse it again.
 *
 *   an upgrade is needed  the shard stands before an entry of a newer release (ADR 12). It is asked
 *                         of a peer again once a minute: its entry may be history by then
 *   any other refusal     as damaged, as too large, because the log took nothing. The shard is
 *                         asked of a peer again after 10 s
 *
 * A placement group of which only such shards are left is compared with the peer every 10 s, for
 * the sake of its other shards; at once when one of those shows a gap. A group of which a peer's
 * answers do not bring all twice in a row, for whatever reason, rests in the same way.
 */
import type { Clock } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'

interface ShardRest {
  /** By the monotonic clock. */
  readonly untilMs: number
  /** The rest is over as well once the shard no longer stands before an entry. */
  readonly needsUpgrade: boolean
}

interface Resting {
  /** Until when, by the monotonic clock. */
  readonly groups: Map<number, number>
  readonly shards: Map<number, ShardRest>
  /** Groups whose last repair brought not all that there was, for a reason that may pass. */
  readonly failed: Set<number>
}

export class RepairRest {
  readonly #clock: Clock
  readonly #shards: Pick<ShardSet, 'standsBefore'>
  readonly #peers = new Map<string, Resting>()

  constructor ({ ports }: CacheContext, shards: Pick<ShardSet, 'standsBefore'>) {
    this.#clock = ports.clock
    this.#shards = shards
  }

  /** A diff of the shard was refused. */
  refused (peer: string, shard: number): void {
    const needsUpgrade = this.#shards.standsBefore(shard) !== null
    const restMs = needsUpgrade ? intervals.newerReleaseToldMs : intervals.refusedRestMs
    this.#of(peer).shards.set(shard, {
      untilMs: this.#clock.monotonicMs() + restMs,
      needsUpgrade
    })
  }

  /** Nothing of the group is left to be fetched from the peer but shards that rest. */
  begin (peer: string, group: number): void {
    this.#of(peer).groups.set(group, this.#clock.monotonicMs() + intervals.refusedRestMs)
  }

  /** The group was not fetched whole, and not because of refusals. */
  failed (peer: string, group: number): void {
    const { failed } = this.#of(peer)
    if (failed.has(group)) this.begin(peer, group)
    failed.add(group)
  }

  /** Everything that the peer has of the group is here. */
  fetched (peer: string, group: number): void {
    this.#peers.get(peer)?.failed.delete(group)
  }

  /** A delta of the peer left a gap. In a shard that could go on, it ends the rest of its group. */
  gap (peer: string, group: number, shard: number): void {
    if (this.#shards.standsBefore(shard) !== null || this.shardRests(peer, shard)) return
    this.#peers.get(peer)?.groups.delete(group)
  }

  /** Whether the group is not to be compared with the peer yet. */
  groupRests (peer: string, group: number): boolean {
    const untilMs = this.#peers.get(peer)?.groups.get(group)
    return untilMs !== undefined && this.#clock.monotonicMs() < untilMs
  }

  /**
   * Whether the shard is not to be asked of the peer yet. It is, once an update of any peer has
   * brought it past the entry that it stood before.
   */
  shardRests (peer: string, shard: number): boolean {
    const rest = this.#peers.get(peer)?.shards.get(shard)
    if (rest === undefined || this.#clock.monotonicMs() >= rest.untilMs) return false
    return !rest.needsUpgrade || this.#shards.standsBefore(shard) !== null
  }

  forgetPeer (peer: string): void {
    this.#peers.delete(peer)
  }

  #of (peer: string): Resting {
    let resting = this.#peers.get(peer)
    if (resting === undefined) {
      this.#peers.set(
        peer,
        resting = { groups: new Map(), shards: new Map(), failed: new Set() }
      )
    }
    return resting
  }
}
