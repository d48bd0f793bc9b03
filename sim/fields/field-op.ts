/**
 * One operation on a field that is more than a register of the usual workloads, and the answer its
 * writer got. Each kind of key has operations of its own, and a judge that knows how its records
 * may read. The kind is part of the key, so that any record that shows up anywhere finds its judge.
 */
import type { Element } from '../../engine/fields/set.js'
import type { Fields, Value } from '../../engine/base/values.js'
import { textOf, type WriteConcern } from '../../replication/deltas/write-concern.js'

export interface Increment {
  readonly field: string
  readonly by: number
}
/**
 * `resets` deletes the record. `seen`: taken by the replica of the writer's own node, which had
 * seen all that went before.
 */
export interface OwnIncrement {
  readonly by: number
  readonly resets: boolean
  readonly seen: boolean
}
/**
 * `seen`: the replica of the node that sent it took it, and no other; of a removal also that it had
 * seen the add.
 */
export interface ElementChange {
  readonly add: boolean
  readonly elements: readonly Element[]
  readonly seen: boolean
}
export interface Bound {
  readonly field: 'max' | 'min'
  readonly value: number
}
/** A patch without a value unsets the field. */
export interface Sequenced {
  readonly sequence: number
  readonly value: Value | undefined
}
/** Registers with event times: `order` follows from these. */
export interface Dated {
  readonly order: number
  readonly sets: Fields
  readonly unsets: readonly string[]
  /** The write replaces or deletes the whole record. */
  readonly clears: boolean
  /** 'soon': the fields read as absent by the end of the run; 'late': they do not. */
  readonly ends?: 'soon' | 'late'
  readonly expiresMs?: number
}

/** One of: adds to counter `n`, deletes the record, adds an element to `tags` or removes it. */
export interface Ended {
  readonly by?: number
  readonly ends?: boolean
  readonly adds?: string
  readonly removes?: string
}

export interface Bodies {
  counter: Increment
  own: OwnIncrement
  set: ElementChange
  bound: Bound
  sequenced: Sequenced
  dated: Dated
  ended: Ended
}
export type FieldKey = keyof Bodies

export interface FieldOp<K extends FieldKey = FieldKey> {
  readonly id: number
  /** `cluster/cache`. */
  readonly place: string
  readonly key: string
  readonly body: Bodies[K]
  concern: WriteConcern
  /** Replicas that must hold it before it is acknowledged. */
  needed: number
  readonly submittedMs: number
  /** When the writer was told that the operation took effect. */
  ackedMs: number | undefined
  /** When the writer got any answer. */
  endedMs: number | undefined
  outcome: 'open' | 'acked' | 'unchanged' | 'unknown'
  error?: string
}

/** The facts a judge goes by. */
export interface Evidence<K extends FieldKey> {
  readonly ops: ReadonlyArray<FieldOp<K>>
  /** Certain to survive. */
  readonly sure: ReadonlySet<FieldOp<K>>
  /** Nothing is on its way any more. */
  readonly final: boolean
  /** Also fields that do not end within the run may have ended. */
  readonly endsEarly: boolean
}

/** @returns the mistake in the record as it is seen now, or null */
export type Judge<K extends FieldKey> = (fields: Fields, evidence: Evidence<K>) => string | null

export function keyOf (cluster: string, cache: string, kind: FieldKey, name: string): string {
  return `${cluster}.${cache}.t.${kind}.${name}`
}

export function kindOfKey (key: string): FieldKey | undefined {
  return /^[^.]+\.[^.]+\.t\.([^.]+)\./.exec(key)?.[1] as FieldKey | undefined
}

export function describe (op: FieldOp): string {
  const told = op.ackedMs === undefined ? op.outcome : `acked at ${op.ackedMs.toFixed(1)}`
  return `operation ${op.id} ${JSON.stringify(op.body)} (concern ${
    textOf(op.concern)
  }, submitted at ${op.submittedMs.toFixed(1)}, ${told}${
    op.error === undefined ? '' : `: ${op.error}`
  })`
}

/** The mistake of a record that shows a field which was never written, or null. */
export function strangers (fields: Fields, known: readonly string[]): string | null {
  const stranger = Object.keys(fields).find(field => !known.includes(field))
  return stranger === undefined ? null : `field ${stranger} was never written`
}
