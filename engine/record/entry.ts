/**
 * An entry: one write as it stands in a shard's log. Its dot (incarnation, clock) is its identity;
 * its version decides which fields it wins.
 *
 *   version   the time of the write: its event time, or the writer's clock
 *   stamp     when the write entered, by the writer's clock. It orders writes of equal version, so
 *             that of two events with the same event time the one written later wins. Version and
 *             stamp are given once and travel with every retry
 *
 * An entry holds exactly the fields it wins, or claims about fields that are more than registers
 * (claims.ts). When a later entry wins a field, the field leaves the older entry at once. An entry
 * that has lost all its fields, and hides nothing, is dead. Each replica does this by itself and
 * comes to the same result, so superseding is never sent.
 */
import type { DottedClaim } from '../fields/kind.js'
import type { Claim } from '../fields/kinds.js'
import type { Value } from '../base/values.js'

/** Registers. One that was unset has the value undefined, because it hides older values. */
export type EntryFields = { readonly [name: string]: Value | undefined }

export const NO_FIELDS: { readonly [name: string]: never } = Object.freeze({})

/** Properties that only few entries have. */
export interface Extra {
  /** The version-time from which on its fields read as absent; 0 for never. */
  readonly expires: number
  /**
   * The version-time of the event, where the entry's version was raised above tombstones that were
   * dropped (late-writes.ts); otherwise 0.
   */
  readonly late: number
  /**
   * Claims about fields that are more than registers. An entry with claims has no fields and does
   * not clear.
   */
  claims: readonly Claim[]
}

/**
 * There are millions of entries, so an entry takes only 80 bytes. Large numbers are kept as halves
 * of 32 bits, which V8 stores in the object itself. A larger number would be an object of its own,
 * to be allocated, visited by the garbage collector and fetched for each comparison. The upper
 * halves have 21 bits, and share a property:
 *
 *   highs     versionHigh (21) | lag (7) | marks (4)
 *   lag       stampHigh - versionHigh, in units of 71 minutes. Only a write that entered days after
 *             its event is FAR
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

/** Hangs behind an entry that has an extra and a next entry. */
interface Both {
  readonly extra: Extra
  readonly next: Entry
}

function isBoth (rest: Extra | Both): rest is Both {
  return 'next' in rest
}

export class Entry {
  /** First, to lie in one line of the processor's cache with the pointer to the object's class. */
  private held: EntryFields
  /** All entries of a record share one string object: admit() gives it to each. */
  key: string
  clock: number
  private dotIncarnation: number
  private highs: number
  private versionLow: number
  private stampLow: number
  /**
   * The next entry of the record, or an extra, or both. Nearly all entries have neither. They read
   * the null of the prototype, which takes no room in the object.
   */
  declare private rest: Entry | Extra | Both | null
  /** Only of entries that are FAR. It takes no room in the others either. */
  declare private stampHighIfFar: number

  static {
    this.prototype.rest = null
    this.prototype.stampHighIfFar = 0
    // V8 learns from the first few objects of a class how large its objects are. These are as small
    // as nearly all others.
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

  /** Its fields for readers: not a copy, but frozen when they are first asked for. */
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

  /** Gives a pending entry another version and stamp. */
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

  /** Sets both properties at once, so that V8 sees two shapes of objects instead of five. */
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

  /** Whether its fields are all there is of its record. */
  get isPlain (): boolean {
    return this.rest === null
  }

  /** Null unless the entry expires, is late, unsets a field or has claims. */
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
   * 0 while the entry is pending: below every real incarnation, so that it loses every tie.
   */
  get incarnation (): number {
    return this.dotIncarnation >>> 0
  }

  /** Whether it has claims about fields that are more than registers. */
  get hasClaims (): boolean {
    const { extra } = this
    return extra !== null && extra.claims.length > 0
  }

  /** Gives a pending entry its place in the log. */
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
   * Whether a write that has no dot yet is later than this entry. If version and stamp are equal,
   * it is not.
   */
  isOlderThan (version: number, stamp: number): boolean {
    const mine = this.version
    return mine === version ? this.stamp < stamp : mine < version
  }

  /**
   * Makes this object the entry of a later write that replaces the record. The log must not hold
   * the old entry any more.
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
