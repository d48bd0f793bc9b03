/**
 * Checks on what a program brings: stores, transports, listeners, functions. Nothing here throws
 * because a value is odd, such as one whose properties throw as they are read.
 *
 * An adapter may fail with the errors of whatever it is built on, which have no code of ours. Those
 * become the cause of an error that has one. A TypeError stays as it is: it is a mistake in the
 * program, here as everywhere.
 */
import { MillpondError } from '../../engine/errors.js'

/** Whether an error can reach the caller as it is. */
export function isOurs (error: unknown): boolean {
  try {
    return error instanceof MillpondError || error instanceof TypeError
  } catch {
    return false
  }
}

/**
 * @throws TypeError when what an adapter gave is a promise, or lacks one of these methods; what its
 *   properties throw as they are read
 */
export function assertHas (given: unknown, methods: readonly string[], must: string): void {
  if (isPromise(given)) throw new TypeError(`${must}, not a promise of one`)
  const missing = methods.filter(name =>
    typeof (given as Record<string, unknown> | null | undefined)?.[name] !== 'function'
  )
  if (missing.length > 0) throw new TypeError(`${must}: it has no ${missing.join(', ')}`)
}

export function isPromise (given: unknown): given is PromiseLike<unknown> {
  try {
    return typeof (given as { readonly then?: unknown } | null | undefined)?.then === 'function'
  } catch {
    return false
  }
}

/**
 * Calls when what a program gave turns out to be a promise and is rejected: where none belongs
 * nobody waits for it, and it must not end the process.
 */
export function whenRejected (given: unknown, call: (error: unknown) => void): void {
  if (!isPromise(given)) return
  try {
    given.then(undefined, call)
  } catch (error) {
    call(error)
  }
}

/**
 * Closes what was opened and cannot be used, or a promise of it, if it can be closed at all. Never
 * rejects: the caller has an error that says what is wrong with it.
 */
export async function closeAnything (given: unknown): Promise<void> {
  try {
    const opened = await given as { readonly close?: () => unknown } | null | undefined
    await opened?.close?.()
  } catch {
    // what is wrong with it is said already
  }
}
