/**
 * Values that arrive from a peer or from disk. They were checked where they were written, by the
 * rules of values.ts; here bytes that no writer could have sent are told from the others. A value
 * is adopted without a copy where it can be: it was decoded a moment ago, and has no other owner.
 */
import type { Limits } from '../limits.js'
import { isPlainObject } from './plain.js'
import type { Fields, Value } from './values.js'

/**
 * Fields that arrived from a peer or from disk, or null when no writer could have sent them.
 * Scalars are taken as they are; nested values are frozen, and bytes are copied out of the message.
 */
export function adoptFields (fields: unknown, limits: Limits): Fields | null {
  if (!isPlainObject(fields)) return null
  let count = 0
  for (const name in fields) {
    if (
      ++count > limits.maxFieldsPerRecord || name.length === 0 ||
      name.length > limits.maxFieldNameBytes
    ) return null
    const value = fields[name]
    if (typeof value === 'string') continue
    if (!isValue(value, 0, limits)) return null
    if (typeof value === 'object' && value !== null) fields[name] = own(value as Value)
  }
  return count > 0 ? fields as Fields : null
}

/**
 * One value that arrived from a peer or from disk, or undefined when no writer could have sent it.
 */
export function adoptValue (value: unknown, limits: Limits): Value | undefined {
  return value !== undefined && isValue(value, 0, limits) ? own(value as Value) : undefined
}

function own (value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (Array.isArray(value)) return Object.freeze((value as readonly Value[]).map(own))
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([name, item]) => [name, own(item)]))
  )
}

function isValue (value: unknown, depth: number, limits: Limits): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      // Writers send 0 for -0, which would not read back the same everywhere.
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      break
    default:
      return false
  }
  if (value === null || value instanceof Uint8Array) return true
  if (depth >= limits.maxValueDepth) return false
  if (Array.isArray(value)) return value.every(item => isValue(item, depth + 1, limits))
  return isPlainObject(value) &&
    Object.keys(value).every(name => isValue(value[name], depth + 1, limits))
}
