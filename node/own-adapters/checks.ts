/**
 * Checks on the stores and transports that a program brings, and the errors that these fail with.
 *
 * An adapter may fail with the errors of whatever it is built on, which have no code of ours. Those
 * become the cause of an error that has one. A TypeError stays as it is: it is a mistake in the
 * program, here as everywhere.
 */
import { MillpondError } from '../../engine/errors.js'

/** Whether an error can reach the caller as it is. */
export function isOurs (error: unknown): boolean {
  return error instanceof MillpondError || error instanceof TypeError
}

/** @throws TypeError when what an adapter gave is a promise, or lacks one of these methods */
export function assertHas (given: unknown, methods: readonly string[], must: string): void {
  if (isPromise(given)) throw new TypeError(`${must}, not a promise of one`)
  const missing = methods.filter(name =>
    typeof (given as Record<string, unknown> | null | undefined)?.[name] !== 'function'
  )
  if (missing.length > 0) throw new TypeError(`${must}: it has no ${missing.join(', ')}`)
}

export function isPromise (given: unknown): given is PromiseLike<unknown> {
  return typeof (given as { readonly then?: unknown } | null | undefined)?.then === 'function'
}
