/**
 * Which shard a key is in, which placement group a shard is in, and which shards and placement
 * groups a cache has. One object answers for a cache on a node or client. No other code computes a
 * place, so that shards can be split later.
 *
 * Must never change: the shard of a key in a topology that was not split, and the placement group
 * of a shard (SPEC E13). Stored data and committed cursors are filed under these numbers; golden
 * values in the test hold them.
 *
 * May change when a shard is split (D9): the shard is replaced by children with numbers of their
 * own, which stay in its placement group; keys of the parent go to one of the children, and every
 * other key stays where it is. Children inherit the parent's log and state vector, so a cursor of
 * the parent is valid for both. Shard numbers are therefore names: callers iterate over allShards()
 * or shardsOf(), and never count from 0, compute a sibling, or take a remainder.
 */
import { groupOf, shardOf, shardsOfGroup } from './routing.js'

/** The settings that decide where keys live: every node of a cache has the same. */
export interface TopologyShape {
  /** From 1 up. */
  readonly shards: number
  /** Placement groups, from 1 to `shards`. */
  readonly groups: number
}

export class Topology {
  readonly #shards: number
  readonly #groups: number
  /** Lists of shards by placement group, made when they are first asked for. */
  readonly #members = new Map<number, readonly number[]>()

  constructor ({ shards, groups }: TopologyShape) {
    this.#shards = shards
    this.#groups = groups
  }

  /** The shard of a key. */
  shardOf (key: string): number {
    return shardOf(key, this.#shards)
  }

  /** The placement group of a shard. */
  groupOf (shard: number): number {
    return groupOf(shard, this.#groups)
  }

  /** The placement group of a key. */
  groupOfKey (key: string): number {
    return this.groupOf(this.shardOf(key))
  }

  /** The shards of a placement group, ascending; none when there is no such group. */
  shardsOf (group: number): readonly number[] {
    if (!this.includesGroup(group)) return []
    let members = this.#members.get(group)
    if (members === undefined) {
      this.#members.set(group, members = shardsOfGroup(group, this.#shards, this.#groups))
    }
    return members
  }

  /** Whether there is a shard of this number. */
  includes (shard: number): boolean {
    return Number.isInteger(shard) && shard >= 0 && shard < this.#shards
  }

  /** Whether there is a placement group of this number. */
  includesGroup (group: number): boolean {
    return Number.isInteger(group) && group >= 0 && group < this.#groups
  }

  /** Every shard, ascending. */
  *allShards (): Generator<number, void, undefined> {
    for (let shard = 0; shard < this.#shards; shard++) yield shard
  }

  /** Every placement group, ascending. */
  *allGroups (): Generator<number, void, undefined> {
    for (let group = 0; group < this.#groups; group++) yield group
  }
}
