/**
 * The event time a row states, as milliseconds since 1970.
 *
 *   ISO 8601                '2010-12-01T08:26:00.5+01:00', '2010-12-01 08:26', '2010-12-01'.
 *                           Without a zone it is UTC, wherever this runs; digits behind the
 *                           milliseconds are cut off
 *   a number, as text too   seconds when it is below 1e11 (they reach to the year 5138),
 *                           milliseconds from there on (they start in March 1973); fractions are
 *                           rounded to the millisecond
 *
 * So '20101201' is a count of seconds, not a date. Times before 1970 and after 9999 are refused:
 * the latter are mostly microseconds.
 */
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?$/i
const NUMBER = /^\d+(\.\d+)?$/

const FIRST_MILLISECOND = 1e11
const MAX_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** undefined when the value is no time. */
export function parseEventTime (value: unknown): number | undefined {
  const timeMs = typeof value === 'number'
    ? fromNumber(value)
    : typeof value === 'string'
    ? fromText(value.trim())
    : undefined
  return timeMs !== undefined && timeMs >= 0 && timeMs <= MAX_TIME_MS ? timeMs : undefined
}

function fromNumber (value: number): number {
  return Math.round(value < FIRST_MILLISECOND ? value * 1000 : value)
}

function fromText (text: string): number | undefined {
  if (NUMBER.test(text)) return fromNumber(Number(text))
  const match = ISO.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(digits =>
    Number(digits ?? 0)
  ) as [number, number, number, number, number, number]
  // Date.UTC would carry these over into the next unit: February 30 into March.
  if (
    month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 ||
    second > 59
  ) return undefined
  const millisecond = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const offsetMinutes = fromZone(match[8])
  return offsetMinutes === undefined
    ? undefined
    : Date.UTC(year, month - 1, day, hour, minute, second, millisecond) - offsetMinutes * 60_000
}

function daysIn (year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

/** Minutes east of UTC. */
function fromZone (zone = 'Z'): number | undefined {
  if (/^z$/i.test(zone)) return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(-2))
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}
