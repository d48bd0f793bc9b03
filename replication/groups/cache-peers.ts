/**
 * The other members, as far as they run this cache with the settings it has here. A member with
 * other settings puts the same key into another shard, so nothing is taken from it.
 */
import type { CacheContext } from '../contexts.js'
import { sameShape } from '../membership/cache-shape.js'
import type { HeldGroup, Member } from '../membership/heartbeat.js'
import type { Place } from '../membership/placement.js'

type CacheOfMember = Member['caches'][string]

export class CachePeers {
  readonly #context: Pick<CacheContext, 'cache' | 'shape' | 'self' | 'membership'>

  constructor (context: Pick<CacheContext, 'cache' | 'shape' | 'self' | 'membership'>) {
    this.#context = context
  }

  all (): Member[] {
    return [...this.#context.membership.members.values()].filter(member =>
      this.cacheOf(member) !== undefined
    )
  }

  /** The cache as the member's last heartbeat described it; undefined unless settings agree. */
  cacheOf (member: Member | undefined): CacheOfMember | undefined {
    const theirs = member?.caches[this.#context.cache]
    return theirs !== undefined && sameShape(theirs, this.#context.shape) ? theirs : undefined
  }

  /** Whether a node is such a member now. */
  has (node: string): boolean {
    return this.cacheOf(this.#context.membership.members.get(node)) !== undefined
  }

  /** A group as the member's last heartbeat described it; undefined when it does not hold it. */
  groupAt (member: Member, group: number): HeldGroup | undefined {
    return this.cacheOf(member)?.held.get(group)
  }

  /** All nodes that groups can be placed on, this one first. */
  places (): Place[] {
    const others = this.all().map(({ id, weight, zone }) => ({
      id,
      weight,
      ...zone === undefined ? {} : { zone }
    }))
    return [this.#context.self, ...others]
  }
}
