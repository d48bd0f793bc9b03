/**
 * Sets.
 *
 *   add      one element, put into the set by one writer; a later add of the same element by the
 *            same writer takes its place
 *   remove   takes an add back, and every earlier add of that element by that writer. A removal
 *            names only adds it has seen, so an add it had not seen wins against it
 *
 * An add is told by the process life in which it entered and its number there, and not by the owner
 * that took it. So the copies of one add that several owners took are one claim, and the removal of
 * one takes back the others, wherever and whenever they were taken.
 *
 * Source: Bieniusa et al., "An Optimized Conflict-free Replicated Set" (2012).
 */
import { ValueError } from '../errors.js'
import type { Limits } from '../limits.js'
import { isCount, isIncarnation, isNumber } from '../base/shapes.js'
import { describe } from '../base/plain.js'
import { contestBest, latestOf } from './contest.js'
import type { ClaimBase, FieldKindCells } from './kind.js'

/** An element of a set. */
export type Element = string | number | boolean

export interface SetClaim extends ClaimBase {
  readonly kind: 'add' | 'remove'
  readonly element: Element
  /** The writer of the add, and its number there: of a removal, of the last add it takes back. */
  readonly writer: number
  readonly sequence: number
}

export interface SetKind {
  readonly claim: SetClaim
  readonly operation: {
    readonly kind: 'add' | 'remove',
    readonly field: string,
    readonly element: Element
  }
  /** Each element once, in a fixed order: booleans, numbers, texts; ascending. */
  readonly value: readonly Element[]
}

export const set: FieldKindCells<SetKind> = {
  codes: { add: 6, remove: 7 }, // 1 and 2 told an add by the log of its owner
  operations: { add: { repeatable: true }, remove: { repeatable: true } },

  decide: (a, b, aIsLater) =>
    a.writer === b.writer && a.element === b.element
      ? contestBest(lastWord(a, b), a.epoch - b.epoch, aIsLater)
      : 0,

  encode: ({ element, writer, sequence }) => [element, writer, sequence],

  decode: (kind, tuple, _, limits) => {
    const [, field, epoch, element, writer, sequence] = tuple
    return tuple.length === 6 && isElement(element, limits) && isIncarnation(writer) &&
        isCount(sequence)
      ? { kind, field, epoch, element, writer, sequence }
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

  make: ({ kind, field, element }, before, epoch, { writer, sequence }) =>
    kind === 'add'
      ? [{ kind, field, epoch, element, writer, sequence }]
      : before.filter(claim => claim.kind === 'add' && claim.element === element)
        .map(seen => ({
          kind,
          field,
          epoch,
          element,
          writer: seen.writer,
          sequence: seen.sequence
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

  isMute: ({ kind }) => kind === 'remove',
  nameOf,
  sizeOf: () => 0
}

function nameOf ({ writer, element }: SetClaim): string {
  return `${writer} ${typeof element} ${String(element)}`
}

/** Above 0 where `a` has the last word: a removal comes right after the add that it names. */
function lastWord (a: SetClaim, b: SetClaim): number {
  return a.sequence - b.sequence || Number(a.kind === 'remove') - Number(b.kind === 'remove')
}

function isElement (value: unknown, limits: Limits): value is Element {
  return typeof value === 'string'
    ? value.length <= limits.maxElementLength
    : typeof value === 'boolean' || isNumber(value)
}
