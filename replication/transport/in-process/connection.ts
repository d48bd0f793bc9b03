/**
 * One end of an in-process network: the Transport a node gets instead of a NATS connection.
 *
 * A connection keeps its own state, its subscriptions and the count of messages it dropped.
 * Everything between connections is left to the network, which a connection sees as a Wire.
 */
import { ClosedError, ConnectionError, LimitError } from '../../../engine/errors.js'
import type { Limits } from '../../../engine/limits.js'
import { ConnectionListeners } from '../connection-listeners.js'
import { assertPattern, assertSubject } from '../subjects-match.js'
import type { IncomingMessage, Subscription, Transport } from '../transport.js'

/** The part of the network that a connection needs. */
export interface Wire {
  readonly limits: Limits
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  send(
    from: InProcessConnection,
    subject: string,
    bytes: Uint8Array,
    replyTo: string | undefined
  ): void
  /** Calls back once everything that is queued now has been delivered. */
  afterQueued(fn: () => void): void
  add(subscription: InProcessSubscription): void
  remove(subscription: InProcessSubscription): void
  forget(connection: InProcessConnection): void
}

export interface InProcessSubscription extends Subscription {
  readonly owner: InProcessConnection
  readonly pattern: string
  readonly onMessage: (message: IncomingMessage) => void
}

export class InProcessConnection implements Transport {
  /**
   * How often the connection was lost: a message sent to it before a loss does not arrive after.
   */
  losses = 0
  /** Bytes this connection sent that are still under way. */
  queuedBytes = 0
  readonly isWhole = true
  #dropped = 0
  #state: 'up' | 'down' | 'closed' = 'up'
  #leaving: Promise<void> | undefined
  readonly #subscriptions = new Set<InProcessSubscription>()
  readonly #listeners: ConnectionListeners
  readonly #wire: Wire
  readonly #onProblem: (error: unknown) => void

  constructor (
    readonly name: string,
    readonly inbox: string,
    wire: Wire,
    onProblem: (error: unknown) => void
  ) {
    this.#wire = wire
    this.#onProblem = onProblem
    this.#listeners = new ConnectionListeners(onProblem)
  }

  get maxMessageBytes (): number {
    return this.#wire.maxMessageBytes
  }
  get connected (): boolean {
    return this.#state === 'up'
  }
  get dropped (): number {
    return this.#dropped
  }

  publish (subject: string, bytes: Uint8Array, replyTo?: string): boolean {
    this.#assertOpen()
    assertSubject(subject, this.#wire.limits)
    if (replyTo !== undefined) assertSubject(replyTo, this.#wire.limits)
    if (bytes.length > this.maxMessageBytes) {
      throw new LimitError(
        `message of ${bytes.length} bytes on ${subject}: at most ${this.maxMessageBytes} are ` +
          'allowed'
      )
    }
    if (this.#state !== 'up' || this.queuedBytes >= this.#wire.maxQueuedBytes) {
      this.#dropped++
      return false
    }
    this.#wire.send(this, subject, bytes, replyTo)
    return true
  }

  subscribe (pattern: string, onMessage: (message: IncomingMessage) => void): Subscription {
    this.#assertOpen()
    assertPattern(pattern, this.#wire.limits)
    const subscription: InProcessSubscription = {
      owner: this,
      pattern,
      onMessage,
      close: () => this.#unsubscribe(subscription)
    }
    this.#subscriptions.add(subscription)
    this.#wire.add(subscription)
    return subscription
  }

  onConnection (listener: (connected: boolean) => void): Subscription {
    return this.#listeners.add(listener)
  }

  async flush (): Promise<void> {
    this.#assertOpen()
    await this.#flushed()
  }

  close (): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  /** Hands one message over, for the network. An exception in the handler ends here. */
  receive (subscription: InProcessSubscription, message: IncomingMessage): void {
    if (!this.#subscriptions.has(subscription)) return
    try {
      subscription.onMessage(message)
    } catch (error) {
      this.#onProblem(error)
    }
  }

  /** The network took the connection away, or gave it back. */
  setConnected (connected: boolean): void {
    if (this.#state === 'closed' || connected === this.connected) return
    this.#state = connected ? 'up' : 'down'
    if (!connected) this.losses++
    this.#listeners.tell(connected)
  }

  /** Ends the connection as when its process dies: without flushing, telling no listener. */
  abandon (): void {
    this.#state = 'closed'
    this.losses++
    for (const subscription of this.#subscriptions) this.#unsubscribe(subscription)
    this.#listeners.clear()
    this.#wire.forget(this)
  }

  async #leave (): Promise<void> {
    const flushed = this.#state === 'up' ? this.#flushed() : Promise.resolve()
    this.#state = 'closed'
    for (const subscription of this.#subscriptions) this.#unsubscribe(subscription)
    try {
      await flushed
    } catch {
      // The connection went away first: there is nothing left to flush.
    }
    this.abandon()
  }

  #flushed (): Promise<void> {
    const losses = this.losses
    return new Promise((resolve, reject) => {
      if (this.#state === 'down') reject(new ConnectionError(`${this.name} is not connected`))
      else {
        this.#wire.afterQueued(() => {
          if (this.losses === losses) resolve()
          else {reject(
              new ConnectionError(`${this.name} lost its connection before its messages left`)
            )}
        })
      }
    })
  }

  #unsubscribe (subscription: InProcessSubscription): void {
    if (this.#subscriptions.delete(subscription)) this.#wire.remove(subscription)
  }

  #assertOpen (): void {
    if (this.#state === 'closed') throw new ClosedError(`the connection of ${this.name}`)
  }
}
