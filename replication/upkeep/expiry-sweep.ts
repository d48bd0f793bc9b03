/**
 * Tells consumers of fields that have expired. Expired fields read as absent by themselves,
 * everywhere and on time; but nothing in the log changes by time alone, so nobody who waits for
 * changes would hear of it. The first owner of each placement group therefore writes down what has
 * expired. Any other node may do the same at the same time, as the view of who is first changes: it
 * is the same write wherever it is made.
 */
import { limits } from '../../engine/limits.js'
import type { Timer, Timers } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { HeldGroups } from '../groups/held-groups.js'

export interface ExpirySweepOptions {
  readonly node: string
  readonly held: HeldGroups
  readonly shards: ShardSet
  readonly timers: Timers
}

export class ExpirySweep {
  readonly #options: ExpirySweepOptions
  #timer: Timer | undefined

  constructor (options: ExpirySweepOptions) {
    this.#options = options
  }

  start (): void {
    this.#next(intervals.expirySweepMs)
  }

  #next (delayMs: number): void {
    this.#timer = this.#options.timers.after(delayMs, () => {
      this.#next(this.sweep() ? intervals.expirySweepMs : intervals.expiryRestMs)
    })
  }

  /**
   * @returns whether it got through; otherwise enough has expired for now, and the rest will be
   * found the next time
   */
  sweep (): boolean {
    const { node, held, shards } = this.#options
    let expired = 0
    for (const group of held.all) {
      if (held.phase(group) !== 'ready' || held.owners(group)[0] !== node) continue
      for (const shard of shards.topology.shardsOf(group)) {
        expired += shards.expire(shard)
        if (expired >= limits.maxExpiredPerSweep) return false
      }
    }
    return true
  }

  close (): void {
    this.#timer?.cancel()
  }
}
