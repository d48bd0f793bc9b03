/**
 * Batches of deltas on their way out: one per dirty placement group and flush, numbered without
 * gaps per (incarnation, group), so that a receiver sees at once when one is missing. The last
 * batches are kept, within bounds, for receivers that ask for one again; the loss of a batch that
 * is no longer kept is repaired by comparing digests.
 */
import * as v from '../../engine/base/schema.js'
import type { CacheContext } from '../contexts.js'

export const DeltaBatch = v.object({
  incarnation: v.count,
  sequence: v.count,
  /** Whether a writer waits for receivers to confirm. */
  ack: v.boolean(),
  /** Whether they are to confirm as well that their stores have it. */
  store: v.optional(v.boolean()),
  deltas: v.array(v.tuple([v.count, v.bytes])),
  cursors: v.array(v.tuple([v.count, v.string(), v.bytes]))
})
export type DeltaBatch = v.InferOutput<typeof DeltaBatch>

/** A batch of one group that gathers until the next flush. */
interface Gathering {
  deltas: Array<[shard: number, delta: Uint8Array]>
  cursors: Array<[shard: number, consumerGroup: string, cursor: Uint8Array]>
  ack: boolean
  store: boolean
}

export class Outbox {
  readonly #context: CacheContext
  readonly #waiting = new Map<number, Gathering>()
  readonly #sequences = new Map<number, number>()
  /** Oldest first, over all groups. */
  readonly #kept = new Map<string, { batch: DeltaBatch, bytes: number }>()
  #keptBytes = 0

  constructor (context: CacheContext) {
    this.#context = context
  }

  addDelta (shard: number, delta: Uint8Array): void {
    this.#of(this.#context.topology.groupOf(shard)).deltas.push([shard, delta])
  }

  addCursor (shard: number, consumerGroup: string, cursor: Uint8Array): void {
    this.#of(this.#context.topology.groupOf(shard)).cursors.push([shard, consumerGroup, cursor])
  }

  /** Asks the receivers of the group's next batch to confirm it, `isDurable`: from their stores. */
  wantAck (group: number, isDurable: boolean): void {
    const waiting = this.#waiting.get(group)
    if (waiting === undefined) return
    waiting.ack = true
    waiting.store ||= isDurable
  }

  /** The last sequence published for a group; 0 before the first. */
  sequence (group: number): number {
    return this.#sequences.get(group) ?? 0
  }

  get isEmpty (): boolean {
    return this.#waiting.size === 0
  }

  /** Batches kept to be asked for again, and their size. */
  get kept (): { readonly batches: number, readonly bytes: number } {
    return { batches: this.#kept.size, bytes: this.#keptBytes }
  }

  #of (group: number): Gathering {
    let waiting = this.#waiting.get(group)
    if (waiting === undefined) {
      this.#waiting.set(group, waiting = { deltas: [], cursors: [], ack: false, store: false })
    }
    return waiting
  }

  /**
   * Publishes everything that waits. Receivers notice a batch that the transport dropped, and one
   * that it refused: its number was given out, and the next batch shows the gap.
   * @throws EnvelopeError when a batch is too large to travel; it is not published a second time,
   *   and placement groups behind it wait for the next call
   */
  publish (): void {
    const { maxPartBytes, maxBatchOverheadBytes, maxShardsPerRequest } = this.#context.limits
    for (const [group, { deltas, cursors, ack, store }] of this.#waiting) {
      this.#waiting.delete(group)
      const wants = { ack, ...store ? { store } : {} }
      for (const [piece, bytes] of cut(deltas, maxPartBytes - maxBatchOverheadBytes)) {
        this.#send(group, { ...wants, deltas: piece, cursors: [] }, bytes)
      }
      for (let i = 0; i < cursors.length; i += maxShardsPerRequest) {
        const piece = cursors.slice(i, i + maxShardsPerRequest)
        this.#send(group, { ...wants, deltas: [], cursors: piece }, 0)
      }
    }
  }

  #send (
    group: number,
    what: Omit<DeltaBatch, 'incarnation' | 'sequence'>,
    bytes: number
  ): void {
    const { cache, self: { id, incarnation }, messenger, subjects } = this.#context
    const sequence = this.sequence(group) + 1
    this.#sequences.set(group, sequence)
    const batch: DeltaBatch = { incarnation, sequence, ...what }
    messenger.send(subjects.deltas(cache, id, group), 'deltas', batch)
    this.#keep(group, batch, bytes)
  }

  #keep (group: number, batch: DeltaBatch, bytes: number): void {
    const { maxResendBatches, maxResendBytes } = this.#context.limits
    this.#kept.set(`${group}/${batch.sequence}`, { batch, bytes })
    this.#keptBytes += bytes
    this.#forget(`${group}/${batch.sequence - maxResendBatches}`)
    for (const name of this.#kept.keys()) {
      if (this.#keptBytes <= maxResendBytes) break
      this.#forget(name)
    }
  }

  #forget (name: string): void {
    this.#keptBytes -= this.#kept.get(name)?.bytes ?? 0
    this.#kept.delete(name)
  }

  /** The batches of a group from a sequence on; null when one of them is no longer kept. */
  batchesFrom (group: number, from: number): DeltaBatch[] | null {
    const batches: DeltaBatch[] = []
    for (let sequence = from; sequence <= this.sequence(group); sequence++) {
      const kept = this.#kept.get(`${group}/${sequence}`)
      if (kept === undefined) return null
      batches.push(kept.batch)
    }
    return batches
  }
}

/** Deltas in pieces of at most `maxBytes`, or of one larger delta. */
function cut (
  deltas: DeltaBatch['deltas'],
  maxBytes: number
): Array<[deltas: DeltaBatch['deltas'], bytes: number]> {
  const pieces: Array<[DeltaBatch['deltas'], number]> = []
  for (const delta of deltas) {
    const last = pieces[pieces.length - 1]
    if (last !== undefined && last[1] + delta[1].length <= maxBytes) {
      last[0].push(delta)
      last[1] += delta[1].length
    } else pieces.push([[delta], delta[1].length])
  }
  return pieces
}
