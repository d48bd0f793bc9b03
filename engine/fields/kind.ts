/**
 * The cells of a field kind: everything the engine has to know about a field that is more than a
 * register. Each kind is one file that fills every cell (counter.ts, set.ts, extreme.ts,
 * sequenced.ts), and one line in the registry (kinds.ts). A kind with an empty cell does not
 * compile, so a kind cannot be forgotten in one of the places that work on claims.
 *
 * The rules that claims of all kinds have in common are in claims.ts.
 */
import type { Limits } from '../limits.js'
import type { Value } from '../base/values.js'

export interface ClaimBase {
  readonly kind: string
  readonly field: string
  /** The version of the reset that this claim was made after; 0 for none. */
  readonly epoch: number
}

/** The incarnation and clock of an entry. */
export interface Dot {
  readonly of: number
  /** Infinity while the entry waits in the write buffer. */
  readonly clock: number
}

/** A claim that is told by the dot of its entry, and is given its clock with it. */
export interface DottedClaim extends ClaimBase {
  of: number
  clock: number
}

interface OperationBase {
  readonly kind: string
  readonly field: string
}

/** The types of one kind: what entries say of it, what calls do to it, and what it reads as. */
export interface KindTypes {
  readonly claim: ClaimBase
  readonly operation: OperationBase
  readonly value: Value
}

/**
 * The parts of a claim behind its head, at least one: in every release a claim has four parts or
 * more, and a decoder takes a shorter one of an unknown code for bytes no writer made (SPEC E26).
 */
export type ClaimRest = readonly [first: unknown, ...more: readonly unknown[]]

/** A claim in an encoded entry. Every release has the same head; the rest is up to its kind. */
export type ClaimTuple = readonly [
  code: number,
  field: string,
  epoch: number,
  ...rest: ClaimRest
]

/** The arguments of an operation as they come from a caller or over the wire. */
export interface RawOperation {
  readonly [name: string]: unknown
}

/** The replica at which an operation becomes claims, and the identity of the operation. */
export interface ClaimWriter {
  /** Of the replica. */
  readonly incarnation: number
  /** The process life in which the operation entered, and its number there: no other has both. */
  readonly writer: number
  readonly sequence: number
  /** When it is dated. */
  readonly version: number
  readonly now: number
  /**
   * A version that no dropped tombstone of the field exceeds: the least epoch of a new claim about
   * the field.
   */
  readonly lastDropped: (field: string) => number
}

export interface OperationFacts {
  /** Whether an operation that is taken twice, at any owners, comes to the same as once. */
  readonly repeatable: boolean
}

/** The cells. */
export interface FieldKindCells<T extends KindTypes> {
  /**
   * The code number of each kind of claim in encoded entries. Numbers are part of the format: one
   * that was released never changes, and is never used for anything else. A claim whose shape
   * changes is another kind of claim, with a number of its own.
   */
  readonly codes: { readonly [kind in T['claim']['kind']]: number }
  readonly operations: { readonly [kind in T['operation']['kind']]: OperationFacts }
  /**
   * How two claims about one field, of different entries, stand: 1 when `a` takes the place of `b`,
   * -1 the other way round, 0 when both live. The outcome depends on the claims alone.
   * @param aIsLater whether the entry of `a` is later than that of `b`
   */
  decide(a: T['claim'], b: T['claim'], aIsLater: boolean): number
  /** The rest of its tuple, behind the head: at least one part. */
  encode(claim: T['claim']): ClaimRest
  /**
   * The claim that a tuple stands for, or null when no writer could have made the tuple.
   * @param dot the dot of the entry that holds the tuple
   */
  decode(
    kind: T['claim']['kind'],
    tuple: ClaimTuple,
    dot: Dot,
    limits: Limits
  ): T['claim'] | null
  /**
   * A checked copy of an operation.
   * @throws TypeError, ValueError, LimitError naming the field and what is wrong with the argument
   */
  check(
    kind: T['operation']['kind'],
    field: string,
    raw: RawOperation,
    limits: Limits
  ): T['operation']
  /**
   * The claims an operation turns into where it enters.
   * @param before the live claims of this kind about the field, pending ones included
   * @param epoch the epoch of a claim that has seen every reset this replica knows of
   * @throws LimitError when the outcome cannot be stored
   */
  make(
    operation: T['operation'],
    before: readonly T['claim'][],
    epoch: number,
    writer: ClaimWriter
  ): T['claim'][]
  /** The value of the field, from its claims (at least one); undefined when none is left. */
  read(claims: readonly T['claim'][]): T['value'] | undefined
  /** Whether the claim shows nothing and only hides: then it may be dropped like a tombstone. */
  isMute(claim: T['claim']): boolean
  /** Tells claims of one kind, about one field and in one entry, apart. */
  nameOf(claim: T['claim']): string
  /**
   * About how many bytes the claim or operation takes, if that may be more than an element of a set
   * takes; otherwise 0. The sum for one entry is at most limits.maxSequencedBytes.
   */
  sizeOf(of: T['claim'] | T['operation']): number
}
