/**
 * Plain objects, and values in words for messages: shared by every check on what a caller passes.
 */

/** Whether a value is an object without a class, as literals and decoded data are. */
export function isPlainObject (value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A value in words, for messages. Never throws, however odd the value is. */
export function describe (value: unknown): string {
  try {
    return inWords(value)
  } catch {
    return 'something without a form as text'
  }
}

function inWords (value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'foreign object'}`
  return typeof value === 'string'
    ? JSON.stringify(value.slice(0, 40))
    : `${typeof value} ${String(value)}`
}
