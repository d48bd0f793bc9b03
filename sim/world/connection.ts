/**
 * The connection of one process to the simulated network, and how it learns of its own state.
 *
 *   up --break--> broken (publishes vanish) --silentMs--> down (it knows) --downMs--> up
 *    \---------------------- close, or the end of its process ----------------------> closed
 */
import { ClosedError, ConnectionError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import { ConnectionListeners } from '../../replication/transport/connection-listeners.js'
import { assertPattern, assertSubject } from '../../replication/transport/subjects-match.js'
import type { IncomingMessage, Subscription,
  Transport } from '../../replication/transport/transport.js'
import type { SimProcess } from './process.js'
import type { Scheduler, Task } from './scheduler.js'

export interface SimSubscription extends Subscription {
  readonly owner: SimConnection
  readonly pattern: string
  readonly onMessage: (message: IncomingMessage) => void
}

/** The part of the network that a connection needs. */
export interface Wire {
  readonly limits: Limits
  readonly maxMessageBytes: number
  readonly scheduler: Scheduler
  /** @returns false when the message was dropped at once */
  send(
    from: SimConnection,
    subject: string,
    bytes: Uint8Array,
    replyTo: string | undefined
  ): boolean
  add(subscription: SimSubscription): void
  remove(subscription: SimSubscription): void
  forget(connection: SimConnection): void
}

/** A round trip to the server. */
const FLUSH_MS = 1

export class SimConnection implements Transport {
  readonly machine: string
  readonly inbox: string
  /** How often the connection was lost: a message sent before a loss does not arrive after. */
  losses = 0
  state: 'up' | 'broken' | 'down' | 'closed' = 'up'
  #dropped = 0
  readonly #process: SimProcess
  readonly #network: Wire
  readonly #onProblem: (error: unknown) => void
  readonly #subscriptions = new Set<SimSubscription>()
  readonly #listeners: ConnectionListeners
  readonly #flushes = new Set<(error: Error) => void>()
  #next: Task | undefined

  constructor (
    options: {
      machine: string,
      process: SimProcess,
      inbox: string,
      network: Wire,
      onProblem: (error: unknown) => void
    }
  ) {
    this.machine = options.machine
    this.inbox = options.inbox
    this.#process = options.process
    this.#network = options.network
    this.#onProblem = options.onProblem
    this.#listeners = new ConnectionListeners(options.onProblem)
  }

  get maxMessageBytes (): number {
    return this.#network.maxMessageBytes
  }
  get connected (): boolean {
    return this.state === 'up' || this.state === 'broken'
  }
  get dropped (): number {
    return this.#dropped
  }

  publish (subject: string, bytes: Uint8Array, replyTo?: string): boolean {
    assertSubject(subject, this.#network.limits)
    if (replyTo !== undefined) assertSubject(replyTo, this.#network.limits)
    const sent = this.#network.send(this, subject, bytes, replyTo)
    if (!sent) this.#dropped++
    return sent
  }

  subscribe (pattern: string, onMessage: (message: IncomingMessage) => void): Subscription {
    if (this.state === 'closed') throw new ClosedError('connection')
    assertPattern(pattern, this.#network.limits)
    const subscription: SimSubscription = {
      owner: this,
      pattern,
      onMessage,
      close: () => this.#unsubscribe(subscription)
    }
    this.#subscriptions.add(subscription)
    this.#network.add(subscription)
    return subscription
  }

  #unsubscribe (subscription: SimSubscription): void {
    if (this.#subscriptions.delete(subscription)) this.#network.remove(subscription)
  }

  onConnection (listener: (connected: boolean) => void): Subscription {
    return this.#listeners.add(listener)
  }

  flush (): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.state === 'closed') return reject(new ClosedError('connection'))
      if (this.state === 'down') return reject(connectionLost(this.machine))
      this.#flushes.add(reject)
      if (this.state === 'up') {
        this.#process.ports.timers.after(FLUSH_MS, () => {
          if (this.#flushes.delete(reject)) resolve()
        })
      }
    })
  }

  async close (): Promise<void> {
    if (this.state === 'closed') return
    if (this.state === 'up') await this.flush().catch(() => {})
    this.#failFlushes()
    this.abandon()
  }

  /**
   * Ends the connection as when its process dies: no caller is left to hear that a flush failed.
   */
  abandon (): void {
    this.state = 'closed'
    this.losses++
    this.#next?.cancel()
    for (const subscription of [...this.#subscriptions]) this.#unsubscribe(subscription)
    this.#listeners.clear()
    this.#network.forget(this)
  }

  break (silentMs: number, downMs: number): void {
    if (this.state !== 'up') return
    this.state = 'broken'
    this.losses++
    this.#next = this.#network.scheduler.after(
      silentMs,
      `${this.machine} notices that its connection is gone`,
      () => {
        this.state = 'down'
        this.#failFlushes()
        this.#process.enter(() => this.#listeners.tell(false))
        this.#next = this.#network.scheduler.after(
          downMs,
          `${this.machine} reconnects`,
          () => this.#restore()
        )
      }
    )
  }

  /** Ends a break at once; the process always hears that the connection was lost. */
  repair (): void {
    if (this.state !== 'broken' && this.state !== 'down') return
    this.#next?.cancel()
    if (this.state === 'broken') {
      this.#failFlushes()
      this.#process.enter(() => this.#listeners.tell(false))
    }
    this.#restore()
  }

  #restore (): void {
    this.state = 'up'
    this.#process.enter(() => this.#listeners.tell(true))
  }

  #failFlushes (): void {
    for (const fail of this.#flushes) fail(connectionLost(this.machine))
    this.#flushes.clear()
  }

  /** A message arrives for some of its subscriptions. */
  deliver (
    subscriptions: readonly SimSubscription[],
    { subject, bytes, replyTo }: { subject: string, bytes: Uint8Array, replyTo: string | undefined }
  ): void {
    const { losses } = this
    this.#process.enter(() => {
      // The message came while the process stood still, and the connection was lost since.
      if (this.losses !== losses) return
      for (const subscription of subscriptions) {
        this.receive(subscription, {
          subject,
          bytes: new Uint8Array(bytes),
          ...replyTo === undefined ? {} : { replyTo }
        })
      }
    })
  }

  receive (subscription: SimSubscription, message: IncomingMessage): void {
    if (!this.#subscriptions.has(subscription)) return
    try {
      subscription.onMessage(message)
    } catch (error) {
      this.#onProblem(error)
    }
  }
}

function connectionLost (machine: string): ConnectionError {
  return new ConnectionError(`${machine} lost its connection before its messages had left`)
}
