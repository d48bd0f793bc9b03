/**
 * The transport of a program's own network, with a guard around it: whatever it throws or gives,
 * the library meets only what the port allows. The guard is the one place where that is seen to.
 *
 *   publish throws          the message counts as dropped; event connection-problem
 *   any other call throws   ConnectionError with the cause
 *
 * The errors that the port names (LimitError, ClosedError, another code) and a TypeError pass.
 */
import { describe } from '../../engine/base/plain.js'
import { messageOf } from '../../engine/base/thrown.js'
import { ConnectionError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { Ports } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import { settledWithin } from '../../replication/transport/settled-within.js'
import { assertSubject } from '../../replication/transport/subjects-match.js'
import type { IncomingMessage, Subscription,
  Transport } from '../../replication/transport/transport.js'
import { assertHas, isOurs, whenRejected } from './checks.js'

const METHODS = ['publish', 'subscribe', 'onConnection', 'flush', 'close'] as const

export interface GuardOptions {
  /** The name of the node or client, for messages. */
  readonly name: string
  readonly limits: Limits
  readonly ports: Ports
  readonly onProblem: (error: unknown) => void
}

/** @throws TypeError when it is no Transport: it names the part that is missing or cannot be */
export function guardedTransport (given: unknown, options: GuardOptions): Transport {
  assertHas(given, METHODS, 'network.connect must give a Transport')
  return new GuardedTransport(given as Transport, options)
}

class GuardedTransport implements Transport {
  readonly inbox: string
  readonly isWhole: boolean
  readonly #inner: Transport
  readonly #options: GuardOptions
  #maxMessageBytes: number
  /** Messages that were dropped here, because publish threw. */
  #dropped = 0
  #reportedMs = -Infinity
  #closing: Promise<void> | undefined

  constructor (inner: Transport, options: GuardOptions) {
    this.#inner = inner
    this.#options = options
    this.inbox = checkInbox(inner.inbox, options.limits)
    this.isWhole = inner.isWhole === true
    this.#maxMessageBytes = checkMaxMessageBytes(inner.maxMessageBytes, options.limits)
  }

  /** A value that cannot be, after one that could, changes nothing; nor does one that throws. */
  get maxMessageBytes (): number {
    const bytes = this.#read('maxMessageBytes')
    if (isMessageBytes(bytes, this.#options.limits)) this.#maxMessageBytes = bytes
    return this.#maxMessageBytes
  }

  /** A transport that cannot say counts as lost. */
  get connected (): boolean {
    return this.#read('connected') === true
  }

  get dropped (): number {
    const dropped = this.#read('dropped')
    return this.#dropped + (typeof dropped === 'number' ? dropped : 0)
  }

  /** Properties are read by timers as well: what they throw is reported, and gives undefined. */
  #read (name: 'maxMessageBytes' | 'connected' | 'dropped'): unknown {
    try {
      return this.#inner[name]
    } catch (error) {
      this.#report(this.#failure(name, error))
      return undefined
    }
  }

  publish (subject: string, bytes: Uint8Array, replyTo?: string): boolean {
    let sent: unknown
    try {
      sent = this.#inner.publish(subject, bytes, replyTo)
    } catch (error) {
      if (isOurs(error)) throw error
      this.#dropped++
      this.#report(this.#failure('publish', error))
      return false
    }
    if (typeof sent !== 'boolean') this.#reportGiven(sent)
    // With no word of a drop the message may be on its way: an increment must not be sent again.
    return sent !== false
  }

  #reportGiven (sent: unknown): void {
    this.#report(new TypeError(`publish must return true or false, got ${describe(sent)}`))
    this.#reportRejection('publish', sent)
  }

  /** A promise where none belongs is nobody's to wait for, and must not end the process. */
  #reportRejection (method: string, given: unknown): void {
    whenRejected(given, error => this.#report(this.#failure(method, error)))
  }

  subscribe (pattern: string, onMessage: (message: IncomingMessage) => void): Subscription {
    const subscription = this.#call('subscribe', () => this.#inner.subscribe(pattern, onMessage))
    return this.#guarded('subscribe', subscription)
  }

  onConnection (listener: (connected: boolean) => void): Subscription {
    const subscription = this.#call('onConnection', () => this.#inner.onConnection(listener))
    return this.#guarded('onConnection', subscription)
  }

  /** To let go never fails: whoever closes a subscription can do nothing about it. */
  #guarded (method: string, subscription: Subscription): Subscription {
    const must = `${method} must return a Subscription`
    this.#call(method, () => assertHas(subscription, ['close'], must))
    return {
      close: () => {
        const what = 'close of a subscription'
        try {
          this.#reportRejection(what, subscription.close())
        } catch (error) {
          this.#report(this.#failure(what, error))
        }
      }
    }
  }

  async flush (): Promise<void> {
    await this.#awaited('flush', () => this.#inner.flush())
  }

  /** @throws ConnectionError also when the adapter takes longer than intervals.ownCloseTimeoutMs */
  close (): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    const { name, ports: { timers } } = this.#options
    const closing = this.#awaited('close', () => this.#inner.close())
    if (!await settledWithin(closing, timers, intervals.ownCloseTimeoutMs)) {
      throw new ConnectionError(
        `the network of ${name} did not close within ${intervals.ownCloseTimeoutMs} ms`
      )
    }
    await closing
  }

  #call<T> (method: string, call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw isOurs(error) ? error : this.#failure(method, error)
    }
  }

  async #awaited (method: string, call: () => Promise<void>): Promise<void> {
    try {
      await call()
    } catch (error) {
      throw isOurs(error) ? error : this.#failure(method, error)
    }
  }

  #failure (method: string, cause: unknown): ConnectionError {
    return new ConnectionError(
      `${method} of the network of ${this.#options.name} failed: ${messageOf(cause)}`,
      cause
    )
  }

  /** Once a second at most: a network that fails does so with every message. */
  #report (error: Error): void {
    const nowMs = this.#options.ports.clock.monotonicMs()
    if (nowMs - this.#reportedMs < intervals.tallyMs) return
    this.#reportedMs = nowMs
    this.#options.onProblem(error)
  }
}

/** @throws TypeError when replies could not arrive below it */
function checkInbox (inbox: unknown, limits: Limits): string {
  try {
    assertSubject(inbox as string, limits)
    if (typeof inbox === 'string') return inbox
  } catch {
    // said below
  }
  throw new TypeError(
    'network.connect must give a Transport: inbox must be a subject prefix of its own, tokens ' +
      `without '*' and '>', got ${describe(inbox)}`
  )
}

function isMessageBytes (bytes: unknown, { minMessageBytes }: Limits): bytes is number {
  return typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= minMessageBytes
}

/** @throws TypeError when messages of that size could not carry what they must */
function checkMaxMessageBytes (bytes: unknown, limits: Limits): number {
  if (isMessageBytes(bytes, limits)) return bytes
  throw new TypeError(
    'network.connect must give a Transport: maxMessageBytes must be a whole number of bytes from ' +
      `${limits.minMessageBytes} up, got ${describe(bytes)}`
  )
}
