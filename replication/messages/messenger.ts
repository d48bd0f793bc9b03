/**
 * Messages instead of bytes: values in checked envelopes over a Transport, either one way (`send`,
 * `on`) or as a question with one answer (`request`, `serve`). Large values are cut into parts and
 * put together again.
 *
 * A request that gets no answer in time is rejected. Whether it was carried out is then unknown,
 * and a network may deliver a request twice. So every operation served here is harmless to repeat,
 * with one exception: a batch of writes may hold increments, and the WriteServer drops a copy of
 * one that it has taken.
 */
import { decodeCbor, encodeCbor, isPlainCbor } from '../../engine/base/codec.js'
import * as v from '../../engine/base/schema.js'
import { everyStep } from '../../engine/base/every-step.js'
import { asError } from '../../engine/base/thrown.js'
import { ClosedError, EnvelopeError, MillpondError, NobodyListensError, RemoteError,
  UnavailableError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import type { Ports } from '../../engine/ports.js'
import type { OnEvent } from '../events.js'
import type { IncomingMessage, Subscription, Transport } from '../transport/transport.js'
import { Assembler } from './assembler.js'
import { decodePart, encodeParts, type MessageKind } from './envelope.js'
import { PendingRequests, type RequestKind } from './pending-requests.js'
import { refusalOf, replyOf, RequestReply } from './request-reply.js'

/**
 * A message is nested as deep as a value, and as far as the values lie inside it: reply, page,
 * change, fields, with room.
 */
const DEPTH_AROUND_VALUES = 16

/**
 * Returned by a handler that leaves a request unanswered: it is for another process life, or a copy
 * of a request that is being answered.
 */
export const NO_ANSWER = Symbol('no answer')

/** The listener number of replies. */
const REPLIES = 0

export interface MessengerOptions {
  readonly transport: Transport
  readonly ports: Ports
  readonly limits: Limits
  readonly onEvent: OnEvent
}

export class Messenger {
  readonly transport: Transport
  readonly #limits: Limits
  readonly #onEvent: OnEvent
  readonly #assembler: Assembler
  readonly #pending: PendingRequests
  readonly #replies: Subscription
  readonly #losses: Subscription
  #nextId: number
  /** Each listener puts parts together by itself: two on one subject both get the whole message. */
  #nextListener = REPLIES + 1
  #closed = false

  constructor ({ transport, ports, limits, onEvent }: MessengerOptions) {
    this.transport = transport
    this.#limits = limits
    this.#onEvent = onEvent
    this.#assembler = new Assembler(limits)
    this.#pending = new PendingRequests(ports.timers, limits)
    this.#nextId = ports.random.uint32()
    this.#replies = transport.subscribe(
      `${transport.inbox}.*`,
      message => this.#receiveReply(message)
    )
    this.#losses = transport.onConnection(connected => {
      if (!connected) this.#pending.connectionLost()
    })
  }

  /**
   * Sends a value to all who listen. A transport that fails drops it: most of these messages are
   * sent from timers, where there is no caller to tell.
   * @returns false when the transport dropped it at once
   * @throws EnvelopeError when it is too large to travel
   */
  send (subject: string, kind: MessageKind, value: unknown): boolean {
    if (this.#closed) return false
    const parts = this.#partsOf(subject, kind, value)
    try {
      return parts.every(part => this.transport.publish(subject, part))
    } catch (error) {
      // A connection that the program closed under its node takes no messages, as a lost one.
      if (!(error instanceof ClosedError)) this.#reportFailure(subject, error)
      return false
    }
  }

  /** Calls `handle` with every value of this kind sent to a matching subject. */
  on (
    pattern: string,
    kind: MessageKind,
    handle: (value: unknown, subject: string) => void
  ): Subscription {
    const listener = this.#nextListener++
    return this.transport.subscribe(pattern, message => {
      const value = this.#open(message, kind, listener)
      if (value === undefined) return
      try {
        handle(value, message.subject)
      } catch (error) {
        this.#reportFailure(message.subject, error)
      }
    })
  }

  /**
   * Asks one question.
   * @throws TimeoutError, UnavailableError (no subscriber there), BusyError, ClosedError, or the
   *   error that the other side answered, as a RemoteError; code UNAVAILABLE, perhaps changed where
   *   the request changes something, when the node left or the connection was lost before an answer
   */
  async request (
    subject: string,
    value: unknown,
    timeoutMs: number,
    kind: RequestKind
  ): Promise<unknown> {
    this.#pending.assertRoom()
    const token = String(this.#nextId++)
    const answer = this.#pending.wait(token, kind, timeoutMs)
    try {
      if (!this.#publish(subject, 'request', value, `${this.transport.inbox}.${token}`)) {
        this.#pending.reject(token, ({ what }) => new UnavailableError(`${what}: not connected`))
      }
    } catch (error) {
      this.#pending.reject(token, () => asError(error))
    }
    return await answer
  }

  /**
   * Answers questions sent to a matching subject. An error that `handle` throws is answered as an
   * error, NO_ANSWER not at all. `request` names the question among all there ever were: a copy of
   * a message has the same name.
   */
  serve (
    pattern: string,
    handle: (value: unknown, subject: string, request: string) => unknown
  ): Subscription {
    const listener = this.#nextListener++
    return this.transport.subscribe(pattern, message => {
      const { replyTo } = message
      const value = this.#open(message, 'request', listener)
      if (value === undefined || replyTo === undefined) return
      void Promise.resolve().then(() => handle(value, message.subject, replyTo))
        .then(
          answer => answer === NO_ANSWER ? undefined : replyOf(answer),
          (error: unknown) => {
            if (!(error instanceof MillpondError)) this.#reportFailure(message.subject, error)
            return { error: refusalOf(error) }
          }
        )
        .then(reply => reply === undefined || this.#publish(replyTo, 'reply', reply))
        .catch((error: unknown) => this.#reportFailure(message.subject, error))
    })
  }

  /** A node left: no answer of it is waited for any more. */
  nodeLeft (node: string): void {
    this.#pending.nodeLeft(node)
  }

  /** Requests without an answer so far. */
  get requestsWaiting (): number {
    return this.#pending.size
  }

  /** Messages of which only some parts have arrived. */
  get partialMessages (): number {
    return this.#assembler.unfinished
  }

  close (): void {
    if (this.#closed) return
    this.#closed = true
    everyStep([
      () => this.#losses.close(),
      () => this.#replies.close(),
      () => this.#pending.close()
    ])
  }

  #publish (subject: string, kind: MessageKind, value: unknown, replyTo?: string): boolean {
    if (this.#closed) return false
    const parts = this.#partsOf(subject, kind, value)
    return parts.every(part => this.transport.publish(subject, part, replyTo))
  }

  #partsOf (subject: string, kind: MessageKind, value: unknown): Uint8Array[] {
    return encodeParts(
      kind,
      this.#nextId++ >>> 0,
      encodeCbor(value),
      this.transport.maxMessageBytes,
      subject,
      this.#limits
    )
  }

  /**
   * The value of a message of this kind; undefined when it is refused, of another kind, or not
   * complete yet.
   */
  #open (message: IncomingMessage, kind: MessageKind, listener: number): unknown {
    try {
      const part = decodePart(message.bytes, message.subject, this.#limits)
      if (part.kind !== kind) return undefined
      const content = this.#assembler.add(`${listener} ${message.replyTo ?? message.subject}`, part)
      if (content === null) return undefined
      if (!isPlainCbor(content, this.#limits.maxValueDepth + DEPTH_AROUND_VALUES)) {
        throw new EnvelopeError('content', 'its content is not one plain value')
      }
      return decodeCbor(content)
    } catch (error) {
      this.#refuse(message.subject, error instanceof EnvelopeError ? error.reason : 'content')
      return undefined
    }
  }

  #receiveReply (message: IncomingMessage): void {
    const token = message.subject.slice(this.transport.inbox.length + 1)
    if (message.noResponders === true) {
      this.#pending.reject(
        token,
        ({ what }) => new NobodyListensError(`${what}: nobody listens there`)
      )
      return
    }
    const value = this.#open(message, 'reply', REPLIES)
    if (value === undefined) return
    const reply = v.safeParse(RequestReply, value)
    if (!reply.success) {
      this.#refuse(message.subject, 'shape')
      return
    }
    const { ok, error } = reply.output
    if (error === undefined) this.#pending.resolve(token, ok)
    else this.#pending.reject(token, () => new RemoteError(error.code, error.message, error))
  }

  #refuse (subject: string, reason: string): void {
    this.#onEvent({ type: 'message-refused', subject, reason })
  }

  #reportFailure (subject: string, error: unknown): void {
    this.#onEvent({ type: 'handler-failed', subject, error })
  }
}
