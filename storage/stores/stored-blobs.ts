/**
 * Checksums of the blobs on a disk, and which blobs can still be used when some fail. Pure: rows
 * in, verdict out.
 *
 * A checksum covers the bytes and where they belong (shard, number in the tail, consumer group), so
 * a row whose key rotted, or whose bytes were swapped with another row's, fails like one whose
 * bytes changed.
 */

import { checksum32 } from '../../engine/base/hash.js'
import type { StoredShard } from '../store.js'

export interface BlobRow {
  readonly data: Uint8Array
  readonly checksum: number
}

export interface ShardRows {
  readonly shard: number
  readonly snapshot: BlobRow | undefined
  /** In ascending order of `seq`. */
  readonly deltas: ReadonlyArray<BlobRow & { readonly seq: number }>
  readonly cursors: ReadonlyArray<BlobRow & { readonly consumerGroup: string }>
}

export interface Inspection {
  readonly stored: StoredShard
  /** The snapshot is damaged; all deltas are lost with it. */
  readonly snapshotLost: boolean
  /** Deltas that are intact and have nothing missing before them; those behind are lost. */
  readonly deltasKept: number
  /** Consumer groups whose cursors are damaged. */
  readonly consumerGroupsLost: readonly string[]
}

const utf8 = new TextEncoder()

/** `seq` is the number of a delta, 0 for the snapshot. */
export function blobChecksum (bytes: Uint8Array, shard: number, seq: number): number {
  return (checksum32(bytes) ^ Math.imul(shard + 1, 0x9e3779b1) ^ Math.imul(seq, 0x85ebca6b)) >>> 0
}

export function cursorChecksum (bytes: Uint8Array, shard: number, consumerGroup: string): number {
  return (blobChecksum(bytes, shard, -1) ^ checksum32(utf8.encode(consumerGroup))) >>> 0
}

export function settingChecksum (name: string, value: string): number {
  return checksum32(utf8.encode(JSON.stringify([name, value])))
}

/**
 * The blobs of a shard's rows that may be handed out: a prefix of snapshot and deltas, and every
 * intact cursor.
 */
export function inspectShard ({ shard, snapshot, deltas, cursors }: ShardRows): Inspection {
  const snapshotLost = snapshot !== undefined &&
    snapshot.checksum !== blobChecksum(snapshot.data, shard, 0)
  let damaged = snapshotLost ? 1 : 0

  const intact: Uint8Array[] = []
  let whole = !snapshotLost
  for (const { seq, data, checksum } of deltas) {
    const matches = checksum === blobChecksum(data, shard, seq)
    // A missing number counts as one damaged blob; behind a hole there is nothing more to be said
    // about the numbers.
    if (!matches || (whole && seq !== intact.length + 1)) {
      damaged++
      whole = false
    }
    if (whole) intact.push(bytesOf(data))
  }

  const lostCursors = cursors.filter(({ consumerGroup, data, checksum }) =>
    checksum !== cursorChecksum(data, shard, consumerGroup)
  )
  damaged += lostCursors.length
  return {
    stored: {
      shard,
      snapshot: snapshot === undefined || snapshotLost ? null : bytesOf(snapshot.data),
      deltas: intact,
      cursors: cursors
        .filter(row => !lostCursors.includes(row))
        .map(({ consumerGroup, data }) => ({ consumerGroup, cursor: bytesOf(data) })),
      damaged
    },
    snapshotLost,
    deltasKept: intact.length,
    consumerGroupsLost: lostCursors.map(({ consumerGroup }) => consumerGroup)
  }
}

/** The driver returns Buffers, whose `slice` shares memory where that of a Uint8Array copies. */
function bytesOf (data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
