/**
 * Shards where replicas have seen less than one consumer's cursor. One replica that is behind is
 * nothing special: another one goes on. Once every holder of a shard has said so, the consumer
 * reports it; and once that lasts longer than its patience, the shard is read from the start.
 */
import { behindPatienceMs } from '../../engine/timing.js'
import type { ConsumerScope } from './scope.js'

interface Behind {
  readonly sinceMs: number
  /** The holders that were asked and are behind. */
  readonly holders: Set<string>
  isTold: boolean
}

export class BehindShards {
  readonly #scope: ConsumerScope
  readonly #shards = new Map<number, Behind>()

  constructor (scope: ConsumerScope) {
    this.#scope = scope
  }

  get size (): number {
    return this.#shards.size
  }

  add (shard: number, holder: string): void {
    const { clock } = this.#scope.context.ports
    let behind = this.#shards.get(shard)
    if (behind === undefined) {
      behind = { sinceMs: clock.monotonicMs(), holders: new Set(), isTold: false }
      this.#shards.set(shard, behind)
    }
    behind.holders.add(holder)
  }

  delete (shard: number): void {
    this.#shards.delete(shard)
  }

  /** Reports the shards that all their holders are behind in and that were not reported yet. */
  tell (): void {
    const { context: { router, ports }, log } = this.#scope
    const shards: number[] = []
    let sinceMs = Infinity
    for (const [shard, behind] of this.#shards) {
      const holders = router.holders(router.topology.groupOf(shard))
      if (behind.isTold || !holders.every(holder => behind.holders.has(holder))) continue
      behind.isTold = true
      shards.push(shard)
      sinceMs = Math.min(sinceMs, behind.sinceMs)
    }
    log.behind(shards, Math.floor(ports.clock.monotonicMs() - sinceMs))
  }

  /** Takes out and reports those of these shards for which patience is over. */
  takeOutOfPatience (shards: readonly number[]): number[] {
    const { context: { ports: { clock }, pace }, log } = this.#scope
    const over = shards.filter(shard => {
      const behind = this.#shards.get(shard)
      return behind !== undefined &&
        clock.monotonicMs() - behind.sinceMs >= behindPatienceMs(pace())
    })
    for (const shard of over) this.#shards.delete(shard)
    log.reset(over, 'patience')
    return over
  }
}
