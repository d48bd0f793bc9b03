/**
 * The compiler refuses a field kind whose cells are not all filled. Nothing here runs: `npm run
 * check` fails when a line is no error that is marked as one, or the other way round.
 */
import { counter, type CounterKind } from '../../../engine/fields/counter.js'
import type { FieldKindCells } from '../../../engine/fields/kind.js'
import { KINDS, type Claim, type FieldKind, type Kinds,
  type Operation } from '../../../engine/fields/kinds.js'

type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false
function same<A, B> (_: Same<A, B>): void {}

type Cells = FieldKindCells<CounterKind>
declare function whole (cells: Cells): void
declare function without<C extends keyof Cells> (cell: C): Omit<Cells, C>

/** Each cell that a kind has to fill. */
export function cells (): void {
  same<
    keyof Cells,
    | 'codes'
    | 'operations'
    | 'decide'
    | 'encode'
    | 'decode'
    | 'check'
    | 'make'
    | 'read'
    | 'isMute'
    | 'nameOf'
    | 'sizeOf'
  >(true)
  whole(counter)
  // @ts-expect-error without codes its claims have no form in bytes
  whole(without('codes'))
  // @ts-expect-error without operations nothing can be done to it
  whole(without('operations'))
  // @ts-expect-error without decide replicas would not agree
  whole(without('decide'))
  // @ts-expect-error without encode it does not travel
  whole(without('encode'))
  // @ts-expect-error a claim of three parts is one that no release writes (SPEC E26)
  whole({ ...counter, encode: () => [] })
  // @ts-expect-error without decode it stops the replication of its shard
  whole(without('decode'))
  // @ts-expect-error without check anything could enter
  whole(without('check'))
  // @ts-expect-error without make its operations do nothing
  whole(without('make'))
  // @ts-expect-error without read it has no value
  whole(without('read'))
  // @ts-expect-error without isMute it cannot be told when its claims may be dropped
  whole(without('isMute'))
  // @ts-expect-error without nameOf a reset cannot tell its claims apart
  whole(without('nameOf'))
  // @ts-expect-error without sizeOf an entry can outgrow its bound
  whole(without('sizeOf'))
  // @ts-expect-error a kind of claim without a code
  whole({ ...counter, codes: {} })
  // @ts-expect-error an operation without a word on whether it may be repeated
  whole({ ...counter, operations: {} })
}

/** A kind with a line in the union only, or in the registry only. */
export function lines (): void {
  const { counter: _, ...left } = KINDS
  // @ts-expect-error a kind of the union that has no line in the registry
  void (left satisfies typeof KINDS)
  void ({
    ...KINDS,
    // @ts-expect-error a kind in the registry that is none of the union
    flag: counter
  } satisfies typeof KINDS)
  // @ts-expect-error the line of another kind
  void ({ ...KINDS, max: counter } satisfies typeof KINDS)
}

/** The unions of claims, operations and kinds follow from the one union of kinds. */
export function unions (): void {
  same<FieldKind, 'register' | keyof Kinds>(true)
  same<Claim['kind'], 'counter' | 'add' | 'remove' | 'max' | 'min' | 'sequenced'>(true)
  same<Operation['kind'], 'increment' | 'add' | 'remove' | 'max' | 'min' | 'sequenced'>(true)
}
