/**
 * A network inside one process, with faults on demand: it stands in for NATS in tests, demos and
 * programs that need no server.
 *
 *   publish -> who is subscribed? -> per receiver: cut? lost? doubled? late?
 *     -> queue -> drain, a slice at a time
 *
 * The network is as unkind as a real one. Nothing is delivered inside publish. Sender and receiver
 * share no bytes. A message is lost if its link is cut, or its receiver lost, while the message is
 * under way. A connection hears its own messages. Without faults each link keeps its order. Time
 * and chance come only from the ports.
 */
import { assertBounds, assertCalls } from '../../../engine/base/has-calls.js'
import { describe, shortened } from '../../../engine/base/plain.js'
import { ConfigConflictError } from '../../../engine/errors.js'
import type { Limits } from '../../../engine/limits.js'
import type { Random, Timers } from '../../../engine/ports.js'
import { FaultPlan, type Faults } from './faults.js'
import { InProcessConnection, type InProcessSubscription, type Wire } from './connection.js'
import { byOwner, Payload, type Delivery } from './delivery.js'
import { TaskQueue } from './task-queue.js'
import { SubjectIndex, tokenOf } from '../subjects-match.js'
import type { Transport } from '../transport.js'

export interface InProcessNetworkOptions {
  /** Of these the network keeps maxPartBytes, maxUnflushedBytes and maxSubjectBytes. */
  readonly limits: Limits
  readonly timers: Timers
  readonly random: Random
  /** Default: none. */
  readonly faults?: Partial<Faults>
  /** Bytes of one message. Default: limits.maxPartBytes. */
  readonly maxMessageBytes?: number
  /**
   * Bytes of one sender that may be under way before its publish drops. Default:
   * limits.maxUnflushedBytes.
   */
  readonly maxQueuedBytes?: number
}

export interface InProcessConnectOptions {
  /**
   * Hears of exceptions in handlers. Default: they are thrown from a timer, where no message gets
   * lost by them.
   */
  readonly onProblem?: (error: unknown) => void
}

/** Messages, counted per receiving connection, however many of its subscriptions match. */
export interface NetworkCounters {
  delivered: number
  lost: number
  duplicated: number
}

export class InProcessNetwork implements Wire {
  readonly limits: Limits
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  readonly counters: NetworkCounters = { delivered: 0, lost: 0, duplicated: 0 }
  readonly #timers: Timers
  readonly #tasks: TaskQueue
  readonly #plan: FaultPlan
  readonly #index = new SubjectIndex<InProcessSubscription>()
  readonly #connections = new Map<string, InProcessConnection>()
  #inboxes = 0

  /** @throws TypeError naming the option that cannot be */
  constructor (options: InProcessNetworkOptions) {
    checkOptions(options)
    this.limits = options.limits
    this.#timers = options.timers
    this.#tasks = new TaskQueue(options.timers)
    this.#plan = new FaultPlan(options.random, options.faults)
    this.maxMessageBytes = options.maxMessageBytes ?? options.limits.maxPartBytes
    this.maxQueuedBytes = options.maxQueuedBytes ?? options.limits.maxUnflushedBytes
  }

  /**
   * A new connection. Partitions and disconnect() know it by its name.
   * @throws ConfigConflictError when another open connection has the name
   */
  connect (name: string, options: InProcessConnectOptions = {}): Transport {
    if (typeof name !== 'string') {
      throw new TypeError(`a connection needs a name, got ${describe(name)}`)
    }
    if (this.#connections.has(name)) {
      throw new ConfigConflictError(
        `node name ${
          shortened(name)
        } is taken on this network: choose another name or close what runs ` +
          'under it'
      )
    }
    const onProblem = options.onProblem ?? (error => {
      this.#timers.after(0, () => {
        throw error
      })
    })
    const connection = new InProcessConnection(
      name,
      `_INBOX_${tokenOf(name)}.${++this.#inboxes}`,
      this,
      onProblem
    )
    this.#connections.set(name, connection)
    return connection
  }

  get faults (): Faults {
    return this.#plan.current
  }

  /**
   * Changes the faults named, from the next message on; the others stay. NO_FAULTS switches all of
   * them off. @throws TypeError when a fault is not in its range
   */
  setFaults (faults: Partial<Faults>): void {
    this.#plan.set(faults)
  }

  /**
   * Cuts the links from every name in `from` to every name in `to`, and back unless 'one-way'.
   */
  partition (
    from: string | readonly string[],
    to: string | readonly string[],
    ways: 'both' | 'one-way' = 'both'
  ): void {
    for (const a of [from].flat()) {
      for (const b of [to].flat()) {
        if (a === b) continue
        this.#plan.cut(a, b)
        if (ways === 'both') this.#plan.cut(b, a)
      }
    }
  }

  /** Ends all partitions. */
  heal (): void {
    this.#plan.heal()
  }

  /**
   * Takes a connection away: what it publishes is dropped, and messages under way to it are lost.
   * @throws TypeError when no connection has the name; so do reconnect and kill
   */
  disconnect (name: string): void {
    this.#connection(name).setConnected(false)
  }

  reconnect (name: string): void {
    this.#connection(name).setConnected(true)
  }

  /** Ends a connection as when its process dies. Its name is free again. */
  kill (name: string): void {
    this.#connection(name).abandon()
  }

  send (
    from: InProcessConnection,
    subject: string,
    bytes: Uint8Array,
    replyTo: string | undefined
  ): void {
    // Copied before anything else can happen: the sender may reuse its buffer as soon as publish
    // returns.
    const payload = new Payload(from, new Uint8Array(bytes))
    const groups = byOwner(this.#index.match(subject))
    for (const [to, subscriptions] of groups) {
      this.#transmit({
        from: from.name,
        to,
        losses: to.losses,
        subscriptions,
        subject,
        replyTo,
        noResponders: false,
        payload
      })
    }
    if (groups.size === 0 && replyTo !== undefined) {
      const waiting = this.#index.match(replyTo).filter(({ owner }) => owner === from)
      const nothing = new Payload(from, new Uint8Array(0))
      if (waiting.length > 0) {
        this.#transmit({
          from: from.name,
          to: from,
          losses: from.losses,
          subscriptions: waiting,
          subject: replyTo,
          replyTo: undefined,
          noResponders: true,
          payload: nothing
        })
      }
    }
  }

  afterQueued (fn: () => void): void {
    this.#tasks.add(fn)
  }

  add (subscription: InProcessSubscription): void {
    this.#index.add(subscription.pattern, subscription)
  }

  remove (subscription: InProcessSubscription): void {
    this.#index.remove(subscription.pattern, subscription)
  }

  forget (connection: InProcessConnection): void {
    if (this.#connections.get(connection.name) === connection) {
      this.#connections.delete(connection.name)
    }
  }

  #transmit (delivery: Delivery): void {
    const { payload, subscriptions } = delivery
    const delaysMs = this.#plan.isCut(delivery.from, delivery.to.name) ? [] : this.#plan.delaysMs()
    if (delaysMs.length === 0) this.counters.lost++
    else this.counters.duplicated += delaysMs.length - 1
    for (const delayMs of delaysMs) {
      payload.retain(subscriptions.length)
      const arrive = (): void => this.#deliver(delivery)
      if (delayMs === 0) this.afterQueued(arrive)
      else this.#timers.after(delayMs, () => this.afterQueued(arrive))
    }
  }

  #deliver (
    { from, to, losses, subscriptions, subject, replyTo, noResponders, payload }: Delivery
  ): void {
    if (to.losses !== losses || this.#plan.isCut(from, to.name)) {
      this.counters.lost++
      payload.release(subscriptions.length)
      return
    }
    this.counters.delivered++
    for (const subscription of subscriptions) {
      const bytes = payload.take()
      to.receive(subscription, {
        subject,
        bytes,
        ...(replyTo !== undefined && { replyTo }),
        ...(noResponders && { noResponders })
      })
    }
  }

  #connection (name: string): InProcessConnection {
    const connection = this.#connections.get(name)
    if (connection === undefined) throw new TypeError(`no connection is called ${describe(name)}`)
    return connection
  }
}

function checkOptions (options: InProcessNetworkOptions): void {
  assertCalls('InProcessNetwork', options, ['timers.after', 'random.uint32'])
  const { limits, maxMessageBytes = 1, maxQueuedBytes = 1 } = options
  assertBounds(limits, ['maxPartBytes', 'maxUnflushedBytes', 'maxSubjectBytes'])
  for (const [name, bytes] of Object.entries({ maxMessageBytes, maxQueuedBytes })) {
    if (Number.isSafeInteger(bytes) && bytes >= 1) continue
    throw new TypeError(`${name} must be a whole number of bytes from 1 up, got ${describe(bytes)}`)
  }
}
