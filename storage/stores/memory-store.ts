/**
 * A Store in memory, for caches that need no disk and for the simulation.
 *
 * The data lives in a MemoryDisk, apart from the Store that has it open, so that a node can be
 * closed or crashed and started again on the data it left behind. Bytes are copied on their way in
 * and out: as with a real disk, a caller that changes its buffers afterwards does not change the
 * stored bytes.
 */

import { StoreError } from '../../engine/errors.js'
import type { Store, StoreBatch, StoredShard } from '../store.js'

interface ShardBlobs {
  snapshot: Uint8Array | null
  deltas: Uint8Array[]
  readonly cursors: Map<string, Uint8Array>
}

/** The data, which outlives the Store that has it open. Like a file, open once at a time. */
export class MemoryDisk {
  readonly #meta = new Map<string, string>()
  readonly #shards = new Map<number, ShardBlobs>()
  #owner: MemoryStore | undefined

  /** @throws StoreError when a store has it open already */
  open (): Store {
    if (this.#owner !== undefined) {
      throw new StoreError(
        'this memory disk is already open: close the store that has it first',
        undefined,
        { changed: 'no' }
      )
    }
    this.#owner = new MemoryStore(this.#meta, this.#shards, () => {
      this.#owner = undefined
    })
    return this.#owner
  }

  /**
   * Leaves the disk as a killed process would: the store that has it open fails from now on, and
   * the next one finds every commit.
   */
  crash (): void {
    this.#owner?.release()
  }
}

/** A store on a disk of its own, gone when it is closed. */
export function openMemoryStore (): Store {
  return new MemoryDisk().open()
}

class MemoryStore implements Store {
  #onRelease: (() => void) | undefined

  constructor (
    private readonly meta: Map<string, string>,
    private readonly byShard: Map<number, ShardBlobs>,
    onRelease: () => void
  ) {
    this.#onRelease = onRelease
  }

  getMeta (name: string): string | undefined {
    this.#assertOpen()
    return this.meta.get(name)
  }

  setMeta (name: string, value: string): void {
    this.#assertOpen()
    this.meta.set(name, value)
  }

  *shards (): Iterable<StoredShard> {
    this.#assertOpen()
    for (const shard of [...this.byShard.keys()].sort((a, b) => a - b)) {
      this.#assertOpen()
      const stored = this.byShard.get(shard)
      if (stored === undefined) continue
      yield {
        shard,
        snapshot: stored.snapshot === null ? null : stored.snapshot.slice(),
        deltas: stored.deltas.map(delta => delta.slice()),
        cursors: [...stored.cursors].map(([consumerGroup, cursor]) => ({
          consumerGroup,
          cursor: cursor.slice()
        })),
        damaged: 0
      }
    }
  }

  // Nothing in here waits, so a batch is applied whole before any other code runs. Async, so that
  // an error rejects.
  async commit (batch: StoreBatch): Promise<void> {
    this.#assertOpen()
    for (const shard of batch.drops) this.byShard.delete(shard)
    for (const { shard, delta } of batch.deltas) this.#shard(shard).deltas.push(copyOf(delta))
    for (const { shard, snapshot } of batch.snapshots) {
      const stored = this.#shard(shard)
      stored.snapshot = copyOf(snapshot)
      stored.deltas = []
    }
    for (const { shard, consumerGroup, cursor } of batch.cursors) {
      this.#shard(shard).cursors.set(consumerGroup, copyOf(cursor))
    }
  }

  async close (): Promise<void> {
    this.release()
  }

  release (): void {
    this.#onRelease?.()
    this.#onRelease = undefined
  }

  #shard (shard: number): ShardBlobs {
    let stored = this.byShard.get(shard)
    if (stored === undefined) {
      this.byShard.set(shard, stored = { snapshot: null, deltas: [], cursors: new Map() })
    }
    return stored
  }

  #assertOpen (): void {
    if (this.#onRelease === undefined) {
      throw new StoreError(
        'this memory store is closed: nothing was read or stored',
        undefined,
        { changed: 'no', retryable: false }
      )
    }
  }
}

/** A plain Uint8Array, whatever came in: `slice` of a Buffer would share the caller's memory. */
function copyOf (bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
