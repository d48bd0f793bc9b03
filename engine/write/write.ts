/**
 * Writes, and the checks on them. A write is checked where it enters the system and once more where
 * it enters its owner, because a network lies in between.
 */
import type { EntryFields } from '../record/entry.js'
import { LimitError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { RawOperation } from '../fields/kind.js'
import type { Operation } from '../fields/kinds.js'
import { findKindOfOperation, kindOfOperation } from '../fields/lookup.js'
import { describe } from '../base/plain.js'
import { checkFields, checkName, checkUnset, type Fields } from '../base/values.js'

/**
 * Where operations entered: in which process life, and as which of its writes. Numbers only grow; a
 * stamp may go back, with a clock that was far ahead.
 */
export interface Entered {
  readonly writer: number
  readonly sequence: number
}

/** One write, checked and stamped. */
export interface Write extends WriteBody {
  readonly key: string
  readonly version: number
  readonly stamp: number
  /** Of operations: what tells them from all others. Default: the shard's life, and the stamp. */
  readonly entered?: Entered
}

/**
 * Whether the write is dated by its writer's clock and not by an event: then its version is its
 * stamp. It may be dated anew, until somebody has taken it. An operation is always dated so.
 */
export function isUndated ({ version, stamp, operations }: Write): boolean {
  return version === stamp || operations !== undefined
}

export interface WriteBody {
  /**
   * Registers to set; a register whose value is undefined is unset. Null for a delete, or where
   * there are operations. The shard keeps the object, and may freeze it.
   */
  readonly fields: EntryFields | null
  /** Whether the write replaces the record: fields that it does not set are deleted. */
  readonly clears?: boolean
  /** The version-time from which on the fields read as absent. */
  readonly expires?: number
  /** Operations on fields that are more than registers. */
  readonly operations?: readonly Operation[]
  /**
   * The version-time of a late event whose version was raised. Set only within a shard
   * (late-writes.ts).
   */
  readonly late?: number
}

/** The parts of a write as they come from a caller or over the wire, unchecked. */
export interface RawBody {
  readonly fields?: unknown
  readonly unset?: unknown
  readonly clears?: boolean | undefined
  readonly expires?: number | undefined
  readonly operations?: unknown
}

/** @throws TypeError, ValueError, LimitError, which name the part that cannot be stored */
export function checkBody (
  { fields, unset, clears, expires, operations }: RawBody,
  limits: Limits
): WriteBody {
  if (operations !== undefined) {
    return { fields: null, operations: checkOperations(operations, limits) }
  }
  const set = fields === undefined || fields === null ? {} : checkFields(fields, limits)
  const registers = {
    ...set,
    ...unset === undefined ? {} : unsetOf(checkUnset(unset, set, limits))
  }
  if (Object.keys(registers).length === 0) return { fields: null }
  return {
    fields: registers,
    ...clears === true ? { clears } : {},
    ...expires === undefined ? {} : { expires }
  }
}

/**
 * The form in which a write travels: `fields` are the registers with a value, and `more` is
 * everything else of the write. `more` is left out when there is nothing else.
 */
export function moreOf (
  { fields, clears, expires, operations }: WriteBody
): { readonly fields: Fields | null, readonly more?: RawBody } {
  if (operations !== undefined) return { fields: null, more: { operations } }
  if (fields === null) return { fields }
  const unset = Object.keys(fields).filter(name => fields[name] === undefined)
  if (unset.length === 0 && clears !== true && expires === undefined) {
    return { fields: fields as Fields }
  }
  const set = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined)
  ) as Fields
  const more = {
    ...unset.length === 0 ? {} : { unset },
    ...clears === true ? { clears } : {},
    ...expires === undefined ? {} : { expires }
  }
  return { fields: Object.keys(set).length === 0 ? null : set, more }
}

function unsetOf (names: readonly string[]): EntryFields {
  return Object.fromEntries(names.map(name => [name, undefined]))
}

function checkOperations (operations: unknown, limits: Limits): readonly Operation[] {
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new TypeError('a write needs at least one operation')
  }
  if (operations.length > limits.maxClaimsPerEntry) {
    throw new LimitError(
      `${operations.length} operations in one write, at most ${limits.maxClaimsPerEntry} are ` +
        'allowed'
    )
  }
  const checked = Array.from(operations, operation => checkOperation(operation, limits))
  const bytes = checked.reduce(
    (sum, operation) => sum + kindOfOperation(operation.kind).sizeOf(operation),
    0
  )
  if (bytes > limits.maxSequencedBytes) {
    throw new LimitError(
      `sequenced values of about ${bytes} bytes in one write, at most ` +
        `${limits.maxSequencedBytes} are allowed`
    )
  }
  return checked
}

function checkOperation (operation: unknown, limits: Limits): Operation {
  const raw = operation as RawOperation
  const field = checkName(raw['field'], limits)
  const kind = findKindOfOperation(raw['kind'])
  if (kind === undefined) throw new TypeError(`${describe(raw['kind'])} is not an operation`)
  return kind.check(raw['kind'] as Operation['kind'], field, raw, limits)
}
