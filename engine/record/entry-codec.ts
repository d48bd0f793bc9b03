/**
 * Entries as bytes: one CBOR array each.
 *
 *   [key, version, fields, stamp?, clears?, extra?]
 *
 *   fields   the registers with a value, or null when there are none
 *   stamp    left out when it equals the version and nothing follows
 *   clears   1 for a replacement; a delete is told by its null fields, unless there is an extra
 *   extra    [expires, names unset, claims, late?]
 *   claims   [code, field, epoch, ...what its kind adds] each (fields/kind.ts)
 *
 * The decoder takes exactly what the encoder makes. Two things can be wrong with other bytes: no
 * writer could have made them, or a writer of a newer release did. The second is told by a code of
 * a claim that is not known here, or by more parts than an entry of this release has. It is thrown,
 * because the operator of this node has to hear of it (ADR 12).
 */
import { decodeCbor, encodeCbor, isPlainCbor } from '../base/codec.js'
import { isCount, isName, isNames } from '../base/shapes.js'
import { adoptFields } from '../base/adopting.js'
import type { Fields, Value } from '../base/values.js'
import { NewerReleaseError } from '../errors.js'
import { NO_CLAIMS } from '../fields/claims.js'
import type { ClaimTuple, Dot } from '../fields/kind.js'
import type { Claim } from '../fields/kinds.js'
import { claimOfCode, codeOf, kindOf } from '../fields/lookup.js'
import type { Limits } from '../limits.js'
import { Entry, NO_FIELDS, type EntryFields, type Extra } from './entry.js'

/** How many parts an entry has at most, and its extra. */
const MOST_PARTS = 6
const MOST_EXTRAS = 4

export function encodeEntry (entry: Entry): Uint8Array {
  const { key, version, stamp, extra } = entry
  const empty = entry.fields === NO_FIELDS
  if (extra !== null) return encodeWithExtra(entry, extra)
  if (entry.clears && !empty) return encodeCbor([key, version, entry.fields, stamp, 1])
  const fields = empty ? null : entry.fields
  return encodeCbor(stamp === version ? [key, version, fields] : [key, version, fields, stamp])
}

function encodeWithExtra (
  { key, version, stamp, fields, clears }: Entry,
  { expires, claims, late }: Extra
): Uint8Array {
  const names = Object.keys(fields)
  const set = names.filter(name => fields[name] !== undefined)
  const values = set.length === 0
    ? null
    : set.length === names.length
    ? fields
    : Object.fromEntries(set.map(name => [name, fields[name]]))
  const unset = names.filter(name => fields[name] === undefined)
  return encodeCbor([key, version, values, stamp, clears ? 1 : 0, [expires, unset,
    claims.map(tupleOf), ...late > 0 ? [late] : []]])
}

function tupleOf (claim: Claim): ClaimTuple {
  return [codeOf(claim), claim.field, claim.epoch, ...kindOf(claim).encode(claim)]
}

/**
 * How much longer our encoding can be than a forged one: a half-precision float takes 9 bytes
 * instead of 3.
 */
const MAX_GROWTH = 3

/**
 * The entry, or null when the bytes are not one a writer could have made.
 * @throws NewerReleaseError when a newer release made them
 */
export function decodeEntry (
  bytes: Uint8Array,
  incarnation: number,
  clock: number,
  limits: Limits
): Entry | null {
  if (bytes.length > limits.maxEntryBytes || !isPlainCbor(bytes, limits.maxValueDepth + 4)) {
    return null
  }
  let raw: unknown
  try {
    raw = decodeCbor(bytes)
  } catch {
    return null
  }
  if (!Array.isArray(raw) || raw.length < 3) return null
  const [key, version, body, stamp = version, clears = 0] = raw as unknown[]
  if (typeof key !== 'string' || key.length === 0 || key.length > limits.maxKeyBytes) return null
  if (!isCount(version) || !isCount(stamp) || (clears !== 0 && clears !== 1)) return null
  if (raw.length > MOST_PARTS) {
    throw new NewerReleaseError({ incarnation, clock, key, parts: raw.length })
  }
  const fields = body === null ? NO_FIELDS : adoptFields(body, limits)
  if (fields === null) return null
  const entry = raw.length === MOST_PARTS
    ? withExtra(raw[5], key, version, stamp, fields, clears === 1, incarnation, clock, limits)
    : plain(raw.length, key, version, stamp, fields, clears === 1, incarnation, clock)
  return entry !== null && bytes.length * MAX_GROWTH > limits.maxEntryBytes &&
      encodeEntry(entry).length > limits.maxEntryBytes
    ? null
    : entry
}

function plain (
  length: number,
  key: string,
  version: number,
  stamp: number,
  fields: EntryFields,
  clears: boolean,
  incarnation: number,
  clock: number
): Entry | null {
  const isDelete = fields === NO_FIELDS
  return isDelete && length === 5
    ? null
    : new Entry(key, version, stamp, fields, clears || isDelete, incarnation, clock)
}

function withExtra (
  raw: unknown,
  key: string,
  version: number,
  stamp: number,
  values: Fields,
  clears: boolean,
  incarnation: number,
  clock: number,
  limits: Limits
): Entry | null {
  if (!Array.isArray(raw) || raw.length < 3) return null
  const [expires, unset, tuples, late = 0] = raw as unknown[]
  if (
    !isCount(expires) || !isCount(late) || !isNames(unset, limits) || !Array.isArray(tuples) ||
    tuples.length > limits.maxClaimsPerEntry
  ) return null
  if (raw.length > MOST_EXTRAS) {
    throw new NewerReleaseError({ incarnation, clock, key, parts: raw.length })
  }
  const empty = values === NO_FIELDS && unset.length === 0
  const fields: Record<string, Value | undefined> = empty ? NO_FIELDS : { ...values }
  for (const name of unset) {
    if (Object.hasOwn(fields, name)) return null
    fields[name] = undefined
  }
  const claims = tuples.length === 0
    ? NO_CLAIMS
    : readClaims(tuples, key, { of: incarnation, clock }, limits)
  if (claims === null) return null
  const isWhole = claims.length > 0 ? empty && !clears && expires === 0 : !empty || clears
  return isWhole
    ? new Entry(key, version, stamp, fields, clears, incarnation, clock, { expires, late, claims })
    : null
}

function readClaims (
  tuples: readonly unknown[],
  key: string,
  dot: Dot,
  limits: Limits
): readonly Claim[] | null {
  const claims: Claim[] = []
  for (const tuple of tuples) {
    if (!isTuple(tuple, limits)) return null
    const [code, field] = tuple
    const known = claimOfCode(code)
    if (known === undefined) {
      throw new NewerReleaseError({ incarnation: dot.of, clock: dot.clock, key, field, code })
    }
    const claim = known.kind.decode(known.claim, tuple, dot, limits)
    if (claim === null) return null
    claims.push(claim)
  }
  return claims
}

/** Whether it begins as every claim of every release does. */
function isTuple (raw: unknown, limits: Limits): raw is ClaimTuple {
  return Array.isArray(raw) && raw.length >= 4 && isCount(raw[0]) && isName(raw[1], limits) &&
    isCount(raw[2])
}
