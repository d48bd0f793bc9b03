/**
 * Operations on fields that are more than registers, and the claims they turn into where they
 * enter: the meaning of an operation depends on what this replica has seen (the total so far, the
 * adds a removal takes back, the epoch).
 *
 * Operations on one record between two flushes share one pending entry, so a hammered counter
 * costs one entry.
 */
import { KindError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Entry } from '../record/entry.js'
import { kindIn } from '../record/reading.js'
import { claimsOf, entriesOf } from '../record/record.js'
import { contest } from './claims.js'
import type { ClaimWriter } from './kind.js'
import type { Claim, Operation } from './kinds.js'
import { kindOf, kindOfOperation, type Kind } from './lookup.js'

/**
 * The claims of operations on the record at `head`, held against each other already.
 * @throws KindError when a field is of another kind, LimitError when a counter leaves the safe
 *   integers; nothing changed
 */
export function claimsFor (
  head: Entry | undefined,
  operations: readonly Operation[],
  writer: ClaimWriter
): Claim[] {
  let made: Claim[] = []
  for (const operation of operations) {
    const { field } = operation
    const kind = kindOfOperation(operation.kind)
    assertKind(head, field, kind, writer.now)
    const known = claimsAbout(head, field)
    const before = [...known, ...made.filter(claim => claim.field === field)]
    const epoch = epochOf(head, field, writer.lastDropped(field), known)
    if (writer.version < epoch) continue // a reset came after it, and ended it
    const sameKind = before.filter(claim => kindOf(claim) === kind)
    for (const next of kind.make(operation, sameKind, epoch, writer)) {
      if (made.some(other => contest(next, other, true) < 0)) continue
      made = [...made.filter(other => contest(next, other, true) <= 0), next]
    }
  }
  return made
}

function claimsAbout (head: Entry | undefined, field: string): Claim[] {
  if (head === undefined) return []
  return entriesOf(head).flatMap(entry => claimsOf(entry).filter(claim => claim.field === field))
}

/**
 * The epoch that a claim about the field is made in: the latest reset that is known here. An
 * operation that was dated before it is ended by it (SPEC E18).
 * @param dropped a version that no dropped tombstone of the field exceeds
 * @param known the live claims about the field
 */
export function epochOf (
  head: Entry | undefined,
  field: string,
  dropped: number,
  known: readonly Claim[] = claimsAbout(head, field)
): number {
  return known.reduce(
    (latest, claim) => Math.max(latest, claim.epoch),
    Math.max(dropped, head === undefined ? 0 : lastReset(head, field))
  )
}

function assertKind (head: Entry | undefined, field: string, { name }: Kind, now: number): void {
  const known = head === undefined ? undefined : kindIn(head, field, now)
  if (known !== undefined && known !== name) {
    throw new KindError(
      `field ${field} is a ${known} and cannot be used as a ${name}; unset it first, or use ` +
        'another field'
    )
  }
}

/**
 * The version of the latest delete, replacement, unset or register that claims about the field have
 * to be newer than.
 */
function lastReset (head: Entry, field: string): number {
  let latest = 0
  for (const entry of entriesOf(head)) {
    if (entry.clears || Object.hasOwn(entry.fields, field)) {
      latest = Math.max(latest, entry.version)
    }
  }
  return latest
}

/** Whether one entry can hold both. */
export function fitTogether (a: readonly Claim[], b: readonly Claim[], limits: Limits): boolean {
  if (a.length + b.length > limits.maxClaimsPerEntry) return false
  let bytes = 0
  for (const claim of a) bytes += kindOf(claim).sizeOf(claim)
  for (const claim of b) bytes += kindOf(claim).sizeOf(claim)
  return bytes <= limits.maxSequencedBytes
}

/** The claims of a pending entry once `made` is added to it. */
export function mergeClaims (pending: readonly Claim[], made: readonly Claim[]): Claim[] {
  const kept = pending.filter(old => !made.some(claim => contest(claim, old, true) > 0))
  return [...kept, ...made.filter(claim => !pending.some(old => contest(old, claim, false) > 0))]
}
