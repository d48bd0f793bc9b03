/**
 * Operations in the write buffer: adding to a counter, to a set and the like, as claims about
 * fields (claims.ts).
 *
 * Operations on one record share one entry until that entry is logged, so a hammered counter costs
 * one entry too. The shared entry is the one that has claims and no dot.
 *
 *   invariants   a record has at most one pending entry with claims
 */
import type { Claim } from '../fields/kinds.js'
import { Entry, NO_FIELDS } from '../record/entry.js'
import { lastDropped } from '../garbage/floor.js'
import type { Operation } from '../fields/kinds.js'
import { claimsFor, fitTogether, mergeClaims } from '../fields/operations.js'
import { versionOf } from '../record/reading.js'
import { claimsOf, entriesOf, link } from '../record/record.js'
import { flush } from './flushing.js'
import type { ShardState } from '../shard-state.js'
import type { Write } from './write.js'

/**
 * @param keepLoser log also what an earlier write beats
 * @returns whether it changed anything
 * @throws KindError, LimitError (nothing changed)
 */
export function bufferOperations (
  state: ShardState,
  asked: Write,
  operations: readonly Operation[],
  keepLoser: boolean
): boolean {
  const { limits, index, incarnation, floor, pending } = state
  const head = index.get(asked.key)
  // Claims decide by what they say, not by the version of their entry. So the version can be raised
  // to that of the record, which then never goes back because of one writer's clock.
  const write = head === undefined
    ? asked
    : { ...asked, version: Math.max(asked.version, versionOf(head)) }
  const claims = claimsFor(head, operations, {
    incarnation,
    writer: asked.entered?.writer ?? incarnation,
    sequence: asked.entered?.sequence ?? asked.stamp,
    version: asked.version,
    now: state.now(),
    lastDropped: field => lastDropped(floor, asked.key, field)
  })
  if (claims.length === 0) return false
  const entries = head === undefined ? [] : entriesOf(head)
  const shared = entries.find(entry => entry.incarnation === 0 && entry.hasClaims)
  if (shared !== undefined && !fitTogether(claimsOf(shared), claims, limits)) {
    // A removal must find every pending add of the record in one entry.
    flush(state)
    return bufferOperations(state, asked, operations, keepLoser)
  }
  const copies = claims.map(claim => ({ ...claim }))
  const entry = shared ?? entryOf(write, claims)
  if (shared === undefined) {
    pending.add(entry)
    state.admit(entry)
  } else addTo(state, shared, entries, write, claims)
  const survived = claims.filter(claim => claimsOf(entry).includes(claim)).length
  if (keepLoser && survived < claims.length) {
    pending.keep(entryOf(write, copies))
  }
  return survived > 0
}

/** Takes a pending entry out of its record and puts it back with more claims. */
function addTo (
  state: ShardState,
  shared: Entry,
  entries: readonly Entry[],
  write: Write,
  claims: readonly Claim[]
): void {
  const rest = entries.filter(entry => entry !== shared)
  if (rest.length === 0) state.index.delete(shared.key)
  else link(state.index, rest)
  shared.next = null
  shared.extra = { expires: 0, late: 0, claims: mergeClaims(claimsOf(shared), claims) }
  shared.moveTo(Math.max(shared.version, write.version), Math.max(shared.stamp, write.stamp))
  if (shared.hasClaims) state.readmit(shared)
  else {
    shared.live = false
    state.onDead(shared)
  }
}

function entryOf (write: Write, claims: readonly Claim[]): Entry {
  return new Entry(write.key, write.version, write.stamp, NO_FIELDS, false, 0, 0, {
    expires: 0,
    late: 0,
    claims
  })
}
