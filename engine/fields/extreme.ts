/** Maxima and minima: of all values that were given, the greatest or the least is read. */
import { isNumber } from '../base/shapes.js'
import { numberOf } from './arguments.js'
import { contestBest } from './contest.js'
import type { ClaimBase, FieldKindCells } from './kind.js'

export interface ExtremeClaim<K extends 'max' | 'min'> extends ClaimBase {
  readonly kind: K
  readonly value: number
}

export interface ExtremeKind<K extends 'max' | 'min'> {
  readonly claim: ExtremeClaim<K>
  readonly operation: { readonly kind: K, readonly field: string, readonly value: number }
  readonly value: number
}

export const max: FieldKindCells<ExtremeKind<'max'>> = {
  ...bounds((a, b) => a - b),
  codes: { max: 3 },
  operations: { max: { repeatable: true } }
}

export const min: FieldKindCells<ExtremeKind<'min'>> = {
  ...bounds((a, b) => b - a),
  codes: { min: 4 },
  operations: { min: { repeatable: true } }
}

/** The cells that both share, but for which of two values is better. */
function bounds<K extends 'max' | 'min'> (
  better: (a: number, b: number) => number
): Omit<FieldKindCells<ExtremeKind<K>>, 'codes' | 'operations'> {
  return {
    decide: (a, b, aIsLater) => contestBest(better(a.value, b.value), a.epoch - b.epoch, aIsLater),

    encode: ({ value }) => [value],

    decode: (kind, tuple) => {
      const [, field, epoch, value] = tuple
      return tuple.length === 4 && isNumber(value) ? { kind, field, epoch, value } : null
    },

    check: (kind, field, { value }) => ({ kind, field, value: numberOf(value, field) }),

    make: ({ kind, field, value }, _, epoch) => [{ kind, field, epoch, value }],

    read: claims =>
      claims.reduce(
        (best, { value }) => better(value, best) > 0 ? value : best,
        (claims[0] as ExtremeClaim<K>).value
      ),

    isMute: () => false,
    nameOf: () => '',
    sizeOf: () => 0
  }
}
