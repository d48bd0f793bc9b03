/**
 * Counters. Each incarnation that ever added has one live claim: the sum of all that it added. The
 * value is the sum of these, so a counter costs one claim for each writer's life, however often it
 * is incremented.
 *
 * Source: Shapiro, Preguiça, Baquero, Zawirski, "A comprehensive study of Convergent and
 * Commutative Replicated Data Types" (2011).
 */
import { LimitError } from '../errors.js'
import { isNumber } from '../base/shapes.js'
import { numberOf } from './arguments.js'
import { contestBest, difference, latestOf } from './contest.js'
import type { DottedClaim, FieldKindCells } from './kind.js'

export interface CounterClaim extends DottedClaim {
  readonly kind: 'counter'
  total: number
}

export interface CounterKind {
  readonly claim: CounterClaim
  readonly operation: { readonly kind: 'increment', readonly field: string, readonly by: number }
  readonly value: number
}

export const counter: FieldKindCells<CounterKind> = {
  codes: { counter: 0 },
  operations: { increment: { repeatable: false } },

  decide: (a, b, aIsLater) =>
    a.of === b.of
      ? contestBest(difference(a.clock, b.clock), a.epoch - b.epoch, aIsLater)
      : 0,

  encode: ({ total }) => [total],

  decode: (kind, tuple, { of, clock }) => {
    const [, field, epoch, total] = tuple
    return tuple.length === 4 && isNumber(total) ? { kind, field, epoch, of, clock, total } : null
  },

  check: (kind, field, { by }) => ({ kind, field, by: numberOf(by, field) }),

  make: ({ field, by }, before, epoch, { incarnation }) => {
    const own = before.filter(({ of }) => of === incarnation).sort((a, b) => b.clock - a.clock)[0]
    const total = (own?.total ?? 0) + by
    if (Math.abs(total) > Number.MAX_SAFE_INTEGER) {
      throw new LimitError(`counter ${field} would leave the range of safe integers with ${by}`)
    }
    return [{
      kind: 'counter',
      field,
      // A total goes on in its own epoch: a reset that had not been seen ends all of it, not just a
      // part.
      epoch: own?.epoch ?? epoch,
      of: incarnation,
      clock: Infinity,
      total: total === 0 ? 0 : total // -0 would read back as 0
    }]
  },

  read: claims =>
    latestOf(claims, ({ of }) => String(of), (a, b) => difference(a.clock, b.clock))
      .reduce((sum, { total }) => sum + total, 0),

  isMute: () => false,
  nameOf: () => '',
  sizeOf: () => 0
}
