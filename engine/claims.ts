/**
 * Claims: what an entry says about a field that is more than a register, a counter, set, maximum, minimum or a register
 * ordered by its source's own numbers. Like a register, a claim lives until a later one takes its place:
 *
 *   counter     one claim for each incarnation that ever added: the sum of all it added. The value is the sum of these.
 *   add         one element, put into a set by one incarnation; a later add of the same by the same takes its place
 *   remove      takes an add back, and every earlier one of that incarnation. It names only adds it has seen, so an add
 *               it had not seen wins against it
 *   max, min    the best value wins
 *   sequenced   the greatest sequence number of the source wins, whatever the clocks say; without a value it is a removal
 *
 * Adding up and resetting do not go together unless it is known what was added before the reset. So each claim carries
 * the `epoch` of its field: the version of the delete, replacement or unset it was made after (0 for none). Claims of an
 * older epoch are dead: a delete takes what it had not seen with it, and nothing of that comes back.
 *
 *   invariants   the live claims of a field are of one epoch, that is no older than the record's clear and than the
 *                field's register; which claims live depends only on the set of entries admitted
 *
 * Sources: Shapiro, Preguiça, Baquero, Zawirski, "A comprehensive study of Convergent and Commutative Replicated Data
 * Types" (2011), for the counter; Bieniusa et al., "An Optimized Conflict-free Replicated Set" (2012), for the set.
 */
import type { Value } from './values.js'

/** What a set can hold. */
export type Element = string | number | boolean

interface ClaimBase {
  readonly field: string
  readonly epoch: number
}
/** A claim of the incarnation `of`, made at `clock`; Infinity while it waits in the write buffer. */
interface DottedClaim extends ClaimBase {
  of: number
  clock: number
}
export interface CounterClaim extends DottedClaim { readonly kind: 'counter', total: number }
export interface AddClaim extends DottedClaim { readonly kind: 'add', readonly element: Element }
/** `of` and `clock` name the last add it takes back. */
export interface RemoveClaim extends ClaimBase { readonly kind: 'remove', readonly element: Element, readonly of: number, readonly clock: number }
export interface ExtremeClaim extends ClaimBase { readonly kind: 'max' | 'min', readonly value: number }
export interface SequencedClaim extends ClaimBase { readonly kind: 'sequenced', readonly sequence: number, readonly value: Value | undefined }

export type Claim = CounterClaim | AddClaim | RemoveClaim | ExtremeClaim | SequencedClaim
export type FieldKind = 'register' | 'counter' | 'set' | 'max' | 'min' | 'sequenced'

export const NO_CLAIMS: readonly Claim[] = Object.freeze([])

export function fieldKindOf (claim: Claim): FieldKind {
  return claim.kind === 'add' || claim.kind === 'remove' ? 'set' : claim.kind
}

/**
 * How two claims of different entries stand: 1 when `a` takes the place of `b`, -1 the other way round, 0 when both live.
 * @param aIsLater whether a's entry is later than b's
 */
export function contest (a: Claim, b: Claim, aIsLater: boolean): number {
  if (a.field !== b.field) return 0
  if (a.epoch !== b.epoch) return a.epoch > b.epoch ? 1 : -1
  if (fieldKindOf(a) !== fieldKindOf(b)) return 0 // a mistake of the writers, settled where the field is read
  switch (a.kind) {
    case 'counter': return a.of === (b as CounterClaim).of ? sign(a.clock, (b as CounterClaim).clock, aIsLater) : 0
    case 'add': case 'remove': return contestElement(a, b as AddClaim | RemoveClaim, aIsLater)
    case 'max': return sign(a.value, (b as ExtremeClaim).value, aIsLater)
    case 'min': return sign((b as ExtremeClaim).value, a.value, aIsLater)
    case 'sequenced': return sign(a.sequence, (b as SequencedClaim).sequence, aIsLater)
  }
}

function contestElement (a: AddClaim | RemoveClaim, b: AddClaim | RemoveClaim, aIsLater: boolean): number {
  if (a.of !== b.of || a.element !== b.element) return 0
  if (a.clock === b.clock && a.kind !== b.kind) return a.kind === 'remove' ? 1 : -1
  return sign(a.clock, b.clock, aIsLater)
}

function sign (a: number, b: number, aIsLater: boolean): number {
  return a > b || (a === b && aIsLater) ? 1 : -1
}

/** Whether a clear of this version, or a register of the field, ends the claim. */
export function isEndedBy (claim: Claim, version: number): boolean {
  return claim.epoch < version
}

/** Of fields that writers used as more than one kind, the first of these is what is read. Any order would do. */
const READING_ORDER: readonly FieldKind[] = ['sequenced', 'set', 'counter', 'max', 'min']

/** The kind and value of each field that live claims are about; the value is undefined when there is none (left). */
export function valuesOf (claims: readonly Claim[]): Map<string, { readonly kind: FieldKind, readonly value: Value | undefined }> {
  const byField = new Map<string, Claim[]>()
  for (const claim of claims) {
    const sameField = byField.get(claim.field)
    if (sameField === undefined) byField.set(claim.field, [claim])
    else sameField.push(claim)
  }
  const values = new Map<string, { kind: FieldKind, value: Value | undefined }>()
  for (const [field, sameField] of byField) {
    const kind = READING_ORDER.find(each => sameField.some(claim => fieldKindOf(claim) === each)) as FieldKind
    values.set(field, { kind, value: valueOf(sameField.filter(claim => fieldKindOf(claim) === kind)) })
  }
  return values
}

function valueOf (claims: readonly Claim[]): Value | undefined {
  const first = claims[0] as Claim
  switch (first.kind) {
    case 'counter': return claims.reduce((sum, claim) => sum + (claim as CounterClaim).total, 0)
    case 'add': case 'remove': return elementsOf(claims)
    default: return first.value
  }
}

/** Elements in a fixed order (booleans, numbers, texts; ascending), or undefined when there is none. */
function elementsOf (claims: readonly Claim[]): Value | undefined {
  const elements = new Set<Element>()
  for (const claim of claims) if (claim.kind === 'add') elements.add(claim.element)
  if (elements.size === 0) return undefined
  return Object.freeze([...elements].sort((a, b) => typeof a === typeof b ? (a < b ? -1 : 1) : typeof a < typeof b ? -1 : 1))
}
