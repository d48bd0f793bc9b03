/**
 * A row as an event that can be written: which column is the key, which column the event time, and
 * which columns are fields.
 *
 * The key is always text, exactly as it stands in a CSV; an NDJSON number is written out. CSV knows
 * only text, so there a field becomes a number by one rule, and nothing else is converted ('' stays
 * '', 'true' stays 'true', no null appears):
 *
 *   /^-?(0|[1-9]\d*)(\.\d+)?$/ matches, and |number| <= Number.MAX_SAFE_INTEGER
 *
 * So '2.50' and '17850.0' are the numbers 2.5 and 17850, '-0' is 0, and '007', '+1', '1e3' and ids
 * of twenty digits stay text. NDJSON fields keep the types they were written with.
 */
import { ConfigError } from '../../engine/errors.js'
import type { Fields, Value } from '../../engine/base/values.js'
import { parseEventTime } from './event-time.js'
import type { BadRow, GoodRow, Row } from './row-types.js'

const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/
const SHOWN_CHARS = 40

export interface EventColumns {
  /** The column that holds the key. It is no field, unless `fields` names it. */
  readonly key: string
  /**
   * The column that holds the event time (event-time.ts says how it may be written); without it an
   * event has none.
   */
  readonly at?: string
  /**
   * The columns to take as fields, the default being all but the key. In NDJSON, where rows may
   * differ, a row has those of them that it has.
   */
  readonly fields?: readonly string[]
}

export interface RowEvent {
  readonly key: string
  readonly fields: Fields
  /** Event time in milliseconds since 1970, UTC. */
  readonly at?: number
}

export type NoEvent = Pick<BadRow, 'problem'>

/**
 * The event a row stands for, or why it is none. A row that is a problem already stays that
 * problem.
 * @throws ConfigError when a CSV has no column of a given name
 */
export function toEvent (row: Row, columns: EventColumns): RowEvent | NoEvent {
  if ('problem' in row) return { problem: row.problem }
  const key = toKey(read(row, columns.key), columns.key)
  if (typeof key !== 'string') return key
  const fields = toFields(row, columns)
  if (Object.keys(fields).length === 0) {
    return {
      problem: columns.fields === undefined
        ? 'there is nothing in the row but its key'
        : `the row has none of the columns ${columns.fields.join(', ')}`
    }
  }
  if (columns.at === undefined) return { key, fields }
  const time = read(row, columns.at)
  if (time === undefined || time === null || time === '') {
    return { problem: `there is no event time in column '${columns.at}'` }
  }
  const at = parseEventTime(time)
  return at === undefined
    ? { problem: `column '${columns.at}' is not an event time: ${show(time)}` }
    : { key, fields, at }
}

/** A CSV value as a field. */
export function toFieldValue (text: string): number | string {
  if (!DECIMAL.test(text)) return text
  const number = Number(text)
  if (Math.abs(number) > Number.MAX_SAFE_INTEGER) return text
  return number === 0 ? 0 : number
}

function toKey (value: Value | undefined, column: string): string | NoEvent {
  if (value === undefined || value === null || value === '') {
    return { problem: `there is no key in column '${column}'` }
  }
  if (typeof value === 'string') return value
  if (typeof value !== 'number') {
    return { problem: `the key in column '${column}' is neither text nor a number: ${show(value)}` }
  }
  // JSON.parse rounds these, and two keys would become one.
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    return {
      problem: `the key in column '${column}' is too large for a number; write it as a string`
    }
  }
  return String(value)
}

function read (row: GoodRow, column: string): Value | undefined {
  if (Object.hasOwn(row.value, column)) return row.value[column]
  if (row.columns !== undefined) {
    throw new ConfigError(
      `there is no column '${column}'; the columns are ${row.columns.join(', ')}`
    )
  }
  return undefined
}

function toFields (row: GoodRow, columns: EventColumns): Fields {
  const isText = row.columns !== undefined
  const fields: Record<string, Value> = {}
  for (const name of columns.fields ?? row.columns ?? Object.keys(row.value)) {
    if (columns.fields === undefined && name === columns.key) continue
    if (isText && name === '') {
      throw new ConfigError(
        'one of the columns has no name and cannot be a field; ' +
          `pick those to take (the columns are ${row.columns.join(', ')})`
      )
    }
    const value = read(row, name)
    if (value === undefined) continue
    const typed = isText && typeof value === 'string' ? toFieldValue(value) : value
    // Assigning this one would set the prototype and lose the field: the cache shall see it, and
    // refuse it by name.
    if (name === '__proto__') {
      Object.defineProperty(fields, name, { value: typed, enumerable: true })
    } else fields[name] = typed
  }
  return fields
}

function show (value: Value): string {
  const text = JSON.stringify(value)
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}...`
}
