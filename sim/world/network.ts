/**
 * A network under simulated time: the Transport port over links that lose, double, delay, reorder,
 * clog and break.
 *
 *   publish -> who is subscribed? -> per receiver: broken? cut? lost? doubled? late? clogged?
 *     -> an event at its arrival
 *
 * A connection breaks as one of nats.js does. At first its process does not know: publish says true
 * and the message vanishes. Then the process is told, and publish says false. Then it is told that
 * the connection is back, and every message that was under way is gone.
 */
import { ClosedError, LimitError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import { SubjectIndex, tokenOf } from '../../replication/transport/subjects-match.js'
import type { Transport } from '../../replication/transport/transport.js'
import { SimConnection, type SimSubscription, type Wire } from './connection.js'
import { Links, MAX_DELAY_MS } from './links.js'
import type { SimProcess } from './process.js'
import type { SimRandom } from '../random.js'
import type { Scheduler } from './scheduler.js'

export interface NetworkOptions {
  readonly limits: Limits
  readonly scheduler: Scheduler
  readonly random: SimRandom
  readonly maxMessageBytes: number
  /** Is called with every message as it is sent. */
  readonly onSend?: (message: SentMessage) => void
}

export interface SentMessage {
  readonly from: string
  readonly subject: string
  readonly bytes: Uint8Array
  readonly replyTo: string | undefined
}

export class SimNetwork implements Wire {
  readonly limits: Limits
  readonly maxMessageBytes: number
  readonly scheduler: Scheduler
  readonly links: Links
  /** Whether messages on a subject are all lost on their way to other machines. */
  loses: (subject: string) => boolean = () => false
  readonly counters = { sent: 0, delivered: 0, lost: 0, vanished: 0 }
  readonly #options: NetworkOptions
  readonly #index = new SubjectIndex<SimSubscription>()
  readonly #connections = new Set<SimConnection>()
  #inboxes = 0

  constructor (options: NetworkOptions) {
    this.#options = options
    this.limits = options.limits
    this.scheduler = options.scheduler
    this.links = new Links(options.random)
    this.maxMessageBytes = options.maxMessageBytes
  }

  /** The Network that a process on a machine hands to openNode or connect. */
  of (
    machine: string,
    process: SimProcess
  ): {
    connect(name: string, options: { readonly onProblem: (error: unknown) => void }): Transport
  } {
    return {
      connect: (name, { onProblem }) => {
        const connection = new SimConnection({
          machine,
          process,
          inbox: `_INBOX_${tokenOf(name)}.${++this.#inboxes}`,
          network: this,
          onProblem
        })
        this.#connections.add(connection)
        process.onEnd(() => connection.abandon())
        return connection
      }
    }
  }

  /**
   * Breaks the connections of a machine: unnoticed for so long, then noticed and down for so long.
   */
  breakConnections (machine: string, silentMs: number, downMs: number): void {
    for (const connection of this.#connections) {
      if (connection.machine === machine) connection.break(silentMs, downMs)
    }
  }

  /** Ends all faults of links and connections. */
  heal (): void {
    this.links.heal()
    for (const connection of this.#connections) connection.repair()
  }

  /** A message from no connection, such as a broken program elsewhere might publish. */
  inject (subject: string, bytes: Uint8Array, replyTo?: string): void {
    this.#route('elsewhere', subject, bytes, replyTo)
  }

  add (subscription: SimSubscription): void {
    this.#index.add(subscription.pattern, subscription)
  }
  remove (subscription: SimSubscription): void {
    this.#index.remove(subscription.pattern, subscription)
  }
  forget (connection: SimConnection): void {
    this.#connections.delete(connection)
  }

  /** Takes a message from a connection. @returns false when the connection knows that it is down */
  send (
    from: SimConnection,
    subject: string,
    bytes: Uint8Array,
    replyTo: string | undefined
  ): boolean {
    if (bytes.length > this.maxMessageBytes) {
      throw new LimitError(
        `message of ${bytes.length} bytes on ${subject}: at most ${this.maxMessageBytes} are ` +
          'allowed'
      )
    }
    if (from.state === 'closed') throw new ClosedError('connection')
    if (from.state === 'down') return false
    this.counters.sent++
    if (from.state === 'broken') {
      this.counters.vanished++
      return true
    }
    const message = { from: from.machine, subject, bytes: new Uint8Array(bytes), replyTo }
    this.#options.onSend?.(message)
    if (this.#route(from.machine, subject, message.bytes, replyTo) === 0 && replyTo !== undefined) {
      this.#noResponders(from, replyTo)
    }
    return true
  }

  /** @returns to how many connections the message was sent, lost or not */
  #route (from: string, subject: string, bytes: Uint8Array, replyTo: string | undefined): number {
    const byConnection = new Map<SimConnection, SimSubscription[]>()
    for (const subscription of this.#index.match(subject)) {
      const list = byConnection.get(subscription.owner)
      if (list === undefined) byConnection.set(subscription.owner, [subscription])
      else list.push(subscription)
    }
    for (const [to, subscriptions] of byConnection) {
      this.#transmit(from, to, subscriptions, { subject, bytes, replyTo })
    }
    return byConnection.size
  }

  #noResponders (from: SimConnection, replyTo: string): void {
    const { losses } = from
    this.scheduler.after(MAX_DELAY_MS, `nobody for ${from.machine}`, () => {
      if (from.losses !== losses) return
      for (const subscription of this.#index.match(replyTo)) {
        if (subscription.owner === from) {
          from.receive(subscription, {
            subject: replyTo,
            bytes: new Uint8Array(0),
            noResponders: true
          })
        }
      }
    })
  }

  #transmit (
    from: string,
    to: SimConnection,
    subscriptions: readonly SimSubscription[],
    message: { subject: string, bytes: Uint8Array, replyTo: string | undefined }
  ): void {
    for (let copies = this.links.copies(); copies > 0; copies--) {
      if (
        from !== to.machine &&
        (this.links.isCut(from, to.machine) || to.state !== 'up' || this.loses(message.subject) ||
          this.links.loses())
      ) {
        this.counters.lost++
        continue
      }
      const { losses } = to
      const label = `${from}>${to.machine} ${message.subject} ${message.bytes.length}`
      this.scheduler.at(this.links.arrivalMs(from, to.machine, this.scheduler.nowMs), label, () => {
        if (to.losses !== losses || this.links.isCut(from, to.machine)) {
          this.counters.lost++
          return
        }
        this.counters.delivered++
        to.deliver(subscriptions, message)
      })
    }
  }
}
