/**
 * One exchange of anti-entropy (D5): fetches from a peer everything that it has of some placement
 * groups and that is lacking here.
 *
 *   digests (trip 1) -> the shards that differ -> diffs above our state vectors (trip 2, repeated
 *   while the peer says that some did not fit) -> committed cursors
 *
 * Always a pull: the node that lacks something asks, at its own pace, and merges the answer itself;
 * so flow control is the asking. When exchanges are worth their trips is decided in repairs.ts.
 */
import { decodeStateVector, encodeStateVector } from '../../engine/base/state-vector.js'
import { canPatch, decodeFloor } from '../../engine/garbage/floor.js'
import type { MergeResult } from '../../engine/shard.js'
import { turnsOf } from '../../engine/turns.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'
import type { Inbox } from '../deltas/inbox.js'
import type { HeldGroups } from '../groups/held-groups.js'
import type { NodeLife } from '../membership/heartbeat.js'
import type { PeerClient } from './peer-client.js'
import type { ShardDiff } from './peer-protocol.js'
import type { RepairRest } from './repair-rest.js'

export interface ExchangeParts {
  readonly client: PeerClient
  readonly shards: ShardSet
  readonly held: HeldGroups
  readonly inbox: Inbox
  readonly rest: RepairRest
}

export class Exchange {
  readonly #context: CacheContext
  readonly #parts: ExchangeParts
  #closed = false

  constructor (context: CacheContext, parts: ExchangeParts) {
    this.#context = context
    this.#parts = parts
  }

  /**
   * Afterwards everything that the peer had published of these groups before is merged here, except
   * where one of its updates was refused. Groups that rest are left out.
   * @param fetched hears of each group that the peer holds and of which everything was merged, as
   *   soon as it was: what was fetched stays fetched where the rest fails
   * @throws UnavailableError when the peer has left; as PeerClient.ask does
   */
  async exchange (
    peer: string,
    groups: readonly number[],
    fetched: (group: number) => void = () => {}
  ): Promise<void> {
    const { cache, topology, onEvent } = this.#context
    const { client, shards, inbox, rest } = this.#parts
    const awake = groups.filter(group => !rest.groupRests(peer, group))
    const asked = client.life(peer)
    let repaired = 0
    for (const page of this.#pages(awake)) {
      const answers = await client.ask(asked, 'digests', {
        groups: page.map(group => [group, shards.root(group)])
      })
      const differing = answers.flatMap(([group, , digests]) =>
        digests === null
          ? []
          : topology.shardsOf(group).filter((shard, i) => shards.digest(shard) !== digests[i])
      )
      const { merged, failed, refused } = await this.#fetch(asked, differing)
      repaired += merged
      await this.#fetchCursors(asked, answers.map(([group]) => group))
      for (const [group, sequence] of answers) {
        if (failed.has(group)) rest.failed(peer, group)
        else if (refused.has(group)) rest.begin(peer, group)
        else rest.fetched(peer, group)
        if (failed.has(group) || refused.has(group)) continue
        inbox.caughtUp(peer, asked.incarnation, group, sequence)
        fetched(group)
      }
    }
    if (repaired > 0) onEvent({ type: 'digest-repaired', cache, node: peer, shards: repaired })
  }

  /**
   * Merges diffs of these shards, in as many requests as that takes.
   * @returns how many brought something new, and the groups where one was not merged; in those of
   *   `refused` it was refused, now or a short while ago
   */
  async #fetch (
    peer: NodeLife,
    wanted: readonly number[]
  ): Promise<{ merged: number, failed: Set<number>, refused: Set<number> }> {
    const { client, shards, rest } = this.#parts
    const { topology, limits: { maxShardsPerRequest } } = this.#context
    const turns = turnsOf(this.#context.ports)
    const failed = new Set<number>()
    const isAwake = (shard: number): boolean => !rest.shardRests(peer.id, shard)
    const refused = new Set(
      wanted.filter(shard => !isAwake(shard)).map(shard => topology.groupOf(shard))
    )
    let merged = 0
    let waiting = wanted.filter(isAwake)
    while (waiting.length > 0 && !this.#closed) {
      const page = waiting.slice(0, maxShardsPerRequest)
      const { diffs, rest: unsent } = await client.ask(peer, 'diffs', {
        shards: page.map(shard => [shard, encodeStateVector(shards.known(shard))])
      })
      for (const diff of diffs) {
        const outcome = await turns.run(() => this.#merge(diff)) // of megabytes in all
        if (outcome === 'merged') merged++
        else if (outcome !== 'known') {
          if (outcome === 'refused') rest.refused(peer.id, diff.shard)
          const unmerged = outcome === 'refused' ? refused : failed
          unmerged.add(topology.groupOf(diff.shard))
        }
      }
      if (unsent.length === page.length) {
        throw new Error(`${peer.id} sends none of ${unsent.length} shards`)
      }
      waiting = unsent.concat(waiting.slice(maxShardsPerRequest))
    }
    for (const shard of waiting) failed.add(topology.groupOf(shard)) // closed half-way
    return { merged, failed, refused }
  }

  /** A group may have been given up while its answer was on the way. */
  #merge (diff: ShardDiff): MergeResult['outcome'] | 'below' | 'closed' {
    if (this.#closed) return 'closed'
    return this.#holds(diff.shard) ? this.#apply(diff) : 'known'
  }

  #apply ({ shard, update, known, floor, retired }: ShardDiff): MergeResult['outcome'] | 'below' {
    const { shards } = this.#parts
    const { limits } = this.#context
    const theirs = decodeStateVector(known, limits)
    // A peer below our floor may still have records that were deleted. When that peer asks in turn,
    // it will be reset.
    if (floor === null && !canPatch(shards.floor(shard), theirs)) return 'below'
    const { outcome } = floor === null
      ? shards.merge(shard, update)
      : shards.reset(shard, update, decodeFloor(floor, limits))
    if (retired.length > 0) {
      // The peer keeps no tombstone of these lives, so no replica or consumer needs one that is
      // still here.
      shards.collect(shard, {
        stable: new Map(retired),
        before: Number.MAX_SAFE_INTEGER,
        forcedBefore: 0
      })
      shards.retire(shard, new Map(retired), new Set())
    }
    return outcome
  }

  async #fetchCursors (peer: NodeLife, groups: number[]): Promise<void> {
    const { client, shards } = this.#parts
    for (
      const [shard, consumerGroup, cursor] of await client.ask(peer, 'cursors', { groups })
    ) if (this.#holds(shard)) shards.cursors.merge(shard, consumerGroup, cursor)
  }

  #holds (shard: number): boolean {
    return this.#parts.held.has(this.#context.topology.groupOf(shard))
  }

  /** Groups in pages that name a bounded number of shards. */
  #pages (groups: readonly number[]): number[][] {
    const { topology, limits } = this.#context
    const perGroup = Math.max(1, topology.shardsOf(0).length)
    const size = Math.max(1, Math.floor(limits.maxShardsPerRequest / perGroup))
    return Array.from(
      { length: Math.ceil(groups.length / size) },
      (_, i) => groups.slice(i * size, (i + 1) * size)
    )
  }

  close (): void {
    this.#closed = true
  }
}
