/** Checks that decoders make on parts of a message, or of a blob, from outside. */
import type { Limits } from '../limits.js'

/** A finite number that reads back as it is: -0 does not. */
export function isNumber (value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)
}

/** A safe integer from 0 up. */
export function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The id of an incarnation: a number of 32 bits, not 0. */
export function isIncarnation (value: unknown): value is number {
  return isCount(value) && value > 0 && value <= 0xffffffff
}

/** The name of a field. */
export function isName (value: unknown, limits: Limits): value is string {
  return typeof value === 'string' && value.length > 0 &&
    value.length <= limits.maxFieldNameBytes && value !== '__proto__'
}

/** Names of fields of one record. */
export function isNames (value: unknown, limits: Limits): value is string[] {
  return Array.isArray(value) && value.length <= limits.maxFieldsPerRecord &&
    value.every(name => isName(name, limits))
}
