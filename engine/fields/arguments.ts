/** Checks of arguments that several kinds of fields take. */
import { ValueError } from '../errors.js'
import { describe } from '../base/plain.js'

/** @throws TypeError when it is not a number, ValueError when it is not finite */
export function numberOf (value: unknown, field: string): number {
  if (typeof value !== 'number') {
    throw new TypeError(`field ${field} needs a number, got ${describe(value)}`)
  }
  if (!Number.isFinite(value)) {
    throw new ValueError(`field ${field} cannot take ${value}; only finite numbers can be stored`)
  }
  return value === 0 ? 0 : value // -0 would read back as 0
}
