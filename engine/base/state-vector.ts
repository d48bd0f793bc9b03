/**
 * State vectors: incarnation id -> next clock. A state vector says exactly which entries a replica
 * has seen. Superseding is a pure function of the entries seen, so equal vectors mean equal logical
 * state. That makes a vector the digest that replicas compare and the position that consumers
 * remember.
 */
import { createDecoder, createEncoder, hasContent, readVarUint, toUint8Array,
  writeVarUint } from './varint.js'
import { digest64 } from './hash.js'
import { isIncarnation } from './shapes.js'
import type { Limits } from '../limits.js'

export type StateVector = ReadonlyMap<number, number>

/** True when everything `other` has seen was also seen by `sv`. */
export function covers (sv: StateVector, other: StateVector): boolean {
  for (const [incarnation, clock] of other) if ((sv.get(incarnation) ?? 0) < clock) return false
  return true
}

export function sameVector (a: StateVector, b: StateVector): boolean {
  return a.size === b.size && covers(a, b) && covers(b, a)
}

/** The least vector that covers both. */
export function join (a: StateVector, b: StateVector): Map<number, number> {
  const joined = new Map(a)
  for (const [incarnation, clock] of b) {
    if ((joined.get(incarnation) ?? 0) < clock) joined.set(incarnation, clock)
  }
  return joined
}

/** The greatest vector that both cover. */
export function meet (a: StateVector, b: StateVector): Map<number, number> {
  const met = new Map<number, number>()
  for (const [incarnation, clock] of a) {
    const both = Math.min(clock, b.get(incarnation) ?? 0)
    if (both > 0) met.set(incarnation, both)
  }
  return met
}

/**
 * The canonical encoding: one vector has exactly one. The format is Yjs's own: the count, then
 * pairs of id and clock by descending id.
 */
export function encodeStateVector (sv: StateVector): Uint8Array {
  const writer = createEncoder()
  const pairs = [...sv].filter(([, clock]) => clock > 0)
  if (pairs.length > 1) pairs.sort((a, b) => b[0] - a[0])
  writeVarUint(writer, pairs.length)
  for (const [incarnation, clock] of pairs) {
    writeVarUint(writer, incarnation)
    writeVarUint(writer, clock)
  }
  return toUint8Array(writer)
}

/** @throws RangeError when the bytes are not one canonical state vector within bounds */
export function decodeStateVector (
  bytes: Uint8Array,
  { maxIncarnationsPerShard }: Limits
): Map<number, number> {
  const sv = new Map<number, number>()
  const reader = createDecoder(bytes)
  let count: number
  try {
    count = readVarUint(reader)
    if (count > maxIncarnationsPerShard) {
      throw new RangeError(
        `${count} incarnations in a state vector, at most ${maxIncarnationsPerShard} are ` +
          'allowed'
      )
    }
    let previous = Infinity
    for (let i = 0; i < count; i++) {
      const incarnation = readVarUint(reader)
      const clock = readVarUint(reader)
      if (incarnation >= previous || !isIncarnation(incarnation) || clock === 0) {
        throw new RangeError(`state vector is not canonical at incarnation ${incarnation}`)
      }
      previous = incarnation
      sv.set(incarnation, clock)
    }
  } catch (error) {
    throw error instanceof RangeError
      ? error
      : new RangeError('state vector is cut short', { cause: error })
  }
  if (hasContent(reader)) throw new RangeError('state vector has bytes behind its end')
  return sv
}

/** 16 hexadecimal digits; equal digests mean equal vectors. */
export function digestOf (sv: StateVector): string {
  return digest64(encodeStateVector(sv))
}
