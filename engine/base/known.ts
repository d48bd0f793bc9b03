/**
 * Refuses what no call reads. An option that is misspelt or made up would otherwise be left out
 * without a word: a consumer would run without its rate, a node without its disk.
 */
import { describe, isBare, shortened } from './plain.js'

/**
 * Costs a look-up per option that is given, so that a write can afford it. An option that is
 * undefined is left out, as the calls read it. A Date, a Map or a promise names no option, and is
 * refused, as an instance of a class that has none of them.
 * @param where the call, for the message
 * @throws TypeError naming the option and the known ones
 */
export function assertKnown (options: unknown, known: ReadonlySet<string>, where: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`the options of ${where} must be an object, got ${describe(options)}`)
  }
  let isNamed = false
  for (const name in options) {
    if (known.has(name)) isNamed = true
    if (known.has(name) || !Object.hasOwn(options, name)) continue
    if ((options as { readonly [name: string]: unknown })[name] === undefined) continue
    throw new TypeError(`${shortened(name)} is no option of ${where}; ${knownNames(name, known)}`)
  }
  if (isNamed || isBare(options) || namesOne(options, known)) return
  throw new TypeError(
    `the options of ${where} must be an object with their names, got ${describe(options)}`
  )
}

/** Whether an instance of a class has one of them as an accessor, which no loop lists. */
function namesOne (options: object, known: ReadonlySet<string>): boolean {
  for (const name of known) if (name in options) return true
  return false
}

/** The names that can stand in place of an unknown one, the likeliest first. */
export function knownNames (name: string, known: Iterable<string>): string {
  const names = [...known]
  if (names.length === 0) return 'there are none'
  const distances = new Map(names.map(other => [other, distance(name, other)]))
  const nearest = names.reduce((a, b) =>
    (distances.get(b) ?? Infinity) < (distances.get(a) ?? Infinity) ? b : a
  )
  const isNear = (distances.get(nearest) ?? Infinity) <= Math.max(2, nearest.length / 2)
  return `known are ${
    (isNear ? [nearest, ...names.filter(other => other !== nearest)] : names).join(', ')
  }`
}

/** How many letters to write, leave out or exchange to get from one name to the other. */
function distance (a: string, b: string): number {
  const from = a.slice(0, 100).toLowerCase()
  const to = b.toLowerCase()
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      next.push(Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      ))
    }
    row = next
  }
  return row[to.length] ?? 0
}
