/**
 * Tells consumers of fields that have expired. Expired fields read as absent by themselves,
 * everywhere and on time; but nothing in the log changes by time alone, so a consumer that waits
 * for changes would not hear of it. The first owner of each placement group therefore writes down
 * that they have expired. Any other node may do the same at the same time, as the view of who is
 * first changes: it is the same write wherever it is made.
 *
 * A shard that cannot write it down (its log takes nothing, it cannot be read back) is reported and
 * passed over; the next sweep tries it again.
 */
import type { Timer } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { CacheContext } from '../contexts.js'
import type { HeldGroups } from '../groups/held-groups.js'

export interface ExpirySweepParts {
  readonly shards: ShardSet
  readonly held: HeldGroups
}

export class ExpirySweep {
  readonly #context: CacheContext
  readonly #parts: ExpirySweepParts
  #timer: Timer | undefined

  constructor (context: CacheContext, parts: ExpirySweepParts) {
    this.#context = context
    this.#parts = parts
    this.#plan(intervals.expirySweepMs)
  }

  #plan (delayMs: number): void {
    this.#timer = this.#context.ports.timers.after(delayMs, () => {
      this.#plan(this.sweep() ? intervals.expirySweepMs : intervals.expiryRestMs)
    })
  }

  /**
   * @returns whether it looked at every shard; otherwise enough has expired for now, and the rest
   *   will be found the next time
   */
  sweep (): boolean {
    const { self, topology, limits } = this.#context
    const { held } = this.#parts
    let expired = 0
    for (const group of held.all) {
      if (held.phase(group) !== 'ready' || held.owners(group)[0] !== self.id) continue
      for (const shard of topology.shardsOf(group)) {
        expired += this.#expire(shard)
        if (expired >= limits.maxExpiredPerSweep) return false
      }
    }
    return true
  }

  #expire (shard: number): number {
    try {
      return this.#parts.shards.expire(shard)
    } catch (error) {
      const { cache, onEvent } = this.#context
      onEvent({ type: 'upkeep-failed', cache, work: 'expiry', error })
      return 0
    }
  }

  close (): void {
    this.#timer?.cancel()
  }
}
