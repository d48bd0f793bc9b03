/**
 * Judges sets (SPEC E16). A removal takes the adds that its owner had seen. Little can be promised
 * of a removal that any owner may have taken, or several owners. These two things are:
 *
 *   an add certain to survive is there, unless a removal was tried that may have seen it
 *   an element whose only add was seen by a removal certain to survive is gone, however many
 *   owners took the add
 *
 * A removal that ended before the add began, and that only one replica was ever asked for, cannot
 * have seen it.
 */
import type { Element } from '../../engine/fields/set.js'
import { describe, strangers, type FieldOp, type Judge } from './field-op.js'

const FIELD = 'tags'

export const judgeSets: Judge<'set'> = (fields, { ops, sure, final }) => {
  const held = fields[FIELD] ?? []
  if (!Array.isArray(held) || held.length === 0 && FIELD in fields) return 'is no set'
  if (new Set(held).size !== held.length) return 'holds an element twice'
  const byElement = new Map<Element, Array<FieldOp<'set'>>>()
  for (const op of ops) {
    if (op.outcome === 'unchanged') continue
    for (const element of op.body.elements) {
      byElement.set(element, [...byElement.get(element) ?? [], op])
    }
  }
  const stranger = (held as Element[]).find(element =>
    byElement.get(element)?.some(({ body }) => body.add) !== true
  )
  if (stranger !== undefined) return `holds ${String(stranger)}, which was never added`
  if (final) {
    for (const [element, changes] of byElement) {
      const problem = judgeElement(held.includes(element), changes, sure)
      if (problem !== null) return `element ${String(element)} ${problem}`
    }
  }
  return strangers(fields, [FIELD])
}

function judgeElement (
  isHeld: boolean,
  changes: ReadonlyArray<FieldOp<'set'>>,
  sure: ReadonlySet<FieldOp<'set'>>
): string | null {
  const adds = changes.filter(({ body }) => body.add)
  const removals = changes.filter(({ body }) => !body.add)
  if (isHeld) {
    const [add, ...others] = adds
    const removal = removals.find(op => op.body.seen && sure.has(op))
    return add !== undefined && others.length === 0 && removal !== undefined
      ? `is back: ${describe(removal)} had seen ${describe(add)}`
      : null
  }
  const lost = adds.find(add =>
    sure.has(add) &&
    removals.every(removal =>
      removal.body.seen && removal.id < add.id && (removal.endedMs ?? Infinity) <= add.submittedMs
    )
  )
  return lost === undefined
    ? null
    : `is missing: ${describe(lost)}, and no removal can have seen it`
}
