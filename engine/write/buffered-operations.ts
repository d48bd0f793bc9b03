/**
 * Operations in the write buffer: adding to a counter, to a set and the like, as claims about
 * fields (claims.ts).
 *
 * Operations on one record share one entry until it is logged, so that a counter that is hammered
 * costs one entry too. That entry is found again by having claims and no dot.
 *
 *   invariants   a record has at most one buffered entry with claims
 */
import type { Claim } from '../fields/kinds.js'
import { Entry, NO_FIELDS } from '../record/entry.js'
import { lastDropped, type Floor } from '../garbage/floor.js'
import type { Operation } from '../fields/kinds.js'
import { claimsFor, fitTogether, loggable, mergeClaims } from '../fields/operations.js'
import type { Limits } from '../limits.js'
import { versionOf } from '../record/reading.js'
import { claimsOf, entriesOf, link, type Index } from '../record/record.js'
import type { Write } from './write.js'

/** Where operations are buffered. */
export interface OperationTarget {
  readonly limits: Limits
  readonly index: Index
  readonly incarnation: number
  /** The clock of the next entry that is logged. */
  readonly nextClock: () => number
  readonly now: () => number
  readonly floor: () => Floor
  /** Logs what is buffered. */
  readonly flush: () => void
  /** Buffers a new entry, and places it in the index. */
  readonly add: (entry: Entry) => void
  /** Buffers an entry that must be logged though it lost. */
  readonly keep: (loser: Entry) => void
  /** Places an entry again that was taken out of the index. */
  readonly readmit: (entry: Entry) => void
  readonly onDead: (entry: Entry) => void
}

/**
 * @param keepLoser log also what an earlier write beats
 * @returns whether it changed anything
 * @throws KindError, LimitError (nothing changed)
 */
export function bufferOperations (
  asked: Write,
  operations: readonly Operation[],
  keepLoser: boolean,
  target: OperationTarget
): boolean {
  const { limits, index, incarnation, nextClock, now, floor, flush, add, keep } = target
  const head = index.get(asked.key)
  // What counts is what it does, not when its writer thinks it is: so it can as well be no older
  // than what it takes the place of.
  const write = head === undefined
    ? asked
    : { ...asked, version: Math.max(asked.version, versionOf(head)) }
  const claims = claimsFor(head, operations, {
    incarnation,
    nextClock: nextClock(),
    now: now(),
    lastDropped: field => lastDropped(floor(), asked.key, field)
  })
  if (claims.length === 0) return false
  const entries = head === undefined ? [] : entriesOf(head)
  const shared = entries.find(entry => entry.incarnation === 0 && entry.hasClaims)
  if (shared !== undefined && !fitTogether(claimsOf(shared), claims, limits)) {
    flush() // so that there is never more than one: a removal must find every buffered add in it
    return bufferOperations(asked, operations, keepLoser, target)
  }
  const copies = loggable(claims).map(claim => ({ ...claim }))
  const entry = shared ?? entryOf(write, claims)
  if (shared === undefined) add(entry)
  else addTo(shared, entries, write, claims, target)
  const survived = claims.filter(claim => claimsOf(entry).includes(claim)).length
  if (keepLoser && survived < claims.length && copies.length > 0) keep(entryOf(write, copies))
  return survived > 0
}

/** Takes a buffered entry out of its record and puts it back with more claims. */
function addTo (
  shared: Entry,
  entries: readonly Entry[],
  write: Write,
  claims: readonly Claim[],
  { index, readmit, onDead }: OperationTarget
): void {
  const rest = entries.filter(entry => entry !== shared)
  if (rest.length === 0) index.delete(shared.key)
  else link(index, rest)
  shared.next = null
  shared.extra = { expires: 0, late: 0, claims: mergeClaims(claimsOf(shared), claims) }
  shared.moveTo(Math.max(shared.version, write.version), Math.max(shared.stamp, write.stamp))
  if (shared.hasClaims) readmit(shared)
  else {
    shared.live = false
    onDead(shared)
  }
}

function entryOf (write: Write, claims: readonly Claim[]): Entry {
  return new Entry(write.key, write.version, write.stamp, NO_FIELDS, false, 0, 0, {
    expires: 0,
    late: 0,
    claims
  })
}
