/**
 * Fields as JSON can show them: bytes, which only programs can write, become `{"base64": "..."}`.
 * Names are sorted, so that equal records are equal text.
 */
import type { Fields, Value } from '../engine/base/values.js'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | {
  readonly [name: string]: JsonValue
}

export function jsonFields (fields: Fields): { readonly [name: string]: JsonValue } {
  return Object.fromEntries(
    Object.keys(fields).sort().map(name => [name, jsonValue(fields[name] ?? null)])
  )
}

function jsonValue (value: Value): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return (value as readonly Value[]).map(jsonValue)
  return jsonFields(value as Fields)
}
