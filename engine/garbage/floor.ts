/**
 * The floor of a shard: what is left of the tombstones that were dropped.
 *
 *   below       a state vector over all their dots
 *   graves      for the last of them, a hash of what was deleted (a key, or a field of one) and the
 *               version of the tombstone: an event older than that is still known to be deleted,
 *               however late it comes, and no reader who saw the tombstone is shown the record in
 *               an older version
 *   forgotten   no tombstone whose grave is forgotten was newer than this version
 *
 * Graves are bounded, so that a shard of many deletes does not grow for ever; what follows from
 * having forgotten one is in late-writes.ts.
 */
import type { Entry } from '../record/entry.js'
import { checksum32 } from '../base/hash.js'
import type { Limits } from '../limits.js'
import { covers, decodeStateVector, encodeStateVector, join,
  type StateVector } from '../base/state-vector.js'
import { createDecoder, createEncoder, readVarUint, readVarUint8Array, toUint8Array, writeVarUint,
  writeVarUint8Array } from '../base/varint.js'

export interface Floor {
  readonly below: StateVector
  readonly graves: ReadonlyMap<number, number>
  readonly forgotten: number
  /** The greatest version of a dropped tombstone. */
  readonly newest: number
}

/** Stands for a whole record some of whose fields were unset: no field has this name. */
const SHOWN = ''

export const NO_FLOOR: Floor = { below: new Map(), graves: new Map(), forgotten: 0, newest: 0 }

/**
 * Whether a replica or reader that has seen so much can be told the rest of a shard with this
 * floor; if not it has to be reset.
 */
export function canPatch ({ below }: Floor, seen: StateVector): boolean {
  return covers(seen, below)
}

export function joinFloors (a: Floor, b: Floor, limits: Limits): Floor {
  const graves = new Map(a.graves)
  for (const [hash, version] of b.graves) {
    if ((graves.get(hash) ?? -1) < version) graves.set(hash, version)
  }
  return bounded({
    below: join(a.below, b.below),
    graves,
    forgotten: Math.max(a.forgotten, b.forgotten),
    newest: Math.max(a.newest, b.newest)
  }, limits)
}

/** The oldest graves go first. */
function bounded (floor: Floor, { maxGravesPerShard }: Limits): Floor {
  const excess = floor.graves.size - maxGravesPerShard
  if (excess <= 0) return floor
  const byAge = [...floor.graves].sort(([, a], [, b]) => a - b)
  return {
    ...floor,
    graves: new Map(byAge.slice(excess)),
    forgotten: Math.max(floor.forgotten, (byAge[excess - 1] as [number, number])[1])
  }
}

/** The floor of tombstones that are dropped now. */
export function floorOf (dropped: readonly Entry[]): Floor {
  const below = new Map<number, number>()
  const graves = new Map<number, number>()
  let newest = 0
  for (const { key, incarnation, clock, version, clears, fields } of dropped) {
    below.set(incarnation, Math.max(clock + 1, below.get(incarnation) ?? 0))
    newest = Math.max(newest, version)
    for (
      const hash of clears
        ? [hashOf(key)]
        : [SHOWN, ...Object.keys(fields)].map(name => hashOf(key, name))
    ) graves.set(hash, Math.max(version, graves.get(hash) ?? 0))
  }
  return { below, graves, forgotten: 0, newest }
}

/**
 * The version of the dropped tombstone that hid a field of a record, or of the record; -1 when none
 * is remembered.
 */
export function graveOf (floor: Floor, key: string, field?: string): number {
  const ofRecord = floor.graves.get(hashOf(key)) ?? -1
  return field === undefined
    ? ofRecord
    : Math.max(ofRecord, floor.graves.get(hashOf(key, field)) ?? -1)
}

/**
 * No dropped tombstone of a field is newer than this version. Not `newest`, which may be of any
 * record: what one writer deletes now, by a clock that is behind, would not end what it adds up at
 * the epoch of another one, whose clock is ahead.
 */
export function lastDropped (floor: Floor, key: string, field: string): number {
  const grave = graveOf(floor, key, field)
  return grave === -1 ? floor.forgotten : grave
}

/**
 * The greatest version a record was shown in because of dropped tombstones, as far as it is
 * remembered; -1 for none.
 */
export function shownVersion (floor: Floor, key: string): number {
  return floor.graves.size === 0 ? -1 : graveOf(floor, key, SHOWN)
}

/** Two names with one hash cost a very old event in four billion. */
function hashOf (key: string, field?: string): number {
  return checksum32(Buffer.from(field === undefined ? key : `${key}\u0000${field}`))
}

/** [state vector, forgotten, newest, number of graves, then hash and version of each, by hash] */
export function encodeFloor ({ below, graves, forgotten, newest }: Floor): Uint8Array {
  const writer = createEncoder()
  writeVarUint8Array(writer, encodeStateVector(below))
  for (const value of [forgotten, newest, graves.size]) writeVarUint(writer, value)
  for (const pair of [...graves].sort(([a], [b]) => a - b)) {
    for (const value of pair) writeVarUint(writer, value)
  }
  return toUint8Array(writer)
}

/** @throws RangeError when the bytes are not a floor */
export function decodeFloor (bytes: Uint8Array, limits: Limits): Floor {
  const reader = createDecoder(bytes)
  try {
    const below = decodeStateVector(readVarUint8Array(reader), limits)
    const [forgotten, newest, count] = [readVarUint(reader), readVarUint(reader),
      readVarUint(reader)]
    if (count > limits.maxGravesPerShard) {
      throw new RangeError(
        `${count} graves in a floor, at most ${limits.maxGravesPerShard} are allowed`
      )
    }
    const graves = new Map<number, number>()
    for (let i = 0; i < count; i++) graves.set(readVarUint(reader), readVarUint(reader))
    return { below, graves, forgotten, newest }
  } catch (error) {
    throw error instanceof RangeError
      ? error
      : new RangeError('a floor is cut short', { cause: error })
  }
}
