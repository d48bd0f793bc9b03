/**
 * Checks on what a program brings: stores, transports, listeners, functions. Nothing here throws
 * because a value is odd, such as one whose properties throw as they are read.
 *
 * An adapter may fail with the errors of whatever it is built on, which have no code of ours. Those
 * become the cause of an error that has one. A TypeError stays as it is: it is a mistake in the
 * program, here as everywhere.
 */
import { describe } from '../../engine/base/plain.js'
import { MillpondError } from '../../engine/errors.js'

/** Whether an error can reach the caller as it is. */
export function isOurs (error: unknown): boolean {
  try {
    return error instanceof MillpondError || error instanceof TypeError
  } catch {
    return false
  }
}

export function hasCode (error: unknown): boolean {
  try {
    return error instanceof MillpondError
  } catch {
    return false
  }
}

/**
 * @throws TypeError when what an adapter gave is a promise, or lacks one of these methods; what its
 *   properties throw as they are read
 */
export function assertHas (given: unknown, methods: readonly string[], must: string): void {
  if (isPromise(given)) {
    letGo(given)
    throw new TypeError(`${must}, not a promise of one`)
  }
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

/** How deep an adapter nests a thing: rows, a row, its cursors, one of them, and its bytes. */
const DEEPEST = 5

/**
 * Lets go of a value that an adapter gave and that is refused, with all that lies in it: of the
 * promises among it nobody takes one, and none may end the process where it is rejected.
 */
export function letGo (given: unknown, depth = DEEPEST): void {
  whenRejected(given, () => {})
  if (depth === 0 || typeof given !== 'object' || given === null) return
  if (ArrayBuffer.isView(given)) return
  for (const name of namesOf(given)) {
    try {
      letGo((given as { readonly [name: string]: unknown })[name], depth - 1)
    } catch {
      // a property that throws gives nothing
    }
  }
}

function namesOf (given: object): string[] {
  try {
    return Object.keys(given)
  } catch {
    return []
  }
}

/** A value that is refused, in words: it is let go of. */
export function refused (given: unknown): string {
  letGo(given)
  return describe(given)
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
