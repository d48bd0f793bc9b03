/**
 * Decides when tombstones are dropped (D6). Every so often each holder of a placement group finds
 * out what the others have seen of its shards, from their heartbeats where these agree with it,
 * else by asking; what all of them and all committed cursors have seen is stable.
 *
 *   written   younger than tombstoneMinAgeMs    stays: an earlier event may still be on its way
 *             stable                            dropped
 *             older than tombstoneMaxAgeMs      dropped; who has not seen it will be reset
 *
 * While a group moves, or a replica is missing, nothing is stable. Nobody leads: each replica comes
 * to its own conclusion, and those that drop later agree on every record meanwhile. The same round
 * retires incarnations that own nothing live.
 */
import { decodeCursor } from '../../engine/cursor.js'
import { VERSION_UNITS_PER_MS } from '../../engine/base/hlc.js'
import { limits } from '../../engine/limits.js'
import type { Ports, Timer } from '../../engine/ports.js'
import { covers, join, meet, type StateVector } from '../../engine/base/state-vector.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { AntiEntropy } from '../repair/anti-entropy.js'
import type { OnEvent } from '../events.js'
import type { HeldGroups } from '../groups/held-groups.js'
import type { Membership } from '../membership/membership.js'

export interface TombstoneTiming {
  readonly collectIntervalMs: number
  readonly tombstoneMinAgeMs: number
  readonly tombstoneMaxAgeMs: number
}

export interface TombstoneCollectorOptions {
  readonly cache: string
  readonly node: string
  readonly replicas: number
  readonly held: HeldGroups
  readonly shards: ShardSet
  readonly antiEntropy: AntiEntropy
  readonly membership: Membership
  readonly ports: Ports
  readonly timing: TombstoneTiming
  readonly onEvent: OnEvent
}

const NOTHING: StateVector = new Map()

export class TombstoneCollector {
  readonly #options: TombstoneCollectorOptions
  #timer: Timer | undefined
  #closed = false

  constructor (options: TombstoneCollectorOptions) {
    this.#options = options
    this.#plan()
  }

  #plan (): void {
    if (this.#closed) return
    const { ports, timing } = this.#options
    this.#timer = ports.timers.after(timing.collectIntervalMs, () => {
      void this.#run()
    })
  }

  /** Never rejects: what fails is reported, and the next round tries again. */
  async #run (): Promise<void> {
    for (const group of this.#options.held.all) {
      if (this.#closed) return
      await this.#collect(group).catch((error: unknown) => this.#failed(error))
    }
    this.#plan()
  }

  #failed (error: unknown): void {
    const { cache, node, onEvent } = this.#options
    if (!this.#closed) onEvent({ type: 'repair-failed', cache, node, error })
  }

  async #collect (group: number): Promise<void> {
    const { held, shards, ports, timing } = this.#options
    if (held.phase(group) !== 'ready') return
    const nowMs = ports.clock.wallMs()
    const before = (nowMs - timing.tombstoneMinAgeMs) * VERSION_UNITS_PER_MS
    const forcedBefore = (nowMs - timing.tombstoneMaxAgeMs) * VERSION_UNITS_PER_MS
    const all = shards.topology.shardsOf(group)
    for (let i = 0; i < all.length && !this.#closed; i += limits.maxShardsPerCollection) {
      // others want a turn: looking costs a walk over the records
      await new Promise<void>(resolve => {
        ports.timers.after(0, resolve)
      })
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
    const residency = this.#options.shards.at(shard)
    switch (residency.state) {
      case 'resident': {
        const { shard: found } = residency
        return found.stateVector.size > limits.maxIdleIncarnations || found.hasTombstones(before)
      }
      case 'cold': {
        const { stateVector, oldestTombstone } = residency.row
        return stateVector.size > limits.maxIdleIncarnations || oldestTombstone < before
      }
      case 'absent':
        return false
    }
  }

  /**
   * Per shard, what every replica has seen; empty unless all replicas there should be are there and
   * settled.
   */
  async #seenByAll (group: number, page: readonly number[]): Promise<Map<number, StateVector>> {
    const { held, shards, antiEntropy, node, replicas, cache } = this.#options
    const holders = held.peers().filter(peer => peer.caches[cache]?.held.has(group) === true)
    const isSettled = holders.every(peer => peer.caches[cache]?.held.get(group)?.phase === 'ready')
    if (
      !isSettled || held.owners(group).length < replicas || holders.length + 1 < replicas ||
      !held.owners(group).includes(node)
    ) return new Map()
    const seen = new Map<number, StateVector>(
      page.map(shard => [shard, shards.known(shard)])
    )
    const root = shards.root(group)
    for (const { id, caches } of holders) {
      // its heartbeat said that it has seen all we have
      if (caches[cache]?.held.get(group)?.root === root) continue
      const theirs = await antiEntropy.vectors(id, page)
      for (const [shard, mine] of seen) {
        seen.set(shard, this.#seenByBoth(shard, mine, theirs.get(shard) ?? NOTHING))
      }
    }
    return seen
  }

  /**
   * Nothing while the peer has seen what we have not: among that may be entries its tombstones
   * hide, on their way to us as they were before.
   */
  #seenByBoth (shard: number, mine: StateVector, theirs: StateVector): StateVector {
    return covers(this.#options.shards.known(shard), theirs)
      ? meet(mine, theirs)
      : NOTHING
  }

  #seenByConsumers (shard: number, stable: StateVector): StateVector {
    return this.#options.shards.cursors.of([shard]).reduce<StateVector>((all, [, , bytes]) => {
      const { seen, retired } = decodeCursor(bytes, shard, limits)
      return meet(all, join(seen, retired))
    }, stable)
  }

  /**
   * Process lives that may write again, as far as is known here: one that is not comes back with
   * its next write.
   */
  #inUse (shard: number): Set<number> {
    const own = this.#options.shards.incarnationOf(shard)
    return new Set([own, ...[...this.#options.membership.members.values()].map(({ incarnation }) =>
      incarnation
    )])
  }

  close (): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}
