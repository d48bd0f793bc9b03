/**
 * Decides when tombstones are dropped (D6). At intervals each holder of a placement group finds out
 * which entries of its shards the other holders have seen: from their heartbeats where these agree
 * with it, else by asking. An entry is stable when all holders and all committed cursors have seen
 * it.
 *
 *   tombstone   younger than tombstoneMinAgeMs    stays: an earlier event may still be on its way
 *               stable                            dropped
 *               older than tombstoneMaxAgeMs      dropped; a replica or consumer that has not seen
 *                                                 it will be reset
 *
 * Ages are by the time that the nodes agree on, not by the clock of this one.
 *
 * While a group moves, or a replica is missing, nothing is stable. There is no leader: each replica
 * comes to its own conclusion, and those that drop later agree on every record meanwhile. The same
 * round retires incarnations that own nothing live.
 */
import { decodeCursor } from '../../engine/cursor.js'
import { VERSION_UNITS_PER_MS } from '../../engine/base/hlc.js'
import type { Timer } from '../../engine/ports.js'
import { covers, join, meet, type StateVector } from '../../engine/base/state-vector.js'
import { turnsOf } from '../../engine/turns.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'
import type { CachePeers } from '../groups/cache-peers.js'
import type { HeldGroups } from '../groups/held-groups.js'
import type { Coverage } from '../repair/coverage.js'

export interface TombstoneCollectorParts {
  readonly shards: ShardSet
  readonly held: HeldGroups
  readonly peers: CachePeers
  readonly coverage: Coverage
}

const NOTHING: StateVector = new Map()

export class TombstoneCollector {
  readonly #context: CacheContext
  readonly #parts: TombstoneCollectorParts
  #timer: Timer | undefined
  #closed = false

  constructor (context: CacheContext, parts: TombstoneCollectorParts) {
    this.#context = context
    this.#parts = parts
    this.#plan()
  }

  #plan (): void {
    if (this.#closed) return
    const { ports, timing } = this.#context
    this.#timer = ports.timers.after(timing.collectIntervalMs, () => {
      void this.#run()
    })
  }

  /** Never rejects: what fails is reported, and the next round tries again. */
  async #run (): Promise<void> {
    for (const group of this.#parts.held.all) {
      if (this.#closed) return
      await this.#collect(group).catch((error: unknown) => this.#failed(error))
    }
    this.#plan()
  }

  #failed (error: unknown): void {
    const { cache, onEvent } = this.#context
    if (!this.#closed) onEvent({ type: 'upkeep-failed', cache, work: 'tombstones', error })
  }

  async #collect (group: number): Promise<void> {
    const { topology, ports, timing, limits, membership } = this.#context
    const { held, shards } = this.#parts
    if (held.phase(group) !== 'ready') return
    const nowMs = membership.time.nowMs()
    const before = (nowMs - timing.tombstoneMinAgeMs) * VERSION_UNITS_PER_MS
    const forcedBefore = (nowMs - timing.tombstoneMaxAgeMs) * VERSION_UNITS_PER_MS
    const all = topology.shardsOf(group)
    for (let i = 0; i < all.length && !this.#closed; i += limits.maxShardsPerCollection) {
      // Other work goes first: to look for tombstones costs a walk over the records.
      await turnsOf(ports).next()
      const page = all.slice(i, i + limits.maxShardsPerCollection).filter(shard =>
        this.#isWorthIt(shard, before)
      )
      if (page.length === 0) continue
      const seen = await this.#seenByAll(group, page).catch((error: unknown) => {
        this.#failed(error)
        return new Map<number, StateVector>()
      })
      if (this.#closed || held.phase(group) !== 'ready') return
      for (const shard of page) {
        const stable = seen.get(shard) ?? NOTHING
        shards.collect(shard, {
          stable: this.#seenByConsumers(shard, stable),
          before,
          forcedBefore
        })
        shards.retire(shard, stable, this.#inUse(shard))
      }
    }
  }

  #isWorthIt (shard: number, before: number): boolean {
    const { maxIdleIncarnations } = this.#context.limits
    const residency = this.#parts.shards.at(shard)
    switch (residency.state) {
      case 'resident': {
        const { shard: found } = residency
        return found.stateVector.size > maxIdleIncarnations || found.hasTombstones(before)
      }
      case 'cold': {
        const { stateVector, oldestTombstone } = residency.row
        return stateVector.size > maxIdleIncarnations || oldestTombstone < before
      }
      case 'absent':
        return false
    }
  }

  /**
   * The state vector that every replica has seen, per shard; empty unless as many replicas are
   * there as there should be, and all of them ready.
   */
  async #seenByAll (group: number, page: readonly number[]): Promise<Map<number, StateVector>> {
    const { shape: { replicas }, self } = this.#context
    const { held, shards, peers, coverage } = this.#parts
    const holders = peers.all().filter(peer => peers.groupAt(peer, group) !== undefined)
    const isSettled = holders.every(peer => peers.groupAt(peer, group)?.phase === 'ready')
    if (
      !isSettled || held.owners(group).length < replicas || holders.length + 1 < replicas ||
      !held.owners(group).includes(self.id)
    ) return new Map()
    const seen = new Map<number, StateVector>(
      page.map(shard => [shard, shards.known(shard)])
    )
    const root = shards.root(group)
    for (const holder of holders) {
      // Its heartbeat said that it has seen all that is here.
      if (peers.groupAt(holder, group)?.root === root) continue
      const theirs = await coverage.vectors(holder.id, page)
      for (const [shard, mine] of seen) {
        seen.set(shard, this.#seenByBoth(shard, mine, theirs.get(shard) ?? NOTHING))
      }
    }
    return seen
  }

  /**
   * Nothing while the peer has seen entries that are not here. Among these may be some that its
   * tombstones hide; such an entry may still be on its way to this node, as it was before.
   */
  #seenByBoth (shard: number, mine: StateVector, theirs: StateVector): StateVector {
    return covers(this.#parts.shards.known(shard), theirs)
      ? meet(mine, theirs)
      : NOTHING
  }

  #seenByConsumers (shard: number, stable: StateVector): StateVector {
    return this.#parts.shards.cursors.of([shard]).reduce<StateVector>((all, [, , bytes]) => {
      const { seen, retired } = decodeCursor(bytes, shard, this.#context.limits)
      return meet(all, join(seen, retired))
    }, stable)
  }

  /**
   * Process lives that may write again, as far as is known here. A life that is missing among them
   * is listed again with its next write.
   */
  #inUse (shard: number): Set<number> {
    const own = this.#parts.shards.incarnationOf(shard)
    return new Set([own, ...[...this.#context.membership.members.values()].map(({ incarnation }) =>
      incarnation
    )])
  }

  close (): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}
