/**
 * A patch, cut into the writes it takes: a write has one event time for all it sets, and either
 * sets registers or operates. So fields of one time go together, those of another time by
 * themselves, and those ordered by sequence numbers too.
 */
import type { Limits } from '../../engine/limits.js'
import type { Value } from '../../engine/base/values.js'
import { describe, isBare } from '../../engine/base/plain.js'
import { checkName } from '../../engine/base/values.js'
import { checkBody, type WriteBody } from '../../engine/write/write.js'
import type { FieldKinds, NameOf, Schema } from './cache-schema.js'

/** A field ordered by event time. Without a value it is unset. */
export interface RegisterPatch {
  readonly value?: Value | undefined
  /**
   * When this field's event happened, a Date or milliseconds since 1970. Default: that of the whole
   * patch, or now.
   */
  readonly at?: Date | number
}

/**
 * A field ordered by its source's own numbers, whatever the clocks say. Without a value it is
 * unset.
 */
export interface SequencedPatch {
  readonly value?: Value | undefined
  /** Where the source's log stood, an integer from 0 up: the greatest wins. */
  readonly sequence: number
}

export type Patch<S extends Schema> = string extends keyof S
  ? { readonly [field: string]: RegisterPatch | SequencedPatch }
  :
    & { readonly [F in NameOf<S, 'register'>]?: RegisterPatch }
    & { readonly [F in NameOf<S, 'sequenced'>]?: SequencedPatch }

export interface PatchPart {
  readonly body: WriteBody
  /** The event time of its fields; undefined where the patch as a whole decides. */
  readonly at: Date | number | undefined
}

/**
 * @throws TypeError, ValueError, LimitError, KindError naming the field that cannot be written
 */
export function cutPatch (patch: unknown, kinds: FieldKinds, limits: Limits): PatchPart[] {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch) || isNameless(patch)) {
    throw new TypeError(`a patch must be an object of fields, got ${describe(patch)}`)
  }
  const operations: Array<{ kind: 'sequenced', field: string, sequence: unknown, value: unknown }> =
    []
  const byTime = new Map<
    number | undefined,
    { at: Date | number | undefined, fields: Record<string, unknown>, unset: string[] }
  >()
  for (const [name, how] of Object.entries(patch as Record<string, unknown>)) {
    const { value, at, sequence } = partsOf(checkName(name, limits), how)
    kinds.assert(name, sequence === undefined ? 'register' : 'sequenced')
    if (sequence !== undefined) {
      operations.push({ kind: 'sequenced', field: name, sequence, value })
      continue
    }
    const time = at instanceof Date ? at.getTime() : at
    const part = byTime.get(time) ?? { at, fields: {}, unset: [] }
    byTime.set(time, part)
    if (value === undefined) part.unset.push(name)
    else part.fields[name] = value
  }
  if (operations.length + byTime.size === 0) throw new TypeError('a patch needs at least one field')
  const parts = [...byTime.values()].map(({ at, fields, unset }): PatchPart => ({
    at,
    body: checkBody({
      ...Object.keys(fields).length === 0 ? {} : { fields },
      ...unset.length === 0 ? {} : { unset }
    }, limits)
  }))
  return operations.length === 0
    ? parts
    : [...parts, { at: undefined, body: checkBody({ operations }, limits) }]
}

/** A Date, a Map or a promise has no names, and is not an object that was left empty. */
function isNameless (given: object): boolean {
  return Object.keys(given).length === 0 && !isBare(given)
}

function partsOf (
  name: string,
  how: unknown
): { value?: unknown, at?: Date | number, sequence?: unknown } {
  const shape = '{ value, at } or { value, sequence }'
  if (typeof how !== 'object' || how === null || Array.isArray(how) || isNameless(how)) {
    throw new TypeError(`field ${name} of a patch must be ${shape}, got ${describe(how)}`)
  }
  for (const part of Object.keys(how)) {
    if (part !== 'value' && part !== 'at' && part !== 'sequence') {
      throw new TypeError(`field ${name} of a patch must be ${shape}, and has ${describe(part)}`)
    }
  }
  const parts = how as { value?: unknown, at?: Date | number, sequence?: unknown }
  if (parts.at !== undefined && parts.sequence !== undefined) {
    throw new TypeError(
      `field ${name} of a patch has both a time and a sequence number; one of them orders it`
    )
  }
  return parts
}
