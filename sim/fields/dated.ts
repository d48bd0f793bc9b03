/**
 * Judges records of registers with event times, where puts, replacements, unsets and deletes meet
 * and some puts expire (SPEC E3, E23). Each field shows a possible write, and no write that is
 * certain to survive comes after that one. At the end, fields that had to expire are gone.
 */
import type { Value } from '../../engine/base/values.js'
import { describe, strangers, type Dated, type Evidence, type FieldOp,
  type Judge } from './field-op.js'

export const judgeDated: Judge<'dated'> = (fields, evidence) => {
  const { ops } = evidence
  const names = [...new Set(ops.flatMap(({ body }) => Object.keys(body.sets)))]
  const possible = ops.filter(({ outcome }) => outcome !== 'unchanged')
  for (const field of names) {
    const problem = judgeField(field, fields[field], possible, evidence)
    if (problem !== null) return `${field} ${problem}`
  }
  return strangers(fields, names)
}

function judgeField (
  field: string,
  shown: Value | undefined,
  possible: ReadonlyArray<FieldOp<'dated'>>,
  { sure, final, endsEarly }: Evidence<'dated'>
): string | null {
  const touching = possible.filter(({ body }) =>
    body.clears || Object.hasOwn(body.sets, field) || body.unsets.includes(field)
  )
  const matching = touching.filter(({ body }) =>
    shown === undefined ? leavesNothing(body, field, endsEarly) : body.sets[field] === shown
  )
  if (shown !== undefined && matching.length === 0) return 'shows a value that was never written'
  if (!final) return null
  const lasting = shown === undefined
    ? matching
    : matching.filter(({ body }) => body.ends !== 'soon')
  if (shown !== undefined && lasting.length === 0) {
    return `shows what has expired: ${describe(matching[0] as FieldOp)}`
  }
  const newest = lasting.reduce((latest, { body }) => Math.max(latest, body.order), -Infinity)
  const missed = touching.find(op => sure.has(op) && op.body.order > newest)
  if (missed === undefined) return null
  return shown === undefined
    ? `is missing: ${describe(missed)}`
    : `shows an older write than ${describe(missed)}`
}

function leavesNothing (body: Dated, field: string, endsEarly: boolean): boolean {
  return !Object.hasOwn(body.sets, field) || body.ends === 'soon' ||
    (endsEarly && body.ends === 'late')
}
