/**
 * Claims: what an entry says about a field that is more than a register, a counter, set, maximum,
 * minimum or a register ordered by its source's own numbers. Like a register, a claim lives until a
 * later one takes its place:
 *
 *   counter     one claim for each incarnation that ever added: the sum of all it added. The value
 *               is the sum of these.
 *   add         one element, put into a set by one incarnation; a later add of the same by the same
 *               takes its place
 *   remove      takes an add back, and every earlier one of that incarnation. It names only adds it
 *               has seen, so an add it had not seen wins against it
 *   max, min    the best value wins
 *   sequenced   the greatest sequence number of the source wins, whatever the clocks say; without a
 *               value it is a removal
 *
 * Adding up and resetting do not go together unless it is known what was added before the reset. So
 * each claim carries an `epoch`: the version of the delete, replacement or unset it was made after
 * (0 for none). A delete ends the claims of older epochs: it takes what had not seen it with it,
 * and nothing of that comes back. Claims do not end each other for their epochs, because a writer's
 * epoch can be later than needed: one that has dropped tombstones no longer knows which it was.
 *
 *   invariants   the live claims of a field have epochs no older than the record's clear and than
 *                the field's register; which claims live depends only on the set of entries
 *                admitted
 *
 * Sources: Shapiro, Preguiça, Baquero, Zawirski, "A comprehensive study of Convergent and
 * Commutative Replicated Data Types" (2011), for the counter; Bieniusa et al., "An Optimized
 * Conflict-free Replicated Set" (2012), for the set.
 */
import type { Value } from '../base/values.js'

/** What a set can hold. */
export type Element = string | number | boolean

interface ClaimBase {
  readonly field: string
  readonly epoch: number
}
/**
 * A claim of the incarnation `of`, made at `clock`; Infinity while it waits in the write buffer.
 */
interface DottedClaim extends ClaimBase {
  of: number
  clock: number
}
export interface CounterClaim extends DottedClaim {
  readonly kind: 'counter'
  total: number
}
export interface AddClaim extends DottedClaim {
  readonly kind: 'add'
  readonly element: Element
}
/** `of` and `clock` name the last add it takes back. */
export interface RemoveClaim extends ClaimBase {
  readonly kind: 'remove'
  readonly element: Element
  readonly of: number
  readonly clock: number
}
export interface ExtremeClaim extends ClaimBase {
  readonly kind: 'max' | 'min'
  readonly value: number
}
export interface SequencedClaim extends ClaimBase {
  readonly kind: 'sequenced'
  readonly sequence: number
  readonly value: Value | undefined
}

export type Claim = CounterClaim | AddClaim | RemoveClaim | ExtremeClaim | SequencedClaim
export type FieldKind = 'register' | 'counter' | 'set' | 'max' | 'min' | 'sequenced'

export const NO_CLAIMS: readonly Claim[] = Object.freeze([])

export function fieldKindOf (claim: Claim): FieldKind {
  return claim.kind === 'add' || claim.kind === 'remove' ? 'set' : claim.kind
}

/**
 * How two claims of different entries stand: 1 when `a` takes the place of `b`, -1 the other way
 * round, 0 when both live.
 * @param aIsLater whether a's entry is later than b's
 */
export function contest (a: Claim, b: Claim, aIsLater: boolean): number {
  if (a.field !== b.field) return 0
  // a mistake of the writers, settled where the field is read
  if (fieldKindOf(a) !== fieldKindOf(b)) return 0
  switch (a.kind) {
    case 'counter':
      return a.of === (b as CounterClaim).of
        ? contestBest(difference(a.clock, (b as CounterClaim).clock), a.epoch - b.epoch, aIsLater)
        : 0
    case 'add':
    case 'remove':
      return contestElement(a, b as AddClaim | RemoveClaim, aIsLater)
    case 'max':
      return contestBest(a.value - (b as ExtremeClaim).value, a.epoch - b.epoch, aIsLater)
    case 'min':
      return contestBest((b as ExtremeClaim).value - a.value, a.epoch - b.epoch, aIsLater)
    case 'sequenced':
      return contestBest(a.sequence - (b as SequencedClaim).sequence, a.epoch - b.epoch, aIsLater)
  }
}

/**
 * Whatever is better in itself takes the place of another only if no reset can end it before that:
 * else both live, and the better is read.
 */
function contestBest (better: number, epoch: number, aIsLater: boolean): number {
  if (better === 0) return epoch === 0 ? (aIsLater ? 1 : -1) : Math.sign(epoch)
  return better > 0 === epoch >= 0 || epoch === 0 ? Math.sign(better) : 0
}

function contestElement (
  a: AddClaim | RemoveClaim,
  b: AddClaim | RemoveClaim,
  aIsLater: boolean
): number {
  if (a.of !== b.of || a.element !== b.element) return 0
  return contestBest(difference(lastWord(a), lastWord(b)), a.epoch - b.epoch, aIsLater)
}

/** Orders adds and removals of one incarnation: a removal comes right after the add it names. */
function lastWord (claim: AddClaim | RemoveClaim): number {
  return claim.clock * 2 + (claim.kind === 'remove' ? 1 : 0)
}

/** Also of two clocks that are still Infinity. */
function difference (a: number, b: number): number {
  return a === b ? 0 : a - b
}

/** Whether a clear of this version, or a register of the field, ends the claim. */
export function isEndedBy (claim: Claim, version: number): boolean {
  return claim.epoch < version
}

/**
 * Of fields that writers used as more than one kind, the first of these is what is read. Any order
 * would do.
 */
const READING_ORDER: readonly FieldKind[] = ['sequenced', 'set', 'counter', 'max', 'min']

/**
 * The kind and value of each field that live claims are about; the value is undefined when there is
 * none (left).
 */
export function valuesOf (
  claims: readonly Claim[]
): Map<string, { readonly kind: FieldKind, readonly value: Value | undefined }> {
  const byField = new Map<string, Claim[]>()
  for (const claim of claims) {
    const sameField = byField.get(claim.field)
    if (sameField === undefined) byField.set(claim.field, [claim])
    else sameField.push(claim)
  }
  const values = new Map<string, { kind: FieldKind, value: Value | undefined }>()
  for (const [field, sameField] of byField) {
    const kind = READING_ORDER.find(each =>
      sameField.some(claim => fieldKindOf(claim) === each)
    ) as FieldKind
    values.set(field, {
      kind,
      value: valueOf(sameField.filter(claim => fieldKindOf(claim) === kind))
    })
  }
  return values
}

function valueOf (claims: readonly Claim[]): Value | undefined {
  const first = claims[0] as Claim
  switch (first.kind) {
    case 'counter':
      return latestOf(
        claims as readonly CounterClaim[],
        ({ of }) => String(of),
        ({ clock }) => clock
      ).reduce((sum, { total }) => sum + total, 0)
    case 'add':
    case 'remove':
      return elementsOf(claims)
    case 'sequenced':
      return (claims as readonly SequencedClaim[]).reduce((best, claim) =>
        claim.sequence > best.sequence ? claim : best
      ).value
    case 'max':
      return Math.max(...(claims as readonly ExtremeClaim[]).map(({ value }) => value))
    case 'min':
      return Math.min(...(claims as readonly ExtremeClaim[]).map(({ value }) => value))
  }
}

function latestOf<T extends Claim> (
  claims: readonly T[],
  nameOf: (claim: T) => string,
  rankOf: (claim: T) => number
): T[] {
  const latest = new Map<string, T>()
  for (const claim of claims) {
    const known = latest.get(nameOf(claim))
    if (known === undefined || rankOf(claim) > rankOf(known)) latest.set(nameOf(claim), claim)
  }
  return [...latest.values()]
}

/**
 * Elements in a fixed order (booleans, numbers, texts; ascending), or undefined when there is none.
 */
function elementsOf (claims: readonly Claim[]): Value | undefined {
  const elements = new Set<Element>()
  const last = latestOf(
    claims as ReadonlyArray<AddClaim | RemoveClaim>,
    ({ of, element }) => `${of} ${typeof element} ${String(element)}`,
    lastWord
  )
  for (const claim of last) if (claim.kind === 'add') elements.add(claim.element)
  if (elements.size === 0) return undefined
  return Object.freeze(
    [...elements].sort((a, b) =>
      typeof a === typeof b ? (a < b ? -1 : 1) : typeof a < typeof b ? -1 : 1
    )
  )
}
