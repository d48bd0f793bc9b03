/**
 * The registry of field kinds: each has one line in `Kinds`, with its types, and one in `KINDS`,
 * with its cells (kind.ts). Everything that goes by kind is derived from these two: the codes of
 * claims, which operation belongs to which kind, what a schema may declare, and which kind is read
 * where writers used a field as several.
 *
 *   invariants   a line is never moved: the order is the order of reading, which has to be the same
 *                on every node; a new kind goes last. Codes are never changed or used again
 *
 * A new kind is written only once every node of the cluster can read it (ADR 12): a release that
 * reads it comes before the release that writes it.
 */
import { counter, type CounterKind } from './counter.js'
import { max, min, type ExtremeKind } from './extreme.js'
import type { FieldKindCells } from './kind.js'
import { sequenced, type SequencedKind } from './sequenced.js'
import { set, type SetKind } from './set.js'
import type { Value } from '../base/values.js'

export interface Kinds {
  readonly sequenced: SequencedKind
  readonly set: SetKind
  readonly counter: CounterKind
  readonly max: ExtremeKind<'max'>
  readonly min: ExtremeKind<'min'>
}

/** The kinds whose fields are more than registers. */
export type ClaimedKind = keyof Kinds
export type FieldKind = 'register' | ClaimedKind
export type Claim = Kinds[ClaimedKind]['claim']
export type Operation = Kinds[ClaimedKind]['operation']
/** Per kind of field the value it reads as. */
export type ValueOfKind =
  & { readonly register: Value }
  & {
    readonly [kind in ClaimedKind]: Kinds[kind]['value']
  }

export const KINDS: { readonly [kind in ClaimedKind]: FieldKindCells<Kinds[kind]> } = Object
  .freeze({ sequenced, set, counter, max, min })
