/**
 * Judges a maximum and a minimum (SPEC E17): each reads as a value that was submitted, at least as
 * good as the best that is certain to survive.
 */
import { describe, strangers, type Judge } from './field-op.js'

const FIELDS = ['max', 'min'] as const

export const judgeBounds: Judge<'bound'> = (fields, { ops, sure }) => {
  for (const field of FIELDS) {
    const better = (a: number, b: number): boolean => field === 'max' ? a > b : a < b
    const shown = fields[field]
    const submitted = ops.filter(({ body, outcome }) =>
      body.field === field && outcome !== 'unchanged'
    )
    if (shown !== undefined && !submitted.some(({ body }) => body.value === shown)) {
      return `${field} is ${JSON.stringify(shown)}, which was never set`
    }
    const missed = submitted.find(op =>
      sure.has(op) && (shown === undefined || better(op.body.value, shown as number))
    )
    if (missed !== undefined) return `${field} lacks ${describe(missed)}`
  }
  return strangers(fields, FIELDS)
}
