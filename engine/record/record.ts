/**
 * A record: the live entries of one key, and how a new entry takes its place among them.
 *
 * The index maps a key to its first live entry; the others hang behind it in ascending order.
 * Nearly every record is one entry, so the common case, a later write of the same fields, has a
 * short way.
 *
 *   entry with fields    takes each field from older entries; when it clears, everything older
 *   entry with claims    is held against the claims, registers and clears of the others (claims.ts)
 *
 *   invariants   entries of a record share no field name, unless as register and as claim; an entry
 *                is live iff it wins a field, has a live claim, or is the latest clear; at most one
 *                entry of a record clears; the outcome depends only on the set of entries admitted
 */
import { contest, isEndedBy, NO_CLAIMS } from '../fields/claims.js'
import type { Claim } from '../fields/kinds.js'
import { kindOf } from '../fields/lookup.js'
import { NO_FIELDS, type Entry, type EntryFields } from './entry.js'
import type { Value } from '../base/values.js'

export type Index = Map<string, Entry>

export interface AdmitSinks {
  /** Takes each entry that is dead from now on, the new one included. */
  onDead(dead: Entry): void
  /** A field was used as more than one kind. Every replica gives up the same use. */
  onKindConflict(key: string, field: string): void
}

/** Places `entry` among those of its record. */
export function admit (index: Index, entry: Entry, sinks: AdmitSinks): void {
  const head = index.get(entry.key)
  if (head === undefined) {
    index.set(entry.key, entry)
    return
  }
  entry.key = head.key // so that its own, equal string can be collected while it is young
  if (
    !entry.hasClaims && entry.isLaterThan(head) && replacesAll(head, entry.fields, entry.clears)
  ) {
    index.set(entry.key, entry)
    bury(head, sinks)
    return
  }
  admitSlowly(index, head, entry, sinks)
}

/**
 * Whether a later write of these fields leaves nothing of the record: the write clears, or has
 * every field of the record's only entry.
 */
export function replacesAll (head: Entry, fields: EntryFields, clears: boolean): boolean {
  return head.next === null && !head.hasClaims &&
    (clears || (!head.clears && coversNames(fields, head.fields)))
}

function admitSlowly (index: Index, head: Entry, entry: Entry, sinks: AdmitSinks): void {
  for (let other: Entry | null = head; other !== null && !entry.hasClaims; other = other.next) {
    // A pending delete and its retry tie, so neither is later: the retry is buried too.
    if (other.clears && !entry.isLaterThan(other)) {
      bury(entry, sinks)
      return
    }
  }
  const entries = entriesOf(head)
  for (const other of entries) meet(entry, other, sinks)
  const survivors = entries.filter(other => {
    if (holdsSomething(other)) return true
    bury(other, sinks)
    return false
  })
  if (holdsSomething(entry)) {
    const at = survivors.findIndex(other => other.isLaterThan(entry))
    survivors.splice(at === -1 ? survivors.length : at, 0, entry)
  } else bury(entry, sinks)
  link(index, survivors)
}

/** Takes from each of two entries what the other wins. */
function meet (entry: Entry, other: Entry, sinks: AdmitSinks): void {
  if (entry.hasClaims) {
    if (other.hasClaims) meetClaims(entry, other, sinks)
    else endClaims(entry, other, sinks)
  } else if (other.hasClaims) endClaims(other, entry, sinks)
  else if (!entry.isLaterThan(other)) entry.fields = without(entry.fields, other.fields)
  else if (entry.clears) {
    other.fields = NO_FIELDS
    other.clears = false
  } else other.fields = without(other.fields, entry.fields)
}

function meetClaims (a: Entry, b: Entry, sinks: AdmitSinks): void {
  const aIsLater = a.isLaterThan(b)
  const lostByA = new Set<Claim>()
  const lostByB = new Set<Claim>()
  for (const mine of claimsOf(a)) {
    for (const theirs of claimsOf(b)) {
      const outcome = contest(mine, theirs, aIsLater)
      if (outcome > 0) lostByB.add(theirs)
      else if (outcome < 0) lostByA.add(mine)
      else if (mine.field === theirs.field && kindOf(mine) !== kindOf(theirs)) {
        sinks.onKindConflict(a.key, mine.field)
      }
    }
  }
  keepClaims(a, claim => !lostByA.has(claim))
  keepClaims(b, claim => !lostByB.has(claim))
}

/** Takes the claims that a clear, or a register of the same field, ends. */
function endClaims (withClaims: Entry, register: Entry, sinks: AdmitSinks): void {
  const { version, clears, fields } = register
  keepClaims(withClaims, claim => {
    const meets = Object.hasOwn(fields, claim.field)
    if (meets && fields[claim.field] !== undefined) {
      sinks.onKindConflict(withClaims.key, claim.field)
    }
    return !((clears || meets) && isEndedBy(claim, version))
  })
}

function keepClaims (entry: Entry, keep: (claim: Claim) => boolean): void {
  const { extra } = entry
  if (extra === null) return
  const kept = extra.claims.filter(keep)
  if (kept.length < extra.claims.length) extra.claims = kept
}

function holdsSomething (entry: Entry): boolean {
  return entry.clears || entry.fields !== NO_FIELDS || entry.hasClaims
}

export function entriesOf (head: Entry): Entry[] {
  const entries: Entry[] = []
  for (let entry: Entry | null = head; entry !== null; entry = entry.next) entries.push(entry)
  return entries
}

export function claimsOf (entry: Entry): readonly Claim[] {
  return entry.extra?.claims ?? NO_CLAIMS
}

/** Chains the live entries of one record. There is at least one: a loser always has a winner. */
export function link (index: Index, entries: readonly Entry[]): void {
  const [first] = entries
  if (first === undefined) throw new Error('a record lost all its entries at once')
  index.set(first.key, first)
  entries.forEach((entry, i) => {
    entry.next = entries[i + 1] ?? null
  })
}

/** Puts the entries of a record in order again, after one of them was given its dot. */
export function sort (index: Index, key: string): void {
  link(index, entriesOf(index.get(key) as Entry).sort((a, b) => a.isLaterThan(b) ? 1 : -1))
}

function bury (entry: Entry, sinks: AdmitSinks): void {
  entry.live = false
  entry.fields = NO_FIELDS // frees the values, even if the entry is still referred to
  entry.next = null
  sinks.onDead(entry)
}

function coversNames (winner: EntryFields, loser: EntryFields): boolean {
  for (const name in loser) if (!Object.hasOwn(winner, name)) return false
  return true
}

/**
 * `fields` without those that `taken` has: the same object when none is taken, NO_FIELDS when none
 * is left.
 */
function without (fields: EntryFields, taken: EntryFields): EntryFields {
  const left: Record<string, Value | undefined> = {}
  let kept = 0
  let lost = 0
  for (const name in fields) {
    if (Object.hasOwn(taken, name)) lost++
    else {
      left[name] = fields[name]
      kept++
    }
  }
  if (lost === 0) return fields
  return kept === 0 ? NO_FIELDS : left
}
