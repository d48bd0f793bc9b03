/** Proves that the owners of a placement group have all of it that is here. */
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'
import type { Member } from '../membership/heartbeat.js'
import type { Coverage } from '../repair/coverage.js'
import type { CachePeers } from './cache-peers.js'
import type { HeldGroups } from './held-groups.js'
import { isGoing } from './phases.js'

export interface HandOverParts {
  readonly held: HeldGroups
  readonly peers: CachePeers
  readonly shards: ShardSet
  readonly coverage: Pick<Coverage, 'lacking'>
}

export class HandOver {
  readonly #context: CacheContext
  readonly #parts: HandOverParts

  constructor (context: CacheContext, parts: HandOverParts) {
    this.#context = context
    this.#parts = parts
  }

  /** The peers that placement groups are placed on: not those that leave. */
  takers (): Member[] {
    return this.#parts.peers.all().filter(({ weight }) => weight > 0)
  }

  /**
   * Whether as many owners as there should be hold the group ready and cover all that is here, with
   * nothing written here meanwhile.
   * @throws UnavailableError when an owner has left; as PeerClient.ask does
   */
  async isCovered (group: number): Promise<boolean> {
    const { held, peers, shards, coverage } = this.#parts
    const takers = this.takers()
    const owners = held.owners(group)
    const enough = Math.min(this.#context.shape.replicas, takers.length)
    if (owners.length < enough || owners.length === 0) return false
    const stateNow = (): string => shards.root(group) + shards.cursorRoot(group)
    const before = stateNow()
    for (const owner of owners) {
      const peer = takers.find(({ id }) => id === owner)
      if (peer === undefined || peers.groupAt(peer, group)?.phase !== 'ready') return false
      if ((await coverage.lacking(owner, group)).length > 0) return false
    }
    return isGoing(held.phase(group)) && stateNow() === before
  }
}
