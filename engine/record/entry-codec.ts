/**
 * Entries as bytes: one CBOR array each.
 *
 *   [key, version, fields, stamp?, clears?, extra?]
 *
 *   fields   the registers with a value, or null when there are none
 *   stamp    left out when it equals the version and nothing follows
 *   clears   1 for a replacement; a delete is told by its null fields, unless there is an extra
 *   extra    [expires, names unset, claims, late?]
 *
 * The decoder takes exactly what the encoder makes, and null is its answer to everything else.
 */
import { decodeCbor, encodeCbor, isPlainCbor } from '../base/codec.js'
import { NO_CLAIMS, type Claim, type Element } from '../fields/claims.js'
import { Entry, NO_FIELDS, type EntryFields, type Extra } from './entry.js'
import { limits } from '../limits.js'
import { adoptFields, adoptValue, type Fields, type Value } from '../base/values.js'

const CLAIM_KINDS = ['counter', 'add', 'remove', 'max', 'min', 'sequenced'] as const
/** Field, epoch, and what the kind adds. */
type ClaimTuple = readonly [kind: number, field: string, epoch: number, ...rest: readonly unknown[]]

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
    claims.map(claimTuple), ...late > 0 ? [late] : []]])
}

function claimTuple (claim: Claim): ClaimTuple {
  const head = [CLAIM_KINDS.indexOf(claim.kind), claim.field, claim.epoch] as const
  switch (claim.kind) {
    case 'counter':
      return [...head, claim.total]
    case 'add':
      return [...head, claim.element]
    case 'remove':
      return [...head, claim.element, claim.of, claim.clock]
    case 'sequenced':
      return claim.value === undefined
        ? [...head, claim.sequence]
        : [...head, claim.sequence, claim.value]
    default:
      return [...head, claim.value]
  }
}

/**
 * How much longer our encoding can be than a forged one: a half-precision float takes 9 bytes
 * instead of 3.
 */
const MAX_GROWTH = 3

/** The entry, or null when the bytes are not one a writer could have made. */
export function decodeEntry (bytes: Uint8Array, incarnation: number, clock: number): Entry | null {
  if (bytes.length > limits.maxEntryBytes || !isPlainCbor(bytes, limits.maxValueDepth + 4)) {
    return null
  }
  let raw: unknown
  try {
    raw = decodeCbor(bytes)
  } catch {
    return null
  }
  if (!Array.isArray(raw) || raw.length < 3 || raw.length > 6) return null
  const [key, version, body, stamp = version, clears = 0] = raw as unknown[]
  if (typeof key !== 'string' || key.length === 0 || key.length > limits.maxKeyBytes) return null
  if (!isCount(version) || !isCount(stamp) || (clears !== 0 && clears !== 1)) return null
  const fields = body === null ? NO_FIELDS : adoptFields(body, limits)
  if (fields === null) return null
  const entry = raw.length === 6
    ? withExtra(raw[5], key, version, stamp, fields, clears === 1, incarnation, clock)
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
  clock: number
): Entry | null {
  if (!Array.isArray(raw) || raw.length < 3 || raw.length > 4) return null
  const [expires, unset, tuples, late = 0] = raw as unknown[]
  if (
    !isCount(expires) || !isCount(late) || !isNames(unset) || !Array.isArray(tuples) ||
    tuples.length > limits.maxClaimsPerEntry
  ) return null
  const empty = values === NO_FIELDS && unset.length === 0
  const fields: Record<string, Value | undefined> = empty ? NO_FIELDS : { ...values }
  for (const name of unset) {
    if (Object.hasOwn(fields, name)) return null
    fields[name] = undefined
  }
  const claims: Claim[] = []
  for (const tuple of tuples as unknown[]) {
    const claim = claimOf(tuple, incarnation, clock)
    if (claim === null) return null
    claims.push(claim)
  }
  const isWhole = claims.length > 0 ? empty && !clears && expires === 0 : !empty || clears
  return isWhole
    ? new Entry(key, version, stamp, fields, clears, incarnation, clock, {
      expires,
      late,
      claims: claims.length === 0 ? NO_CLAIMS : claims
    })
    : null
}

function claimOf (raw: unknown, incarnation: number, clock: number): Claim | null {
  if (!Array.isArray(raw) || raw.length < 4) return null
  const [code, field, epoch, a, b, c] = raw as unknown[]
  const kind = CLAIM_KINDS[code as number]
  if (!isName(field) || !isCount(epoch) || raw.length > 6) return null
  const length = raw.length
  switch (kind) {
    case 'counter':
      return length === 4 && isNumber(a)
        ? { kind, field, epoch, of: incarnation, clock, total: a }
        : null
    case 'add':
      return length === 4 && isElement(a)
        ? { kind, field, epoch, of: incarnation, clock, element: a }
        : null
    case 'remove':
      return length === 6 && isElement(a) && isCount(b) && b > 0 && b <= 0xffffffff && isCount(c)
        ? { kind, field, epoch, element: a, of: b, clock: c }
        : null
    case 'max':
    case 'min':
      return length === 4 && isNumber(a) ? { kind, field, epoch, value: a } : null
    case 'sequenced': {
      if (length > 5 || !isCount(a)) return null
      const value = length === 4 ? undefined : adoptValue(b, limits)
      return value === undefined && length === 5 ? null : { kind, field, epoch, sequence: a, value }
    }
    default:
      return null
  }
}

export function isElement (value: unknown): value is Element {
  return typeof value === 'string'
    ? value.length <= limits.maxElementLength
    : typeof value === 'boolean' || isNumber(value)
}

function isNumber (value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)
}

function isName (value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 &&
    value.length <= limits.maxFieldNameBytes && value !== '__proto__'
}

function isNames (value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= limits.maxFieldsPerRecord && value.every(isName)
}

function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
