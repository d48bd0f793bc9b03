/**
 * A shard as it is stored: its whole state and its floor, which belong together. Without the floor,
 * a state from which tombstones were dropped would look like a state that never had them.
 *
 *   [length of the floor, floor, update]
 */
import { decodeFloor, encodeFloor, type Floor } from './garbage/floor.js'
import type { Limits } from './limits.js'
import type { Shard } from './shard.js'
import { createDecoder, createEncoder, readVarUint8Array, toUint8Array, writeUint8Array,
  writeVarUint8Array } from './base/varint.js'

export interface Snapshot {
  readonly update: Uint8Array
  readonly floor: Floor
}

export function encodeSnapshot (shard: Shard): Uint8Array {
  const update = shard.encode()
  const writer = createEncoder()
  writeVarUint8Array(writer, encodeFloor(shard.floor))
  writeUint8Array(writer, update)
  return toUint8Array(writer)
}

/** Null when the bytes are not a snapshot. The update in it is checked when it is merged. */
export function decodeSnapshot (bytes: Uint8Array, limits: Limits): Snapshot | null {
  const reader = createDecoder(bytes)
  try {
    const floor = decodeFloor(readVarUint8Array(reader), limits)
    return { floor, update: bytes.subarray(reader.pos) }
  } catch {
    return null
  }
}
