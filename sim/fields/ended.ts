/**
 * Judges records that were deleted once (SPEC R18, R20). Operations go on with one only when every
 * holder knows of the delete: what came before is gone, and every operation after it counts,
 * wherever it was taken. An element that every holder had, and whose removal is certain to survive,
 * is gone, however many holders took its add.
 */
import { outOfReach } from './counters.js'
import { describe, strangers, type FieldOp, type Judge } from './field-op.js'

export const judgeEnded: Judge<'ended'> = (fields, { ops, sure, final }) => {
  const end = ops.find(({ body }) => body.ends === true)
  const isPast = (op: FieldOp<'ended'>): boolean => end !== undefined && op.id < end.id
  const increments = ops
    .filter(op => op.body.by !== undefined && !(isPast(op) && end !== undefined && sure.has(end)))
    .map(op => ({ op, by: op.body.by ?? 0, sure: sure.has(op) && !isPast(op) }))
  const problem = outOfReach(fields['n'] ?? 0, increments)
  if (problem !== null) return `counter n ${problem}`
  const held = fields['tags'] ?? []
  if (!Array.isArray(held)) return 'tags is no set'
  for (const add of ops) {
    const { adds } = add.body
    if (adds === undefined) continue
    const removal = ops.find(({ body }) => body.removes === adds)
    const isHeld = held.includes(adds)
    if (final && isHeld && removal !== undefined && sure.has(removal)) {
      return `element ${adds} is back: ${describe(removal)}, after ${describe(add)}`
    }
    if (!isHeld && removal === undefined && sure.has(add)) {
      return `element ${adds} is missing: ${describe(add)}`
    }
  }
  return strangers(fields, ['n', 'tags'])
}
