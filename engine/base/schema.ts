/**
 * The checks on what comes from outside: settings and messages. valibot is imported here and
 * nowhere else.
 */
import * as v from 'valibot'

export * from 'valibot'

/** A whole number from 0 up. */
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
export const bytes = v.custom<Uint8Array>(value => value instanceof Uint8Array, 'expected bytes')
