/**
 * Checks on what a program's own transport is and gives. A message is read once, and the copy of it
 * holds only what the port allows: the library meets none whose parts change, or throw.
 */
import type { Limits } from '../../engine/limits.js'
import { assertSubject } from '../../replication/transport/subjects-match.js'
import type { IncomingMessage } from '../../replication/transport/transport.js'
import { refused } from './checks.js'

type GivenMessage = { readonly [part in keyof IncomingMessage]?: unknown }

/**
 * @throws TypeError naming the part of it that cannot be; what its properties throw as they are
 *   read
 */
export function checkedMessage (given: unknown, limits: Limits): IncomingMessage {
  if (typeof given !== 'object' || given === null) {
    throw new TypeError(`a transport must deliver messages, and gave ${refused(given)}`)
  }
  const { subject, bytes, replyTo, noResponders } = given as GivenMessage
  if (!isSubject(subject, limits)) throw wrong('subject', subject, 'a subject')
  if (!isBytes(bytes)) throw wrong('bytes', bytes, 'a Uint8Array')
  if (replyTo !== undefined && !isSubject(replyTo, limits)) {
    throw wrong('replyTo', replyTo, 'a subject, or absent')
  }
  if (noResponders !== undefined && noResponders !== true) {
    throw wrong('noResponders', noResponders, 'true, or absent')
  }
  return {
    subject,
    bytes,
    ...replyTo === undefined ? undefined : { replyTo },
    ...noResponders === undefined ? undefined : { noResponders }
  }
}

function wrong (part: keyof IncomingMessage, value: unknown, must: string): TypeError {
  return new TypeError(
    `a transport delivered a message whose ${part} is ${refused(value)}; it must be ${must}`
  )
}

/** @throws TypeError when it says nothing of a connection */
export function checkConnected (given: unknown): boolean {
  if (typeof given === 'boolean') return given
  throw new TypeError(
    `a transport must call the listener of onConnection with true or false, got ${refused(given)}`
  )
}

/** @throws TypeError when replies could not arrive below it */
export function checkInbox (inbox: unknown, limits: Limits): string {
  if (isSubject(inbox, limits)) return inbox
  throw new TypeError(
    'network.connect must give a Transport: inbox must be a subject prefix of its own, tokens ' +
      `without '*' and '>', got ${refused(inbox)}`
  )
}

export function isMessageBytes (bytes: unknown, { minMessageBytes }: Limits): bytes is number {
  return typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= minMessageBytes
}

/** @throws TypeError when messages of that size could not carry what they must */
export function checkMaxMessageBytes (bytes: unknown, limits: Limits): number {
  if (isMessageBytes(bytes, limits)) return bytes
  throw new TypeError(
    'network.connect must give a Transport: maxMessageBytes must be a whole number of bytes from ' +
      `${limits.minMessageBytes} up, got ${refused(bytes)}`
  )
}

/** @throws TypeError when it is no answer */
export function checkIsWhole (isWhole: unknown): boolean {
  if (isWhole === undefined || typeof isWhole === 'boolean') return isWhole === true
  throw new TypeError(
    'network.connect must give a Transport: isWhole must be true or false, or absent, got ' +
      refused(isWhole)
  )
}

function isSubject (given: unknown, limits: Limits): given is string {
  if (typeof given !== 'string') return false
  try {
    assertSubject(given, limits)
    return true
  } catch {
    return false
  }
}

/** Every use of an object that only looks like bytes would throw. */
function isBytes (given: unknown): given is Uint8Array {
  return ArrayBuffer.isView(given) && given instanceof Uint8Array
}
