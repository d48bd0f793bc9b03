/**
 * The transport of a program's own network, with a guard around it: whatever it throws or gives,
 * the library meets only what the port allows. The guard is the one place where that is seen to.
 *
 *   publish throws          the message counts as dropped; event connection-problem
 *   any other call throws   ConnectionError with the cause
 *   it delivers no message, or tells of its connection with no boolean
 *                           what it gave is dropped; event connection-problem
 *   a handler of ours throws
 *                           event connection-problem: the adapter never meets the error
 *
 * The errors that the port names (LimitError, ClosedError, another code) and a TypeError pass.
 */
import { asError, messageOf } from '../../engine/base/thrown.js'
import { ConnectionError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { Ports } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import { settledWithin } from '../../replication/transport/settled-within.js'
import type { IncomingMessage, Subscription,
  Transport } from '../../replication/transport/transport.js'
import { assertHas, isOurs, letGo, refused, whenRejected } from './checks.js'
import { checkConnected, checkedMessage, checkInbox, checkIsWhole, checkMaxMessageBytes,
  isMessageBytes } from './transport-checks.js'

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
  /** When each kind of trouble was last told. */
  readonly #reportedMs = new Map<string, number>()
  #closing: Promise<void> | undefined

  constructor (inner: Transport, options: GuardOptions) {
    this.#inner = inner
    this.#options = options
    this.inbox = checkInbox(inner.inbox, options.limits)
    this.isWhole = checkIsWhole(inner.isWhole)
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
      const value: unknown = this.#inner[name]
      this.#reportRejection(name, value)
      return value
    } catch (error) {
      this.#report(name, this.#failure(name, error))
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
      this.#report('publish', this.#failure('publish', error))
      return false
    }
    if (typeof sent !== 'boolean') this.#reportGiven(sent)
    // With no word of a drop the message may be on its way: an increment must not be sent again.
    return sent !== false
  }

  #reportGiven (sent: unknown): void {
    const text = `publish must return true or false, got ${refused(sent)}`
    this.#report('publish', new TypeError(text))
    this.#reportRejection('publish', sent)
  }

  /** A promise where none belongs is nobody's to wait for, and must not end the process. */
  #reportRejection (method: string, given: unknown): void {
    whenRejected(given, error => this.#report(method, this.#failure(method, error)))
  }

  subscribe (pattern: string, onMessage: (message: IncomingMessage) => void): Subscription {
    const { limits } = this.#options
    return this.#listening(
      'subscribe',
      call => this.#inner.subscribe(pattern, call),
      given => checkedMessage(given, limits),
      onMessage
    )
  }

  onConnection (listener: (connected: boolean) => void): Subscription {
    return this.#listening(
      'onConnection',
      call => this.#inner.onConnection(call),
      checkConnected,
      listener
    )
  }

  /**
   * Nothing that the adapter calls throws, and once the subscription or the connection is closed
   * nothing that it gives is taken.
   */
  #listening<T> (
    method: string,
    listen: (call: (given: unknown) => void) => unknown,
    check: (given: unknown) => T,
    take: (value: T) => void
  ): Subscription {
    let isOpen = true
    const subscription = this.#call(method, () => {
      const opened = listen(given => {
        let value: T
        try {
          value = check(given)
        } catch (error) {
          letGo(given)
          this.#report(`${method} gave`, asError(error))
          return
        }
        if (!isOpen || this.#closing !== undefined) return
        try {
          take(value)
        } catch (error) {
          this.#report(`${method} took`, asError(error))
        }
      })
      assertHas(opened, ['close'], `${method} must return a Subscription`)
      return opened as Subscription
    })
    return {
      close: () => {
        isOpen = false
        this.#letGo(subscription)
      }
    }
  }

  /** Never fails: whoever closes a subscription can do nothing about it. */
  #letGo (subscription: Subscription): void {
    const what = 'close of a subscription'
    try {
      this.#reportRejection(what, subscription.close())
    } catch (error) {
      this.#report(what, this.#failure(what, error))
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

  /** Once a second at most of each kind: a network that fails does so with every message. */
  #report (kind: string, error: Error): void {
    const nowMs = this.#options.ports.clock.monotonicMs()
    if (nowMs - (this.#reportedMs.get(kind) ?? -Infinity) < intervals.tallyMs) return
    this.#reportedMs.set(kind, nowMs)
    this.#options.onProblem(error)
  }
}
