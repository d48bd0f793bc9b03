/**
 * Checks the few conditions that the simulation asks for by hand, since the engine's own check is
 * under test.
 */
import type { Where } from '../../engine/query/query.js'
import type { Fields } from '../../engine/base/values.js'

/** The first condition a record does not meet, or null. */
export function strangersTo (fields: Fields, where: Where): string | null {
  for (const [field, condition] of Object.entries(where)) {
    const value = fields[field]
    if (typeof condition !== 'object' || condition === null) {
      if (value !== condition) return `has ${field} ${JSON.stringify(value)}`
      continue
    }
    if (typeof value !== 'number') return `has ${field} ${JSON.stringify(value)}`
    const { gte = -Infinity, lt = Infinity } = condition
    if (value < Number(gte) || value >= Number(lt)) return `has ${field} ${value}`
  }
  return null
}
