/**
 * Things that were thrown. Adapters, listeners and callbacks of a program may throw anything, also
 * what is no Error and has no form as text.
 */
import { describe } from './plain.js'

/** What was thrown in words, for messages; never throws itself. */
export function messageOf (thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  try {
    const message = (thrown as { readonly message?: unknown } | null | undefined)?.message
    return typeof message === 'string' && message !== '' ? message : describe(thrown)
  } catch {
    return 'something without a form as text'
  }
}

/** The Error that was thrown, or one that stands for it and has it as its cause. */
export function asError (thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(messageOf(thrown), { cause: thrown })
}

function isError (thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error
  } catch {
    return false
  }
}
