/** Checks on parts that a program hands over: a mistake is found before a timer meets it. */
import { describe } from './plain.js'

/**
 * @param calls the calls that it must have, by their paths; none where it must be a function itself
 * @throws TypeError naming the part, and the call that is missing
 */
export function assertCalls (part: string, given: unknown, calls: readonly string[]): void {
  if (calls.length === 0) {
    if (typeof given === 'function') return
    throw new TypeError(`${part} must be a function, got ${describe(given)}`)
  }
  for (const call of calls) {
    const found = call.split('.').reduce<unknown>(
      (object, name) => (object as { readonly [name: string]: unknown } | null | undefined)?.[name],
      given
    )
    if (typeof found === 'function') continue
    throw new TypeError(
      `${part} must be an object with ${calls.join(', ')}, got ${describe(given)}: ` +
        `${part}.${call} is ${describe(found)}`
    )
  }
}

/**
 * As assertLimits, for an adapter, which is handed its limits and keeps some of them.
 * @throws TypeError naming the bound that cannot be
 */
export function assertBounds (given: unknown, names: readonly string[]): void {
  if (typeof given !== 'object' || given === null) {
    throw new TypeError(`limits must be those of limitsWith, got ${describe(given)}`)
  }
  for (const name of names) {
    const bound = (given as { readonly [name: string]: unknown })[name]
    if (Number.isSafeInteger(bound) && (bound as number) >= 1) continue
    throw new TypeError(`limits.${name} is ${describe(bound)}; use a whole number from 1 up`)
  }
}
