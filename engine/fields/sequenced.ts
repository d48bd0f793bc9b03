/**
 * Sequenced registers: the value with the greatest sequence number of its source is read, whatever
 * the clocks say. A claim without a value unsets the field.
 */
import { isCount } from '../base/shapes.js'
import { adoptValue } from '../base/adopting.js'
import { describe } from '../base/plain.js'
import { measuredBytes, checkOneValue, type Value } from '../base/values.js'
import { contestBest } from './contest.js'
import type { ClaimBase, FieldKindCells } from './kind.js'

export interface SequencedClaim extends ClaimBase {
  readonly kind: 'sequenced'
  readonly sequence: number
  readonly value: Value | undefined
}

export interface SequencedKind {
  readonly claim: SequencedClaim
  readonly operation: {
    readonly kind: 'sequenced',
    readonly field: string,
    readonly sequence: number,
    /** Without a value it unsets the field. */
    readonly value?: Value
  }
  readonly value: Value
}

export const sequenced: FieldKindCells<SequencedKind> = {
  codes: { sequenced: 5 },
  operations: { sequenced: { repeatable: true } },

  decide: (a, b, aIsLater) => contestBest(a.sequence - b.sequence, a.epoch - b.epoch, aIsLater),

  encode: ({ sequence, value }) => value === undefined ? [sequence] : [sequence, value],

  decode: (kind, tuple, _, limits) => {
    const [, field, epoch, sequence, raw] = tuple
    if (tuple.length > 5 || !isCount(sequence)) return null
    const value = tuple.length === 4 ? undefined : adoptValue(raw, limits)
    return value === undefined && tuple.length === 5
      ? null
      : { kind, field, epoch, sequence, value }
  },

  check: (kind, field, { sequence, value }, limits) => {
    if (!isCount(sequence)) {
      throw new TypeError(
        `the sequence number of field ${field} must be an integer from 0 up, got ${
          describe(sequence)
        }`
      )
    }
    return value === undefined
      ? { kind, field, sequence }
      : { kind, field, sequence, value: checkOneValue(value, field, limits) }
  },

  make: ({ kind, field, sequence, value }, _, epoch) => [{ kind, field, epoch, sequence, value }],

  read: claims =>
    claims.reduce((best, claim) => claim.sequence > best.sequence ? claim : best).value,

  // A sequenced field that was unset stays, too: only its number tells a late event of its source
  // from a new one.
  isMute: () => false,
  nameOf: () => '',
  sizeOf: ({ value }) => measuredBytes(value ?? null)
}
