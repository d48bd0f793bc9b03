/**
 * Judges a field that is ordered by the numbers of its source (SPEC E17): the field shows the
 * greatest number certain to survive, or a later one.
 */
import { describe, strangers, type Judge } from './field-op.js'

const FIELD = 'price'

export const judgeSequenced: Judge<'sequenced'> = (fields, { ops, sure }) => {
  const shown = fields[FIELD]
  const possible = ops.filter(({ outcome }) => outcome !== 'unchanged')
  const atLeast = possible.filter(op => sure.has(op)).reduce(
    (greatest, { body }) => Math.max(greatest, body.sequence),
    -1
  )
  const same = possible.filter(({ body }) => body.value === shown)
  if (shown !== undefined && same.length === 0) return `${FIELD} shows what was never written`
  const nothingYet = shown === undefined && atLeast < 0
  if (!nothingYet && !same.some(({ body }) => body.sequence >= atLeast)) {
    const missed = possible.find(op => sure.has(op) && op.body.sequence === atLeast)
    return `${FIELD} is older than ${missed === undefined ? 'it may be' : describe(missed)}`
  }
  return strangers(fields, [FIELD])
}
