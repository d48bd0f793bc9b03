/**
 * Plain objects, and values in words for messages: shared by every check on what a caller passes.
 */

/** Whether a value is an object without a class, as literals and decoded data are. */
export function isPlainObject (value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = prototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Whether an object can be one of options that names none of them: a literal, of another realm too,
 * and not a Date, a Map, a promise or an instance of a class, whose contents are no properties.
 */
export function isBare (value: object): boolean {
  for (let of = prototypeOf(value); of !== null; of = prototypeOf(of)) {
    // The last one is that of all objects.
    if (of === undefined) return false
    if (prototypeOf(of) !== null && Object.hasOwn(of, 'constructor')) return false
  }
  return true
}

/** Undefined where it cannot be read: a proxy that was revoked has none. */
function prototypeOf (value: object): object | null | undefined {
  try {
    return Object.getPrototypeOf(value) as object | null
  } catch {
    return undefined
  }
}

/** The most of a text that a message quotes: a text may have megabytes. */
const MAX_QUOTED = 40
/** A bigint between these has fewer digits: to write a larger one down may take minutes. */
const MOST_DIGITS = 10n ** BigInt(MAX_QUOTED)

/** A value in words, for messages: short, and it never throws, however odd the value is. */
export function describe (value: unknown): string {
  try {
    return inWords(value)
  } catch {
    return 'something without a form as text'
  }
}

/** The beginning of a text, for messages. */
export function shortened (text: string, most = MAX_QUOTED): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}

function inWords (value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(shortened(value))
    case 'symbol':
      return `symbol ${shortened(String(value))}`
    case 'bigint':
      return value > -MOST_DIGITS && value < MOST_DIGITS
        ? `bigint ${value}`
        : `a bigint of more than ${MAX_QUOTED} digits`
    case 'function':
      return namedAs('a function', value.name)
    case 'object':
      break
    default:
      return value === undefined ? 'undefined' : `${typeof value} ${String(value)}`
  }
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Date) return `a Date (${dateInWords(value)})`
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? `a ${shortened(name)}` : 'a foreign object'
}

function namedAs (what: string, name: unknown): string {
  return typeof name === 'string' && name !== '' ? `${what} ${shortened(name)}` : what
}

function dateInWords (date: Date): string {
  const ms = Date.prototype.getTime.call(date)
  return Number.isNaN(ms) ? 'invalid' : Date.prototype.toISOString.call(date)
}
