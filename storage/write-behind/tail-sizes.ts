/**
 * How much of each shard is stored as deltas behind its snapshot: from this follows when folding
 * them into a new snapshot pays.
 *
 * A snapshot costs about its own size to write. One that is written whenever the deltas have
 * outgrown it at most doubles the bytes written, and a restart reads at most twice the bytes it
 * needs. A bound on the number of deltas keeps tails of tiny ones short.
 */

import type { Limits } from '../../engine/limits.js'

interface Tail {
  snapshotBytes: number
  deltas: number
  deltaBytes: number
}

export class TailSizes {
  readonly #limits: Limits
  readonly #tails = new Map<number, Tail>()

  constructor (limits: Limits) {
    this.#limits = limits
  }

  delta (shard: number, bytes: number): void {
    let tail = this.#tails.get(shard)
    if (tail === undefined) {
      this.#tails.set(shard, tail = { snapshotBytes: 0, deltas: 0, deltaBytes: 0 })
    }
    tail.deltas++
    tail.deltaBytes += bytes
  }

  snapshot (shard: number, bytes: number): void {
    this.#tails.set(shard, { snapshotBytes: bytes, deltas: 0, deltaBytes: 0 })
  }

  drop (shard: number): void {
    this.#tails.delete(shard)
  }

  /** Whether the deltas have outgrown the last snapshot, or are too many. */
  wantsSnapshot (shard: number): boolean {
    const tail = this.#tails.get(shard)
    if (tail === undefined) return false
    if (tail.deltas >= this.#limits.maxStoredDeltas) return true
    return tail.deltaBytes > Math.max(this.#limits.minStoredDeltaBytes, tail.snapshotBytes)
  }
}
