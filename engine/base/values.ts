/**
 * Keys, field names and values, and the checks on them where a write enters. A checked value reads
 * back the same on every replica, on disk and over the wire.
 *
 * A value is null, a boolean, a finite number, a string, bytes, or an array or plain object of
 * values. A value that cannot travel unchanged (NaN, a lone surrogate, a class instance, a
 * `__proto__` field) is refused by name instead of being bent silently. The checked copy shares
 * nothing mutable with the caller.
 */
import { encodeCbor } from './codec.js'
import { copyOf } from './copying.js'
import { describe, isPlainObject } from './plain.js'
import { LimitError, ValueError } from '../errors.js'
import type { Limits } from '../limits.js'

export type Value = null | boolean | number | string | Uint8Array | readonly Value[] | {
  readonly [name: string]: Value
}
export type Fields = { readonly [name: string]: Value }

/** The most bytes that UTF-8 takes for one UTF-16 code unit. */
const MAX_BYTES_PER_UNIT = 3

/**
 * The most an entry holds beside its fields: the key, four version-times (version, stamp, expiry,
 * late event) of 9 bytes, and the heads of a few CBOR items. limits.ts asserts a relation with it.
 */
function maxFrameBytes ({ maxKeyBytes }: Limits): number {
  return maxKeyBytes + 64
}

/** @throws TypeError when `key` is not a string; LimitError, ValueError when it cannot be a key */
export function checkKey (key: unknown, limits: Limits): string {
  if (typeof key !== 'string') throw new TypeError(`a key must be a string, got ${describe(key)}`)
  if (key.length === 0) throw new ValueError('a key must not be empty')
  checkText(key, 'key', limits.maxKeyBytes)
  return key
}

/**
 * A checked copy of a record's fields. Fields whose value is undefined are left out, as JSON does.
 * @throws TypeError when `fields` is not a plain object; LimitError, ValueError naming the field
 *   that cannot be stored
 */
export function checkFields (fields: unknown, limits: Limits): Fields {
  if (!isPlainObject(fields)) {
    throw new TypeError(`fields must be a plain object, got ${describe(fields)}`)
  }
  const copied = copyOf(fields)
  checkNoSymbols(copied)
  const checked = copied as Record<string, Value>
  let count = 0
  let maxBytes = 0
  for (const name in copied) {
    const value = copied[name]
    if (value === undefined) return checkFields(withoutUndefined(copied), limits)
    checkName(name, limits)
    const copy = checkValue(value, name, 0, limits)
    if (copy !== value || value === 0) checked[name] = copy
    count++
    maxBytes += name.length * MAX_BYTES_PER_UNIT + 5 + approximateBytes(copy)
  }
  if (count === 0) {
    throw new ValueError('a write needs at least one field; to remove a record use delete')
  }
  if (count > limits.maxFieldsPerRecord) {
    throw new LimitError(
      `${count} fields in one record, at most ${limits.maxFieldsPerRecord} are allowed`
    )
  }
  if (maxBytes > limits.maxEntryBytes - maxFrameBytes(limits)) {
    checkBytes(maxBytes, () => encodeCbor(checked).length, limits)
  }
  return checked
}

/**
 * Checked names of fields to unset, of a write that also sets these checked fields. Both stand in
 * one entry.
 * @throws TypeError, LimitError, ValueError naming the part that cannot be stored
 */
export function checkUnset (names: unknown, fields: Fields, limits: Limits): readonly string[] {
  if (!Array.isArray(names) || names.length === 0) {
    throw new TypeError(
      `unset needs an array with the names of the fields to unset, got ${
        Array.isArray(names) ? 'an empty one' : describe(names)
      }`
    )
  }
  if (names.length > limits.maxFieldsPerRecord) {
    throw new LimitError(
      `${names.length} fields to unset, at most ${limits.maxFieldsPerRecord} are allowed`
    )
  }
  const checked = Array.from(names, name => checkName(name, limits))
  const maxBytes = approximateBytes(checked) + approximateBytes(fields)
  if (maxBytes > limits.maxEntryBytes - maxFrameBytes(limits)) {
    checkBytes(maxBytes, () => encodeCbor(checked).length + encodeCbor(fields).length, limits)
  }
  return checked
}

/** An approximate size is at most so many times the exact one: of a small number 9 bytes for 1. */
const MOST_OVER = 9

/**
 * Fields that are too large by any measure are not encoded: they may be gigabytes.
 * @throws LimitError when they are too large for one entry
 */
function checkBytes (approximate: number, exact: () => number, limits: Limits): void {
  const isFar = approximate > limits.maxEntryBytes * MOST_OVER
  const bytes = (isFar ? approximate : exact()) + maxFrameBytes(limits)
  if (bytes > limits.maxEntryBytes) {
    throw new LimitError(
      `a record of about ${bytes} bytes is larger than the ${limits.maxEntryBytes} allowed in ` +
        'one write'
    )
  }
}

function withoutUndefined (fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** A number of bytes no smaller than the value's encoding, found without encoding it. */
export function approximateBytes (value: Value): number {
  if (typeof value === 'string') return value.length * MAX_BYTES_PER_UNIT + 5
  if (typeof value !== 'object' || value === null) return 9
  if (value instanceof Uint8Array) return value.length + 5
  let bytes = 5
  if (Array.isArray(value)) {
    for (const item of value as readonly Value[]) bytes += approximateBytes(item)
  } else {for (const [name, item] of Object.entries(value)) {
      bytes += name.length * MAX_BYTES_PER_UNIT + 5 + approximateBytes(item)
    }}
  return bytes
}

/** As approximateBytes, with the bytes that every text has in UTF-8. */
export function measuredBytes (value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 5
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
    return approximateBytes(value)
  }
  let bytes = 5
  for (const [name, item] of Object.entries(value)) {
    if (!Array.isArray(value)) bytes += Buffer.byteLength(name) + 5
    bytes += measuredBytes(item)
  }
  return bytes
}

function checkValue (value: unknown, path: string, depth: number, limits: Limits): Value {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) {
        throw new ValueError(
          `field ${path} holds a lone surrogate, which has no UTF-8 form; use toWellFormed() or ` +
            'bytes'
        )
      }
      return value
    case 'number':
      if (!Number.isFinite(value)) {
        throw new ValueError(
          `field ${path} is ${value}; only finite numbers can be stored (use null for a missing ` +
            'one)'
        )
      }
      return value === 0 ? 0 : value // -0 becomes 0, as which it would read back
    case 'boolean':
      return value
    case 'object':
      break
    default:
      throw new ValueError(
        `field ${path} is a ${typeof value}, which cannot be stored; use a string, number, ` +
          'boolean, null, bytes, array or plain object'
      )
  }
  if (value === null) return null
  if (depth >= limits.maxValueDepth) {
    throw new LimitError(`field ${path} is nested deeper than ${limits.maxValueDepth} levels`)
  }
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  // Array.from also visits holes. map would pass over them, and a hole cannot be decoded.
  if (Array.isArray(value)) {
    checkNoNames(value, path)
    return Object.freeze(
      Array.from(value, (item: unknown, i) => checkValue(item, `${path}[${i}]`, depth + 1, limits))
    )
  }
  if (!isPlainObject(value)) {
    throw new ValueError(
      `field ${path} is ${
        describe(value)
      }, which would not read back as it is; store its plain data (a Date as milliseconds)`
    )
  }
  checkNoSymbols(value)
  const copy: Record<string, Value> = {}
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue
    checkName(name, limits)
    copy[name] = checkValue(item, `${path}.${name}`, depth + 1, limits)
  }
  return Object.freeze(copy)
}

/** An array travels as its items alone. */
function checkNoNames (array: readonly unknown[], path: string): void {
  checkNoSymbols(array)
  const names = Object.keys(array)
  if (names.length <= array.length) return // with a hole among the items, which is refused
  const name = names[array.length] ?? ''
  throw new ValueError(
    `field ${path} is an array with a property ${describe(name)}, which would be lost; use an ` +
      'object, or leave it out'
  )
}

function checkNoSymbols (fields: object): void {
  if (Object.getOwnPropertySymbols(fields).length > 0) {
    throw new ValueError('a field name must be a string, not a symbol')
  }
}

/**
 * @throws TypeError when `name` is not a string; LimitError, ValueError when it cannot name a field
 */
export function checkName (name: unknown, limits: Limits): string {
  if (typeof name !== 'string') {
    throw new TypeError(`a field name must be a string, got ${describe(name)}`)
  }
  if (name.length === 0) throw new ValueError('a field name must not be empty')
  if (name === '__proto__') throw new ValueError('a field cannot be named __proto__')
  checkText(name, 'field name', limits.maxFieldNameBytes)
  return name
}

/** A checked copy of one value. */
export function checkOneValue (value: unknown, field: string, limits: Limits): Value {
  const copy = checkValue(value, field, 0, limits)
  const most = limits.maxEntryBytes - maxFrameBytes(limits)
  if (approximateBytes(copy) > most && measuredBytes(copy) > most) {
    throw new LimitError(
      `field ${field} is larger than the ${limits.maxEntryBytes} bytes allowed in one write`
    )
  }
  return copy
}

/**
 * The check on every text that a caller gives and that is stored or sent.
 * @throws LimitError when it is too long; ValueError when it would not read back as it is
 */
export function checkText (text: string, what: string, maxBytes: number): void {
  if (text.length * MAX_BYTES_PER_UNIT > maxBytes && Buffer.byteLength(text) > maxBytes) {
    throw new LimitError(
      `${what} ${JSON.stringify(text.slice(0, 40))}… has ${
        Buffer.byteLength(text)
      } bytes, at most ${maxBytes} are allowed`
    )
  }
  if (!text.isWellFormed()) {
    throw new ValueError(
      `${what} ${JSON.stringify(text.slice(0, 40))} holds a lone surrogate, which has no UTF-8 form`
    )
  }
}
