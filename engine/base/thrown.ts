/**
 * Things that were thrown. Adapters, listeners and callbacks of a program may throw anything, also
 * what is no Error and has no form as text.
 */
import { describe, shortened } from './plain.js'

/** An error of a program may quote all that it was given. */
const MAX_MESSAGE = 1000

/** What was thrown in words, for messages: of bounded length, and it never throws itself. */
export function messageOf (thrown: unknown): string {
  if (typeof thrown === 'string') return shortened(thrown, MAX_MESSAGE)
  try {
    const message = (thrown as { readonly message?: unknown } | null | undefined)?.message
    return typeof message === 'string' && message !== ''
      ? shortened(message, MAX_MESSAGE)
      : describe(thrown)
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
