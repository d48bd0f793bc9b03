/** Short forms for those who write to a Store by hand: tests, and the contract suite itself. */
import type { Store, StoreBatch, StoredShard } from '../storage/store.js'

export function bytesOf (...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}

/** A batch with the parts given and nothing else. */
export function batch (parts: Partial<StoreBatch>): StoreBatch {
  return { deltas: [], snapshots: [], cursors: [], drops: [], ...parts }
}

export function readAll (store: Store): StoredShard[] {
  return [...store.shards()]
}
