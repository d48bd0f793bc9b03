/**
 * An entry: one write as it stands in a shard's log. Its dot (incarnation, clock) is its identity,
 * its version decides what it wins.
 *
 *   version   what the write claims about time: its event time, or the writer's clock
 *   stamp     when the write entered, by the writer's clock: it orders events of equal version, so
 *             that of two events with the same event time the one written later wins. Both are
 *             stamped once and travel with every retry.
 *
 * An entry holds exactly what it wins: fields, or claims about fields that are more than registers
 * (claims.ts). When a later entry wins a field, the field leaves the older entry at once; an entry
 * that has lost all of them, and hides nothing, is dead. Each replica does this by itself and comes
 * to the same result, so it never travels.
 */
import type { DottedClaim } from '../fields/kind.js'
import type { Claim } from '../fields/kinds.js'
import type { Value } from '../base/values.js'

/** Registers; one that was unset is there without a value, because it hides older values. */
export type EntryFields = { readonly [name: string]: Value | undefined }

export const NO_FIELDS: { readonly [name: string]: never } = Object.freeze({})

/** What only few entries have. */
export interface Extra {
  /** The version-time from which on its fields read as absent; 0 for never. */
  readonly expires: number
  /**
   * When the event happened, if its version had to be raised above tombstones that were dropped; 0
   * if not.
   */
  readonly late: number
  /**
   * What it says about fields that are more than registers. An entry with claims has no fields and
   * does not clear.
   */
  claims: readonly Claim[]
}

/**
 * There are millions of entries, so each is 80 bytes. Large numbers are kept as halves of 32 bits:
 * those lie in the object itself, where a larger number would be an object of its own in V8, to be
 * allocated, visited by the collector and fetched to be compared. The upper halves have 21 bits,
 * and share a field:
 *
 *   highs     versionHigh (21) | lag (7) | marks (4)
 *   lag       stampHigh - versionHigh; a unit is 71 minutes, so only what was written days after it
 *             happened is FAR
 */
const HALF = 2 ** 32
const VERSION_SHIFT = 11
const LAG_SHIFT = 4
const LAG_MASK = 0x7f
const FAR = -64
const CLEARS = 1
const DEAD = 2
const HAS_EXTRA = 4
const FROZEN = 8
const MARKS = CLEARS | DEAD | HAS_EXTRA | FROZEN

/** What hangs behind an entry that has both. */
interface Both {
  readonly extra: Extra
  readonly next: Entry
}

function isBoth (rest: Extra | Both): rest is Both {
  return 'next' in rest
}

export class Entry {
  /**
   * First, because it lies in one line of the processor's cache with what tells the object's class.
   */
  private held: EntryFields
  /**
   * One string object serves all entries of a record: an entry that joins takes over that of the
   * first (admit).
   */
  key: string
  clock: number
  private dotIncarnation: number
  private highs: number
  private versionLow: number
  private stampLow: number
  /**
   * The next entry of the record; or what few entries have; or both. Nearly all have neither:
   * theirs is the null of the prototype, which takes no room in them, until they are given one of
   * their own.
   */
  declare private rest: Entry | Extra | Both | null
  /** Of entries that are FAR; the others have no room for it either. */
  declare private stampHighIfFar: number

  static {
    this.prototype.rest = null
    this.prototype.stampHighIfFar = 0
    // From the first few objects of a class V8 learns how large they are. These have no room for
    // what nearly none has.
    Array.from({ length: 16 }, () => new Entry('', 0, 0, NO_FIELDS, false))
  }

  constructor (
    key: string,
    version: number,
    stamp: number,
    fields: EntryFields,
    clears: boolean,
    incarnation = 0,
    clock = 0,
    extra: Extra | null = null
  ) {
    this.held = fields
    this.key = key
    this.clock = clock
    this.dotIncarnation = incarnation | 0
    this.highs = clears ? CLEARS : 0
    this.versionLow = 0
    this.stampLow = 0
    this.moveTo(version, stamp)
    if (extra !== null) this.extra = extra
  }

  /** The fields it still wins. */
  get fields (): EntryFields {
    return this.held
  }
  set fields (fields: EntryFields) {
    this.held = fields
    this.mark(FROZEN, false)
  }

  /**
   * Its fields for readers, who cannot change them: frozen when they are first asked for, and never
   * copied.
   */
  get frozenFields (): EntryFields {
    if ((this.highs & FROZEN) === 0) {
      Object.freeze(this.held)
      this.mark(FROZEN, true)
    }
    return this.held
  }

  get version (): number {
    return this.versionHigh * HALF + (this.versionLow >>> 0)
  }
  get stamp (): number {
    return this.stampHigh * HALF + (this.stampLow >>> 0)
  }

  private get versionHigh (): number {
    return this.highs >>> VERSION_SHIFT
  }

  private get stampHigh (): number {
    const lag = this.highs << (32 - VERSION_SHIFT) >> (32 - VERSION_SHIFT + LAG_SHIFT)
    return lag === FAR ? this.stampHighIfFar : this.versionHigh + lag
  }

  /** Gives an entry of the write buffer another place in time. */
  moveTo (version: number, stamp: number): void {
    const versionHigh = Math.floor(version / HALF)
    const stampHigh = Math.floor(stamp / HALF)
    const lag = stampHigh - versionHigh
    const isFar = lag <= FAR || lag >= -FAR
    this.highs = versionHigh << VERSION_SHIFT | ((isFar ? FAR : lag) & LAG_MASK) << LAG_SHIFT |
      this.highs & MARKS
    this.versionLow = version | 0
    this.stampLow = stamp | 0
    if (isFar) this.makeRoom(this.rest, stampHigh)
  }

  /** Both at once, so that there are two kinds of objects for V8 and not five. */
  private makeRoom (rest: Entry | Extra | Both | null, stampHighIfFar: number): void {
    this.rest = rest
    this.stampHighIfFar = stampHighIfFar
  }

  /**
   * Whether it hides every older field of its record: a delete (without fields) or a replacement
   * (with fields).
   */
  get clears (): boolean {
    return (this.highs & CLEARS) !== 0
  }
  set clears (clears: boolean) {
    this.mark(CLEARS, clears)
  }

  get live (): boolean {
    return (this.highs & DEAD) === 0
  }
  set live (live: boolean) {
    this.mark(DEAD, !live)
  }

  private mark (mark: number, isSet: boolean): void {
    this.highs = isSet ? this.highs | mark : this.highs & ~mark
  }

  /** Whether nothing but its fields is to be said of its record. */
  get isPlain (): boolean {
    return this.rest === null
  }

  /** Null unless it expires, unsets a field or has claims. */
  get extra (): Extra | null {
    if ((this.highs & HAS_EXTRA) === 0) return null
    const rest = this.rest as Extra | Both
    return isBoth(rest) ? rest.extra : rest
  }

  set extra (extra: Extra | null) {
    this.hang(extra, this.next)
  }

  /**
   * The next live entry of the same record, in ascending order of `isLaterThan`. Entries of a
   * record share no field.
   */
  get next (): Entry | null {
    if ((this.highs & HAS_EXTRA) === 0) return this.rest as Entry | null
    const rest = this.rest as Extra | Both
    return isBoth(rest) ? rest.next : null
  }

  set next (next: Entry | null) {
    this.hang(this.extra, next)
  }

  private hang (extra: Extra | null, next: Entry | null): void {
    this.mark(HAS_EXTRA, extra !== null)
    const rest = extra === null ? next : next === null ? extra : { extra, next }
    if (rest !== this.rest) this.makeRoom(rest, this.stampHighIfFar)
  }

  /**
   * 0 while it waits in the write buffer: below every real incarnation, so that it loses every tie.
   */
  get incarnation (): number {
    return this.dotIncarnation >>> 0
  }

  /** Whether it speaks of fields that are more than registers. */
  get hasClaims (): boolean {
    const { extra } = this
    return extra !== null && extra.claims.length > 0
  }

  /** Gives an entry that leaves the write buffer its place in the log. */
  setDot (incarnation: number, clock: number): void {
    this.dotIncarnation = incarnation | 0
    this.clock = clock
    const { extra } = this
    if (extra === null) return
    for (const claim of extra.claims) {
      if ('clock' in claim && claim.clock === Infinity) (claim as DottedClaim).clock = clock
    }
  }

  /**
   * Whether a write would come later than this entry, before it has a dot: of equals the entry
   * stands.
   */
  isOlderThan (version: number, stamp: number): boolean {
    const mine = this.version
    return mine === version ? this.stamp < stamp : mine < version
  }

  /**
   * Makes this object the entry of a later write that takes over its record. The entry it was must
   * be out of the log.
   */
  become (
    version: number,
    stamp: number,
    fields: EntryFields,
    clears: boolean,
    extra: Extra | null
  ): void {
    this.fields = fields
    if (extra !== null || this.rest !== null) this.extra = extra
    this.clears = clears
    this.clock = 0
    this.dotIncarnation = 0
    this.moveTo(version, stamp)
  }

  /**
   * The total order of writes: by version, then stamp, then dot. Strict: an entry is not later than
   * itself.
   */
  isLaterThan (other: Entry): boolean {
    const { version, stamp } = this
    if (version !== other.version) return version > other.version
    if (stamp !== other.stamp) return stamp > other.stamp
    if (this.dotIncarnation !== other.dotIncarnation) return this.incarnation > other.incarnation
    return this.clock > other.clock
  }
}
