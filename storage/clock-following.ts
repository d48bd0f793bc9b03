/**
 * The node's clock follows the versions of merged entries, as far as it may. A version further
 * ahead is reported, once per limits.maxFutureMs of drift and not with every merge.
 */
import { VERSION_UNITS_PER_MS } from '../engine/base/hlc.js'
import type { ShardSetContext } from './shard-set-context.js'

export class ClockFollowing {
  readonly #context: ShardSetContext
  #reported = 0

  constructor (context: ShardSetContext) {
    this.#context = context
  }

  /** @param version the greatest one among entries that were merged into the shard */
  merged (shard: number, version: number): void {
    const { clock, limits, onEvent } = this.#context
    if (clock.observe(version)) return
    if (version < this.#reported + limits.maxFutureMs * VERSION_UNITS_PER_MS) return
    this.#reported = version
    onEvent({ type: 'clock-ahead', shard, version })
  }
}
