/**
 * An entry: one write as it stands in a shard's log. Its dot (incarnation, clock) is its identity, its version decides
 * what it wins.
 *
 *   version   what the write claims about time: its event time, or the writer's clock
 *   stamp     when the write entered, by the writer's clock: it orders events of equal version, so that of two events with
 *             the same event time the one written later wins. Both are stamped once and travel with every retry.
 *
 * An entry holds exactly the fields it wins. When a later entry wins a field, the field leaves the older entry at once;
 * an entry that has lost all of them, and hides nothing, is dead. Each replica does this by itself and comes to the same
 * result, so it never travels.
 */
import { decodeCbor, encodeCbor, isPlainCbor } from './codec.js'
import { adoptFields, type Fields } from './values.js'
import { limits } from './limits.js'

export const NO_FIELDS: Fields = Object.freeze({})

/**
 * Large numbers are kept as halves of 32 bits: those lie in the object itself, where a larger number would be an object
 * of its own in V8, to be allocated, visited by the collector and fetched to be compared. There are millions of entries.
 */
const HALF = 2 ** 32

export class Entry {
  /** One string object serves all entries of a record: an entry that joins takes over that of the first (admit). */
  key: string
  /** The fields it still wins. */
  fields: Fields
  /** The next live entry of the same record, in ascending order of `isLaterThan`. Entries of a record share no field. */
  next: Entry | null = null
  /** Whether it hides every older field of its record: a delete (without fields) or a replacement (with fields). */
  clears: boolean
  live = true
  clock: number
  private dotIncarnation: number
  private versionHigh: number
  private versionLow: number
  private stampHigh: number
  private stampLow: number

  constructor (key: string, version: number, stamp: number, fields: Fields, clears: boolean, incarnation = 0, clock = 0) {
    this.key = key
    this.fields = fields
    this.clears = clears
    this.clock = clock
    this.dotIncarnation = incarnation | 0
    this.versionHigh = Math.floor(version / HALF)
    this.versionLow = version | 0
    this.stampHigh = Math.floor(stamp / HALF)
    this.stampLow = stamp | 0
  }

  get version (): number { return this.versionHigh * HALF + (this.versionLow >>> 0) }
  get stamp (): number { return this.stampHigh * HALF + (this.stampLow >>> 0) }

  /** 0 while it waits in the write buffer: below every real incarnation, so that it loses every tie. */
  get incarnation (): number { return this.dotIncarnation >>> 0 }

  /** Gives an entry that leaves the write buffer its place in the log. */
  setDot (incarnation: number, clock: number): void {
    this.dotIncarnation = incarnation | 0
    this.clock = clock
  }

  /** Whether a write would come later than this entry, before it has a dot: of equals the entry stands. */
  isOlderThan (version: number, stamp: number): boolean {
    const mine = this.version
    return mine === version ? this.stamp < stamp : mine < version
  }

  /** Makes this object the entry of a later write that takes over its record. The entry it was must be out of the log. */
  become (version: number, stamp: number, fields: Fields, clears: boolean): void {
    this.fields = fields
    this.clears = clears
    this.clock = 0
    this.dotIncarnation = 0
    this.versionHigh = Math.floor(version / HALF)
    this.versionLow = version | 0
    this.stampHigh = Math.floor(stamp / HALF)
    this.stampLow = stamp | 0
  }

  /** The total order of writes: by version, then stamp, then dot. Strict: an entry is not later than itself. */
  isLaterThan (other: Entry): boolean {
    if (this.versionHigh !== other.versionHigh) return this.versionHigh > other.versionHigh
    if (this.versionLow !== other.versionLow) return this.versionLow >>> 0 > other.versionLow >>> 0
    if (this.stampHigh !== other.stampHigh) return this.stampHigh > other.stampHigh
    if (this.stampLow !== other.stampLow) return this.stampLow >>> 0 > other.stampLow >>> 0
    if (this.dotIncarnation !== other.dotIncarnation) return this.incarnation > other.incarnation
    return this.clock > other.clock
  }
}

/**
 * CBOR array: [key, version, fields, stamp?, clears?]. `fields` is null when there are none (a delete); the stamp is
 * left out when it equals the version; a trailing 1 marks a replacement.
 */
export function encodeEntry (entry: Entry): Uint8Array {
  const { key, version, stamp } = entry
  const empty = entry.fields === NO_FIELDS
  if (entry.clears && !empty) return encodeCbor([key, version, entry.fields, stamp, 1])
  const fields = empty ? null : entry.fields
  return encodeCbor(stamp === version ? [key, version, fields] : [key, version, fields, stamp])
}

/** How much longer our encoding can be than a forged one: a half-precision float takes 9 bytes instead of 3. */
const MAX_GROWTH = 3

/** The entry, or null when the bytes are not one a writer could have made. */
export function decodeEntry (bytes: Uint8Array, incarnation: number, clock: number): Entry | null {
  if (bytes.length > limits.maxEntryBytes || !isPlainCbor(bytes, limits.maxValueDepth + 2)) return null
  let raw: unknown
  try { raw = decodeCbor(bytes) } catch { return null }
  if (!Array.isArray(raw) || raw.length < 3 || raw.length > 5) return null
  const [key, version, body, stamp = version, clears = 0] = raw as unknown[]
  if (typeof key !== 'string' || key.length === 0 || key.length > limits.maxKeyBytes) return null
  if (!isVersion(version) || !isVersion(stamp)) return null
  if (body === null) return raw.length === 5 ? null : new Entry(key, version, stamp, NO_FIELDS, true, incarnation, clock)
  if (clears !== 0 && clears !== 1) return null
  const fields = adoptFields(body)
  if (fields === null) return null
  const entry = new Entry(key, version, stamp, fields, clears === 1, incarnation, clock)
  return bytes.length * MAX_GROWTH > limits.maxEntryBytes && encodeEntry(entry).length > limits.maxEntryBytes ? null : entry
}

function isVersion (value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
