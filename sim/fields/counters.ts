/**
 * Judges counters (SPEC E15, R11): a counter reads as the sum of the increments certain to survive
 * and of any subset of those that may have counted. Where nothing is uncertain that leaves one
 * number.
 */
import { describe, strangers, type FieldOp, type Judge } from './field-op.js'

const FIELDS = ['n', 'm']

export const judgeCounters: Judge<'counter'> = (fields, { ops, sure }) => {
  for (const field of FIELDS) {
    const increments = ops.filter(({ body }) => body.field === field)
    const problem = outOfReach(
      fields[field] ?? 0,
      increments.map(op => ({ op, by: op.body.by, sure: sure.has(op) }))
    )
    if (problem !== null) return `counter ${field} ${problem}`
  }
  return strangers(fields, FIELDS)
}

/**
 * Judges a counter of one writer, which awaits each increment and deletes the counter now and then:
 * increments the delete had seen are gone, later ones count (SPEC E18). An owner on another node
 * may take an increment without having seen the delete.
 */
export const judgeOwnCounter: Judge<'own'> = (fields, { ops, sure }) => {
  const exact = ops.every(op => op.body.seen && (sure.has(op) || op.outcome === 'unchanged'))
  const counted = exact
    ? ops.slice(
      ops.findLastIndex(({ body, outcome }) => body.resets && outcome !== 'unchanged') + 1
    )
    : ops
  const problem = outOfReach(
    fields['n'] ?? 0,
    counted.map(op => ({ op, by: op.body.by, sure: exact && sure.has(op) }))
  )
  return problem === null ? strangers(fields, ['n']) : `counter n ${problem}`
}

/** The mistake in a counter, by what each increment may have added, or null. */
export function outOfReach (
  value: unknown,
  increments: ReadonlyArray<{ readonly op: FieldOp, readonly by: number, readonly sure: boolean }>
): string | null {
  if (typeof value !== 'number' || !Number.isInteger(value)) return 'is no whole number'
  let least = 0
  let most = 0
  for (const { op, by, sure } of increments) {
    if (op.outcome === 'unchanged') continue
    if (sure || by < 0) least += by
    if (sure || by > 0) most += by
  }
  if (value >= least && value <= most) return null
  const doubtful = increments.filter(({ sure }) => !sure).map(({ op }) => describe(op))
  return `is ${value} and must be ${
    least === most ? least : `${least} to ${most}`
  }: ${increments.length} increments, not certain are ${doubtful.slice(-3).join(', ') || 'none'}`
}
