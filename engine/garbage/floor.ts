/**
 * The floor of a shard: the little that is remembered of tombstones that were dropped.
 *
 *   below       a state vector above all their dots
 *   graves      of the newest of them: a hash of the name that was deleted (a key, or a field of a
 *               key), and the version of the tombstone. An event older than that version is known
 *               to be deleted, however late it comes. A reader who saw the tombstone is never shown
 *               the record in an older version
 *   forgotten   a version: no tombstone whose grave is forgotten was newer
 *
 * The number of graves is bounded, so that a shard of many deletes does not grow for ever.
 * late-writes.ts handles events whose grave may have been forgotten.
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

/** Stands in a grave for a record of which some field was unset. No field has an empty name. */
const SHOWN = ''

export const NO_FLOOR: Floor = { below: new Map(), graves: new Map(), forgotten: 0, newest: 0 }

/**
 * Whether a replica or reader that has seen this much can be told the rest of a shard with this
 * floor. If not, it has to be reset.
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

/** Forgets the oldest graves, where there are too many. */
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

/** The floor above these tombstones, and above nothing else. */
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
 * The version of the dropped tombstone of a record, or of one of its fields; -1 when no grave of it
 * is remembered.
 */
export function graveOf (floor: Floor, key: string, field?: string): number {
  const ofRecord = floor.graves.get(hashOf(key)) ?? -1
  return field === undefined
    ? ofRecord
    : Math.max(ofRecord, floor.graves.get(hashOf(key, field)) ?? -1)
}

/**
 * A version that no dropped tombstone of the field exceeds: the epoch for a new claim on it.
 * `newest` would be a worse epoch, because it may come from any record, and from a writer whose
 * clock is ahead. A delete by a writer whose clock is behind would then not end the claim.
 */
export function lastDropped (floor: Floor, key: string, field: string): number {
  const grave = graveOf(floor, key, field)
  return grave === -1 ? floor.forgotten : grave
}

/**
 * The greatest version that dropped tombstones gave a record, as far as graves are remembered;
 * -1 for none.
 */
export function shownVersion (floor: Floor, key: string): number {
  return floor.graves.size === 0 ? -1 : graveOf(floor, key, SHOWN)
}

/**
 * Two names may share a hash. Then an event of one name counts as deleted if it is older than the
 * grave of the other: for each grave a chance of one in four billion.
 */
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

/** @throws RangeError when the bytes are not a floor within limits */
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
