/**
 * Sets.
 *
 *   add      one element, put into the set by one incarnation; a later add of the same element by
 *            the same incarnation takes its place
 *   remove   takes an add back, and every earlier add of that element by that incarnation. A
 *            removal names only adds it has seen, so an add it had not seen wins against it
 *
 * Source: Bieniusa et al., "An Optimized Conflict-free Replicated Set" (2012).
 */
import { ValueError } from '../errors.js'
import type { Limits } from '../limits.js'
import { isCount, isIncarnation, isNumber } from '../base/shapes.js'
import { describe } from '../base/plain.js'
import { contestBest, difference, latestOf } from './contest.js'
import type { ClaimBase, DottedClaim, FieldKindCells } from './kind.js'

/** An element of a set. */
export type Element = string | number | boolean

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

export interface SetKind {
  readonly claim: AddClaim | RemoveClaim
  readonly operation: {
    readonly kind: 'add' | 'remove',
    readonly field: string,
    readonly element: Element
  }
  /** Each element once, in a fixed order: booleans, numbers, texts; ascending. */
  readonly value: readonly Element[]
}

export const set: FieldKindCells<SetKind> = {
  codes: { add: 1, remove: 2 },
  operations: { add: { repeatable: true }, remove: { repeatable: true } },

  decide: (a, b, aIsLater) =>
    a.of === b.of && a.element === b.element
      ? contestBest(difference(lastWord(a), lastWord(b)), a.epoch - b.epoch, aIsLater)
      : 0,

  encode: claim => claim.kind === 'add' ? [claim.element] : [claim.element, claim.of, claim.clock],

  decode: (kind, tuple, dot, limits) => {
    const [, field, epoch, element, of, clock] = tuple
    if (!isElement(element, limits)) return null
    if (kind === 'add') {
      return tuple.length === 4 ?
        { kind, field, epoch, of: dot.of, clock: dot.clock, element }
        : null
    }
    return tuple.length === 6 && isIncarnation(of) && isCount(clock)
      ? { kind, field, epoch, element, of, clock }
      : null
  },

  check: (kind, field, { element }, limits) => {
    if (Object.is(element, -0)) return { kind, field, element: 0 }
    if (!isElement(element, limits) || (typeof element === 'string' && !element.isWellFormed())) {
      throw new ValueError(
        `set ${field} cannot hold ${describe(element)}: an element is a boolean, ` +
          `a finite number or a text of at most ${limits.maxElementLength} characters`
      )
    }
    return { kind, field, element }
  },

  make: ({ kind, field, element }, before, epoch, { incarnation, nextClock }) =>
    kind === 'add'
      ? [{ kind, field, epoch, of: incarnation, clock: Infinity, element }]
      : before.filter(claim => claim.kind === 'add' && claim.element === element)
        .map(({ of, clock }) => ({
          kind,
          field,
          epoch,
          element,
          of,
          clock: clock === Infinity ? nextClock - 1 : clock
        })),

  read: claims => {
    const elements = new Set<Element>()
    for (const claim of latestOf(claims, nameOf, lastWord)) {
      if (claim.kind === 'add') elements.add(claim.element)
    }
    if (elements.size === 0) return undefined
    return Object.freeze(
      [...elements].sort((a, b) =>
        typeof a === typeof b ? (a < b ? -1 : 1) : typeof a < typeof b ? -1 : 1
      )
    )
  },

  collect: {
    isMute: ({ kind }) => kind === 'remove',
    // A buffered add has no clock yet by which a removal could name it, so the removal takes it out
    // of the buffer.
    takesBack: (claim, old) =>
      claim.kind === 'remove' && old.kind === 'add' && old.clock === Infinity &&
      claim.element === old.element && claim.of === old.of,
    // A removal that names no clock takes back what is buffered, and nothing else.
    isLoggable: ({ kind, clock }) => kind === 'add' || clock >= 0
  },

  nameOf,
  sizeOf: () => 0
}

function nameOf ({ of, element }: AddClaim | RemoveClaim): string {
  return `${of} ${typeof element} ${String(element)}`
}

/** Orders adds and removals of one incarnation: a removal comes right after the add it names. */
function lastWord (claim: AddClaim | RemoveClaim): number {
  return claim.clock * 2 + (claim.kind === 'remove' ? 1 : 0)
}

function isElement (value: unknown, limits: Limits): value is Element {
  return typeof value === 'string'
    ? value.length <= limits.maxElementLength
    : typeof value === 'boolean' || isNumber(value)
}
