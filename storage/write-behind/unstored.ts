/**
 * Deltas, snapshots and cursors that wait to be stored, folded per shard: blobs that a later one
 * would overwrite are not kept.
 *
 *   drop      forgets everything queued for the shard
 *   snapshot  forgets the shard's queued deltas and its older snapshot
 *   delta     goes behind everything queued for the shard
 *   cursor    replaces the one of the same shard and consumer group
 *
 * In a StoreBatch a snapshot also replaces the deltas of its own batch. So deltas that came after a
 * queued snapshot go into a second batch, and cursors into the last one: a cursor is never stored
 * before the data it has seen.
 */

import type { StoreBatch } from '../store.js'

type Mutable<Items extends readonly unknown[]> = Array<Items[number]>

interface ShardQueue {
  drop: boolean
  snapshot: Uint8Array | undefined
  /** Behind the snapshot, if there is one. */
  deltas: Uint8Array[]
  readonly cursors: Map<string, Uint8Array>
}

export class Unstored {
  /** Batches of an earlier toBatches() that were not stored, to be tried again. */
  static fromBatches (batches: readonly StoreBatch[]): Unstored {
    const unstored = new Unstored()
    for (const { drops, deltas, snapshots, cursors } of batches) {
      for (const shard of drops) unstored.drop(shard)
      for (const { shard, delta } of deltas) unstored.delta(shard, delta)
      for (const { shard, snapshot } of snapshots) unstored.snapshot(shard, snapshot)
      for (const { shard, consumerGroup, cursor } of cursors) {
        unstored.cursor(shard, consumerGroup, cursor)
      }
    }
    return unstored
  }

  readonly #shards = new Map<number, ShardQueue>()
  #bytes = 0

  get bytes (): number {
    return this.#bytes
  }

  get isEmpty (): boolean {
    return this.#shards.size === 0
  }

  delta (shard: number, delta: Uint8Array): void {
    this.#queue(shard).deltas.push(delta)
    this.#bytes += delta.length
  }

  snapshot (shard: number, snapshot: Uint8Array): void {
    const queue = this.#queue(shard)
    this.#bytes += snapshot.length - (queue.snapshot?.length ?? 0) - sizeOf(queue.deltas)
    queue.snapshot = snapshot
    queue.deltas = []
  }

  cursor (shard: number, consumerGroup: string, cursor: Uint8Array): void {
    const { cursors } = this.#queue(shard)
    this.#bytes += cursor.length - (cursors.get(consumerGroup)?.length ?? 0)
    cursors.set(consumerGroup, cursor)
  }

  drop (shard: number): void {
    const queue = this.#queue(shard)
    this.#bytes -= (queue.snapshot?.length ?? 0) + sizeOf(queue.deltas) +
      sizeOf(queue.cursors.values())
    queue.drop = true
    queue.snapshot = undefined
    queue.deltas = []
    queue.cursors.clear()
  }

  /** Puts `later`, which came after all of this, behind it. `later` must not be used any more. */
  append (later: Unstored): void {
    for (const [shard, { drop, snapshot, deltas, cursors }] of later.#shards) {
      if (drop) this.drop(shard)
      if (snapshot !== undefined) this.snapshot(shard, snapshot)
      for (const delta of deltas) this.delta(shard, delta)
      for (const [consumerGroup, cursor] of cursors) this.cursor(shard, consumerGroup, cursor)
    }
  }

  /** All of it, in at most two batches; the second one must be stored after the first. */
  toBatches (): StoreBatch[] {
    if (this.isEmpty) return []
    const drops: number[] = []
    const deltas: Mutable<StoreBatch['deltas']> = []
    const snapshots: Mutable<StoreBatch['snapshots']> = []
    const deltasBehindSnapshots: Mutable<StoreBatch['deltas']> = []
    const cursors: Mutable<StoreBatch['cursors']> = []
    for (const [shard, queue] of this.#shards) {
      if (queue.drop) drops.push(shard)
      if (queue.snapshot !== undefined) snapshots.push({ shard, snapshot: queue.snapshot })
      const target = queue.snapshot === undefined ? deltas : deltasBehindSnapshots
      for (const delta of queue.deltas) target.push({ shard, delta })
      for (const [consumerGroup, cursor] of queue.cursors) {
        cursors.push({ shard, consumerGroup, cursor })
      }
    }
    if (deltasBehindSnapshots.length === 0) return [{ drops, deltas, snapshots, cursors }]
    return [
      { drops, deltas, snapshots, cursors: [] },
      { drops: [], deltas: deltasBehindSnapshots, snapshots: [], cursors }
    ]
  }

  #queue (shard: number): ShardQueue {
    let queue = this.#shards.get(shard)
    if (queue === undefined) {
      this.#shards.set(
        shard,
        queue = { drop: false, snapshot: undefined, deltas: [], cursors: new Map() }
      )
    }
    return queue
  }
}

function sizeOf (blobs: Iterable<Uint8Array>): number {
  let bytes = 0
  for (const blob of blobs) bytes += blob.length
  return bytes
}
