/**
 * Asks peers what they have seen of the shards here: to prove that a placement group may be given
 * up, and to find tombstones that every replica has seen.
 */
import { decodeStateVector, encodeStateVector,
  type StateVector } from '../../engine/base/state-vector.js'
import type { Residency } from '../../storage/residency/residency.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'
import type { PeerClient } from './peer-client.js'

export class Coverage {
  readonly #context: CacheContext
  readonly #client: PeerClient
  readonly #shards: ShardSet

  constructor (context: CacheContext, client: PeerClient, shards: ShardSet) {
    this.#context = context
    this.#client = client
    this.#shards = shards
  }

  /**
   * The state vectors that a peer has of these shards.
   * @throws UnavailableError when the peer has left; as PeerClient.ask does
   */
  async vectors (peer: string, shards: readonly number[]): Promise<Map<number, StateVector>> {
    const { limits } = this.#context
    const answer = await this.#client.ask(this.#client.life(peer), 'vectors', {
      shards: [...shards]
    })
    return new Map(answer.map(([shard, sv]) => [shard, decodeStateVector(sv, limits)]))
  }

  /**
   * The shards of a group that hold something, a record or a committed cursor, which the peer
   * lacks. An empty answer proves that the peer covers the group.
   * @throws UnavailableError when the peer has left; as PeerClient.ask does
   */
  async lacking (peer: string, group: number): Promise<number[]> {
    const { topology, limits: { maxShardsPerRequest } } = this.#context
    const shards = this.#shards
    const asked = this.#client.life(peer)
    const held = topology.shardsOf(group).filter(shard =>
      hasEntries(shards.at(shard)) || shards.cursors.of([shard]).length > 0
    )
    const lacking: number[] = []
    for (let i = 0; i < held.length; i += maxShardsPerRequest) {
      const page = held.slice(i, i + maxShardsPerRequest)
      const answer = await this.#client.ask(asked, 'covers', {
        shards: page.map(shard => [shard, encodeStateVector(shards.known(shard))]),
        cursors: shards.cursors.of(page)
      })
      lacking.push(...answer.lacking)
    }
    return lacking
  }
}

/** Whether a peer may lack something of a shard: a cold one has entries like any other (S5). */
function hasEntries (residency: Residency): boolean {
  switch (residency.state) {
    case 'resident':
    case 'cold':
      return true
    case 'absent':
      return false
  }
}
