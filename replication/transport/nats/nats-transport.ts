/**
 * The Transport over a NATS connection, and the only file that knows the NATS client.
 *
 * The client is made to fit the port against its habits:
 *
 *   The client throws away what it buffered when it dials again: while it is not connected, nothing
 *     is handed to it.
 *   The client buffers without a bound: unflushed bytes are counted.
 *   The client keeps the sender's buffer until it writes, and hands out views of what it received:
 *     both are copied.
 *   An exception in a handler would end the client's read loop for good: none gets through.
 *   Flushes that are pending when the client closes never settle: they are settled here.
 *   A client closed while it looks up a server still connects, and stays connected: that attempt is
 *     made to fail.
 */
import { connect, createInbox, ErrorCode, Events, NatsError, type Msg,
  type NatsConnection } from 'nats'
import { ClosedError, ConnectionError, LimitError } from '../../../engine/errors.js'
import { intervals } from '../../../engine/timing.js'
import { ConnectionListeners } from '../connection-listeners.js'
import { cannotConnect, loginRefused, reportedBy } from './nats-errors.js'
import { Flushes } from './flushes.js'
import { checkNatsOptions, clientOptions, type NatsOptions } from './nats-options.js'
import { settledWithin } from '../settled-within.js'
import { assertPattern, assertSubject } from '../subjects-match.js'
import type { IncomingMessage, Subscription, Transport } from '../transport.js'

/** The command and the separators around subject, reply subject and size. */
const COMMAND_BYTES = 32

/** Once `leaving`, no attempt of the client to connect succeeds any more. */
interface Gate {
  leaving: boolean
}

/**
 * Connects, or fails within connectTimeoutMs (default: 3000). A connection once made looks after
 * itself until it is closed: it dials again for as long as it takes.
 * @throws ConfigError naming the option that cannot be used; ConnectionError when no server answers
 *   or the login is refused
 */
export async function connectNats (options: NatsOptions): Promise<Transport> {
  const { servers, inboxPrefix } = checkNatsOptions(options)
  const gate: Gate = { leaving: false }
  const { random, timers, name, connectTimeoutMs = intervals.natsConnectTimeoutMs } = options
  const fraction = (): number => random.uint32() / 2 ** 32
  const dialling = connect(clientOptions(options, servers, fraction, () => {
    if (gate.leaving) throw new ClosedError(name)
  }))
  if (!await settledWithin(dialling, timers, connectTimeoutMs)) {
    gate.leaving = true
    dialling.then(late => late.close()).catch(() => undefined)
    throw failed(servers, new Error(`no answer within ${connectTimeoutMs} ms`))
  }
  try {
    return new NatsTransport(await dialling, options, inboxPrefix, gate)
  } catch (error) {
    throw failed(servers, error)
  }
}

const LOGIN_ERRORS: readonly string[] = [ErrorCode.AuthorizationViolation,
  ErrorCode.BadAuthentication, ErrorCode.AuthenticationExpired, ErrorCode.AuthenticationTimeout,
  ErrorCode.AccountExpired]

function failed (servers: readonly string[], cause: unknown): ConnectionError {
  const refused = cause instanceof NatsError && LOGIN_ERRORS.includes(cause.code)
  return refused ? loginRefused(servers, cause) : cannotConnect(servers, cause)
}

function incoming ({ subject, reply, data, headers }: Msg): IncomingMessage {
  if (data.length === 0 && headers?.code === 503) {
    return { subject, bytes: new Uint8Array(0), noResponders: true }
  }
  const bytes = new Uint8Array(data)
  return reply === undefined || reply === ''
    ? { subject, bytes }
    : { subject, bytes, replyTo: reply }
}

class NatsTransport implements Transport {
  readonly inbox: string
  #up = true
  #dropped = 0
  #maxMessageBytes = 0
  #leaving: Promise<void> | undefined
  readonly #nc: NatsConnection
  readonly #gate: Gate
  readonly #options: NatsOptions
  readonly #flushes: Flushes
  readonly #listeners = new ConnectionListeners(error => this.#report(error))
  readonly #subscriptions = new Set<Subscription>()
  /**
   * Reopen subscriptions that the server refused. The client forgets those, and the next server may
   * allow them.
   */
  readonly #refused = new Set<() => void>()

  constructor (nc: NatsConnection, options: NatsOptions, inboxPrefix: string, gate: Gate) {
    this.#nc = nc
    this.#gate = gate
    this.#options = options
    this.#flushes = new Flushes(
      options.maxUnflushedBytes ?? options.limits.maxUnflushedBytes,
      () => nc.flush()
    )
    this.inbox = createInbox(inboxPrefix)
    this.#readServerInfo()
    this.#watch().catch((error: unknown) => this.#report(error))
    nc.closed().then(error => this.#ended(error)).catch((error: unknown) => this.#report(error))
  }

  get maxMessageBytes (): number {
    return this.#maxMessageBytes
  }
  get connected (): boolean {
    return this.#up && this.#leaving === undefined
  }
  get dropped (): number {
    return this.#dropped
  }

  publish (subject: string, bytes: Uint8Array, replyTo?: string): boolean {
    this.#assertOpen()
    assertSubject(subject, this.#options.limits)
    if (replyTo !== undefined) assertSubject(replyTo, this.#options.limits)
    if (bytes.length > this.#maxMessageBytes) {
      throw new LimitError(
        `message of ${bytes.length} bytes on ${subject}: at most ${this.#maxMessageBytes} are ` +
          'allowed'
      )
    }
    if (!this.#up || this.#flushes.full || this.#nc.isClosed()) {
      this.#dropped++
      return false
    }
    this.#nc.publish(
      subject,
      new Uint8Array(bytes),
      replyTo === undefined ? undefined : { reply: replyTo }
    )
    this.#flushes.add(bytes.length + subject.length + (replyTo?.length ?? 0) + COMMAND_BYTES)
    return true
  }

  subscribe (pattern: string, onMessage: (message: IncomingMessage) => void): Subscription {
    this.#assertOpen()
    assertPattern(pattern, this.#options.limits)
    const deliver = (message: IncomingMessage): void => {
      if (!this.#subscriptions.has(subscription)) return
      try {
        onMessage(message)
      } catch (error) {
        this.#report(error)
      }
    }
    const open = () =>
      this.#nc.subscribe(pattern, {
        callback: (error, message) => {
          if (error === null) deliver(incoming(message))
          else this.#refused.add(reopen) // The reason is reported when it comes as a status.
        }
      })
    let inner = open()
    const reopen = (): void => {
      inner = open()
    }
    const subscription = {
      close: () => {
        this.#refused.delete(reopen)
        if (this.#subscriptions.delete(subscription)) inner.unsubscribe()
      }
    }
    this.#subscriptions.add(subscription)
    return subscription
  }

  onConnection (listener: (connected: boolean) => void): Subscription {
    return this.#listeners.add(listener)
  }

  async flush (): Promise<void> {
    this.#assertOpen()
    if (!this.#up) throw new ConnectionError(`${this.#options.name} is not connected to NATS`)
    await this.#flushes.start()
  }

  close (): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #leave (): Promise<void> {
    this.#gate.leaving = true
    for (const subscription of this.#subscriptions) subscription.close()
    if (this.#up) {
      await settledWithin(this.#flushes.start(), this.#options.timers, intervals.natsCloseTimeoutMs)
    }
    await this.#nc.close()
    this.#listeners.clear()
  }

  async #watch (): Promise<void> {
    for await (const status of this.#nc.status()) {
      if (status.type === Events.Disconnect) this.#setUp(false)
      else if (status.type === Events.Reconnect) this.#setUp(true)
      else if (status.type === Events.LDM) {
        this.#moveAway().catch((error: unknown) => this.#report(error))
      } else if (status.type === Events.Error) this.#report(reportedBy(status))
    }
  }

  #setUp (up: boolean): void {
    if (up === this.#up) return
    this.#up = up
    if (up) {
      this.#readServerInfo()
      for (const reopen of this.#refused) reopen()
      this.#refused.clear()
    } else {
      this.#flushes.lost(
        new ConnectionError(
          `${this.#options.name} lost its connection to NATS before its messages were confirmed`
        )
      )
    }
    // A program that closes its own connection has not lost it.
    if (this.#leaving === undefined) this.#listeners.tell(up)
  }

  /**
   * A server that is about to stop lets its clients go one by one. With another server to go to
   * there is no need to wait.
   */
  async #moveAway (): Promise<void> {
    await settledWithin(this.#flushes.start(), this.#options.timers, intervals.natsCloseTimeoutMs)
    const others = [this.#options.servers].flat().length > 1 ||
      (this.#nc.info?.connect_urls?.length ?? 0) > 1
    if (others && this.connected) await this.#nc.reconnect()
  }

  #ended (error: Error | void): void {
    if (this.#leaving === undefined) {
      this.#report(
        new ConnectionError(`the NATS connection of ${this.#options.name} ended for good`, error)
      )
    }
    this.#setUp(false)
  }

  #readServerInfo (): void {
    const { maxPartBytes } = this.#options.limits
    this.#maxMessageBytes = Math.min(maxPartBytes, this.#nc.info?.max_payload ?? maxPartBytes)
  }

  #report (error: unknown): void {
    try {
      if (this.#options.onProblem !== undefined) this.#options.onProblem(error)
      else process.emitWarning(error instanceof Error ? error : String(error))
    } catch {
      // A problem can only be reported, and a mistake in the report must not take the connection
      // down.
    }
  }

  #assertOpen (): void {
    if (this.#leaving !== undefined) {
      throw new ClosedError(`the NATS connection of ${this.#options.name}`)
    }
  }
}
