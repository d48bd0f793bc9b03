/**
 * Claims: what an entry says about a field that is more than a register (a counter, set, maximum,
 * minimum or a register ordered by the numbers of its source). Like a register, a claim lives until
 * a later one takes its place. How two claims stand to each other depends on their kind: see the
 * cells of each kind (kind.ts) and the registry (kinds.ts).
 *
 * A reset must end exactly the claims that were made before it, on every replica. So each claim
 * carries an `epoch`: the version of the delete, replacement or unset it was made after
 * (0 for none). A delete ends the claims of older epochs: a claim that was made without having seen
 * the delete goes with it, and does not come back. Two claims never end each other for their
 * epochs alone. A writer that has dropped tombstones does not know which epoch was the last one,
 * and may give its claims an epoch later than it had to be.
 *
 *   invariants   the live claims of a field have epochs no older than the record's clear and than
 *                the field's register; which claims live depends only on the set of entries
 *                admitted
 */
import type { Claim, FieldKind } from './kinds.js'
import { kindOf, type Kind } from './lookup.js'
import type { Value } from '../base/values.js'

export const NO_CLAIMS: readonly Claim[] = Object.freeze([])

/** Whether two claims are about one field, and use it as one kind. */
export function areComparable (a: Claim, b: Claim): boolean {
  return a.field === b.field && kindOf(a) === kindOf(b)
}

/**
 * How two claims of different entries stand: 1 when `a` takes the place of `b`, -1 the other way
 * round, 0 when both live. Claims of different kinds both live: writers used the field in different
 * ways by mistake, which is settled where the field is read.
 * @param aIsLater whether the entry of `a` is later than that of `b`
 */
export function contest (a: Claim, b: Claim, aIsLater: boolean): number {
  return areComparable(a, b) ? kindOf(a).decide(a, b, aIsLater) : 0
}

/** Whether a clear of this version, or a register of the field, ends the claim. */
export function isEndedBy (claim: Claim, version: number): boolean {
  return claim.epoch < version
}

/** The outcome of the live claims about one field. */
export interface Claimed {
  readonly kind: FieldKind
  /** Undefined when there is none (left). */
  readonly value: Value | undefined
}

/** The kind and value of each field that live claims are about. */
export function valuesOf (claims: readonly Claim[]): Map<string, Claimed> {
  const byField = new Map<string, Claim[]>()
  for (const claim of claims) {
    const sameField = byField.get(claim.field)
    if (sameField === undefined) byField.set(claim.field, [claim])
    else sameField.push(claim)
  }
  const values = new Map<string, Claimed>()
  for (const [field, sameField] of byField) {
    const kind = kindRead(sameField)
    values.set(field, {
      kind: kind.name,
      value: kind.read(sameField.filter(claim => kindOf(claim) === kind))
    })
  }
  return values
}

/** Of the kinds that writers used a field as, the first one in the order of reading. */
function kindRead (claims: readonly Claim[]): Kind {
  let first = kindOf(claims[0] as Claim)
  for (const claim of claims) {
    const kind = kindOf(claim)
    if (kind.rank < first.rank) first = kind
  }
  return first
}
