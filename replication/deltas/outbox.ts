/**
 * What leaves: one batch per dirty placement group and flush, numbered without gaps per
 * (incarnation, group), so that a receiver sees at once when one is missing. The last batches are
 * kept, within bounds, for whoever asks for one again; what is no longer kept is repaired by
 * comparing digests.
 */
import * as v from '../../engine/base/schema.js'
import { limits } from '../../engine/limits.js'
import type { Topology } from '../../engine/topology/topology.js'
import type { Messenger } from '../messages/messenger.js'
import type { Subjects } from '../messages/subjects.js'

export const Batch = v.object({
  incarnation: v.count,
  sequence: v.count,
  /** Whether a writer waits for receivers to confirm. */
  ack: v.boolean(),
  deltas: v.array(v.tuple([v.count, v.bytes])),
  cursors: v.array(v.tuple([v.count, v.string(), v.bytes]))
})
export type Batch = v.InferOutput<typeof Batch>

interface Waiting {
  deltas: Array<[shard: number, delta: Uint8Array]>
  cursors: Array<[shard: number, consumerGroup: string, cursor: Uint8Array]>
  ack: boolean
}

/** Room for the envelope, the numbers and CBOR's own framing around a batch's deltas. */
const BATCH_OVERHEAD_BYTES = 64 * 1024

export interface OutboxOptions {
  readonly cache: string
  readonly node: string
  readonly incarnation: number
  readonly topology: Topology
  readonly messenger: Messenger
  readonly subjects: Subjects
}

export class Outbox {
  readonly #options: OutboxOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #sequences = new Map<number, number>()
  /** Oldest first, over all groups. */
  readonly #kept = new Map<string, { batch: Batch, bytes: number }>()
  #keptBytes = 0

  constructor (options: OutboxOptions) {
    this.#options = options
  }

  addDelta (shard: number, delta: Uint8Array): void {
    this.#of(this.#options.topology.groupOf(shard)).deltas.push([shard, delta])
  }

  addCursor (shard: number, consumerGroup: string, cursor: Uint8Array): void {
    this.#of(this.#options.topology.groupOf(shard)).cursors.push([shard, consumerGroup, cursor])
  }

  /** Asks the receivers of the group's next batch to confirm it. */
  wantAck (group: number): void {
    const waiting = this.#waiting.get(group)
    if (waiting !== undefined) waiting.ack = true
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

  #of (group: number): Waiting {
    let waiting = this.#waiting.get(group)
    if (waiting === undefined) {
      this.#waiting.set(group, waiting = { deltas: [], cursors: [], ack: false })
    }
    return waiting
  }

  /**
   * Publishes everything that waits. What the transport drops is found missing by the receivers.
   */
  publish (): void {
    for (const [group, waiting] of this.#waiting) {
      for (const [deltas, bytes] of cut(waiting.deltas)) {
        this.#send(group, deltas, [], waiting.ack, bytes)
      }
      for (let i = 0; i < waiting.cursors.length; i += limits.maxShardsPerRequest) {
        this.#send(
          group,
          [],
          waiting.cursors.slice(i, i + limits.maxShardsPerRequest),
          waiting.ack,
          0
        )
      }
    }
    this.#waiting.clear()
  }

  #send (
    group: number,
    deltas: Batch['deltas'],
    cursors: Batch['cursors'],
    ack: boolean,
    bytes: number
  ): void {
    const { cache, node, incarnation, messenger, subjects } = this.#options
    const sequence = this.sequence(group) + 1
    this.#sequences.set(group, sequence)
    const batch: Batch = { incarnation, sequence, ack, deltas, cursors }
    messenger.send(subjects.deltas(cache, node, group), 'deltas', batch)
    this.#keep(group, batch, bytes)
  }

  #keep (group: number, batch: Batch, bytes: number): void {
    this.#kept.set(`${group}/${batch.sequence}`, { batch, bytes })
    this.#keptBytes += bytes
    this.#forget(`${group}/${batch.sequence - limits.maxResendBatches}`)
    for (const name of this.#kept.keys()) {
      if (this.#keptBytes <= limits.maxResendBytes) break
      this.#forget(name)
    }
  }

  #forget (name: string): void {
    this.#keptBytes -= this.#kept.get(name)?.bytes ?? 0
    this.#kept.delete(name)
  }

  /** The batches of a group from a sequence on, or null when one of them is no longer kept. */
  batchesFrom (group: number, from: number): Batch[] | null {
    const batches: Batch[] = []
    for (let sequence = from; sequence <= this.sequence(group); sequence++) {
      const kept = this.#kept.get(`${group}/${sequence}`)
      if (kept === undefined) return null
      batches.push(kept.batch)
    }
    return batches
  }
}

/** Deltas in pieces that each fit one message part. */
function cut (deltas: Batch['deltas']): Array<[deltas: Batch['deltas'], bytes: number]> {
  const pieces: Array<[Batch['deltas'], number]> = []
  for (const delta of deltas) {
    const last = pieces[pieces.length - 1]
    if (
      last !== undefined && last[1] + delta[1].length <= limits.maxPartBytes - BATCH_OVERHEAD_BYTES
    ) {
      last[0].push(delta)
      last[1] += delta[1].length
    } else pieces.push([[delta], delta[1].length])
  }
  return pieces
}
