/**
 * Messages instead of bytes: values in checked envelopes over a Transport, one way (`send`) or as a
 * question with one answer (`request`, `serve`). Large values are cut into parts and put together
 * again.
 *
 * A request that gets no answer in time is rejected; whether it was carried out is then unknown, so
 * every operation served here must be harmless to repeat.
 */
import { decodeCbor, encodeCbor, isPlainCbor } from '../../engine/base/codec.js'
import { BusyError, ClosedError, EnvelopeError, MillpondError, RemoteError, TimeoutError,
  UnavailableError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import type { Ports, Timer } from '../../engine/ports.js'
import * as v from '../../engine/base/schema.js'
import { Assembler, decodePart, encodeParts, type Kind } from './envelope.js'
import type { OnEvent } from '../events.js'
import type { IncomingMessage, Subscription, Transport } from '../transport/transport.js'

interface Waiting {
  readonly what: string
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: Timer
}

/** Without an error it is an answer, which may be nothing at all. */
const Reply = v.object({
  ok: v.optional(v.unknown()),
  error: v.optional(
    v.object({
      code: v.string(),
      message: v.string(),
      changed: v.picklist(['no', 'yes', 'maybe']),
      retryable: v.boolean()
    })
  )
})
type Reply = v.InferOutput<typeof Reply>

/**
 * A message is nested as deep as a value, and as far as the values lie inside it: reply, page,
 * change, fields, with room.
 */
const MAX_DEPTH = limits.maxValueDepth + 16

/** Returned by whoever was asked by mistake: somebody else will answer. */
export const NO_ANSWER = Symbol('no answer')

export class Messenger {
  readonly transport: Transport
  readonly #ports: Ports
  readonly #onEvent: OnEvent
  readonly #assembler = new Assembler()
  readonly #waiting = new Map<string, Waiting>()
  readonly #replies: Subscription
  #nextId: number
  /**
   * Each subscription puts parts together by itself: two on one subject both get the whole message.
   * 0 is for replies.
   */
  #nextListener = 1
  #closed = false

  constructor (options: { transport: Transport, ports: Ports, onEvent: OnEvent }) {
    this.transport = options.transport
    this.#ports = options.ports
    this.#onEvent = options.onEvent
    this.#nextId = options.ports.random.uint32()
    this.#replies = this.transport.subscribe(
      `${this.transport.inbox}.*`,
      message => this.#receiveReply(message)
    )
  }

  /** Sends a value to whoever listens. @returns false when the transport dropped it at once */
  send (subject: string, kind: Kind, value: unknown): boolean {
    return this.#publish(subject, kind, value)
  }

  /** Calls `handle` with every value of this kind sent to a matching subject. */
  on (
    pattern: string,
    kind: Kind,
    handle: (value: unknown, subject: string) => void
  ): Subscription {
    const listener = this.#nextListener++
    return this.transport.subscribe(pattern, message => {
      const value = this.#open(message, kind, listener)
      if (value === undefined) return
      try {
        handle(value, message.subject)
      } catch (error) {
        this.#report(message.subject, error)
      }
    })
  }

  /**
   * Asks one question.
   * @throws TimeoutError, UnavailableError (nobody listens there), BusyError, or what the other
   *   side answered as a RemoteError
   */
  async request (subject: string, value: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#closed) throw new ClosedError('connection')
    if (this.#waiting.size >= limits.maxRequestsInFlight) {
      throw new BusyError(`${this.#waiting.size} requests are waiting for an answer already`)
    }
    const token = String(this.#nextId++)
    return await new Promise((resolve, reject) => {
      const timer = this.#ports.timers.after(
        timeoutMs,
        () =>
          this.#settle(token, waiting => waiting.reject(new TimeoutError(waiting.what, timeoutMs)))
      )
      this.#waiting.set(token, { what: `request to ${subject}`, resolve, reject, timer })
      try {
        if (!this.#publish(subject, 'request', value, `${this.transport.inbox}.${token}`)) {
          this.#settle(
            token,
            waiting => waiting.reject(new UnavailableError(`${waiting.what}: not connected`))
          )
        }
      } catch (error) {
        this.#settle(token, waiting => waiting.reject(error as Error))
      }
    })
  }

  /**
   * Answers questions sent to a matching subject. What `handle` throws is answered as an error,
   * NO_ANSWER not at all. `request` names the question among all there ever were: a copy of a
   * message has the same.
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
          (ok): Reply | undefined => ok === NO_ANSWER ? undefined : ok === undefined ? {} : { ok },
          (error: unknown): Reply => this.#refusal(message.subject, error)
        )
        .then(reply => reply === undefined || this.#publish(replyTo, 'reply', reply))
        .catch((error: unknown) => this.#report(message.subject, error))
    })
  }

  /** Requests without an answer so far. */
  get requestsWaiting (): number {
    return this.#waiting.size
  }
  /** Messages of which only some parts have arrived. */
  get partialMessages (): number {
    return this.#assembler.unfinished
  }

  close (): void {
    if (this.#closed) return
    this.#closed = true
    this.#replies.close()
    for (const token of [...this.#waiting.keys()]) {
      this.#settle(token, waiting => waiting.reject(new ClosedError('connection')))
    }
  }

  #publish (subject: string, kind: Kind, value: unknown, replyTo?: string): boolean {
    if (this.#closed) return false
    const parts = encodeParts(
      kind,
      this.#nextId++ >>> 0,
      encodeCbor(value),
      this.transport.maxMessageBytes,
      subject
    )
    return parts.every(part => this.transport.publish(subject, part, replyTo))
  }

  /**
   * The value of a message of this kind, or undefined when it is refused, of another kind, or not
   * complete yet.
   */
  #open (message: IncomingMessage, kind: Kind, listener: number): unknown {
    try {
      const part = decodePart(message.bytes, message.subject)
      if (part.kind !== kind) return undefined
      const content = this.#assembler.add(`${listener} ${message.replyTo ?? message.subject}`, part)
      if (content === null) return undefined
      if (!isPlainCbor(content, MAX_DEPTH)) {
        throw new EnvelopeError('content', 'its content is not one plain value')
      }
      return decodeCbor(content)
    } catch (error) {
      const reason = error instanceof EnvelopeError ? error.reason : 'content'
      this.#onEvent({ type: 'message-refused', subject: message.subject, reason })
      return undefined
    }
  }

  #receiveReply (message: IncomingMessage): void {
    const token = message.subject.slice(this.transport.inbox.length + 1)
    if (message.noResponders === true) {
      this.#settle(
        token,
        waiting => waiting.reject(new UnavailableError(`${waiting.what}: nobody listens there`))
      )
      return
    }
    const value = this.#open(message, 'reply', 0)
    if (value === undefined) return
    const reply = v.safeParse(Reply, value)
    if (!reply.success) {
      this.#onEvent({ type: 'message-refused', subject: message.subject, reason: 'shape' })
      return
    }
    const { ok, error } = reply.output
    this.#settle(
      token,
      waiting =>
        error === undefined
          ? waiting.resolve(ok)
          : waiting.reject(new RemoteError(error.code, error.message, error))
    )
  }

  #settle (token: string, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(token)
    if (waiting === undefined) return // answered twice, or too late
    this.#waiting.delete(token)
    waiting.timer.cancel()
    how(waiting)
  }

  #refusal (subject: string, error: unknown): Reply {
    if (error instanceof MillpondError) {
      return {
        error: {
          code: error.code,
          message: error.message,
          changed: error.changed,
          retryable: error.retryable
        }
      }
    }
    this.#report(subject, error)
    return {
      error: {
        code: 'INTERNAL',
        message: error instanceof Error ? error.message : String(error),
        changed: 'maybe',
        retryable: false
      }
    }
  }

  #report (subject: string, error: unknown): void {
    this.#onEvent({ type: 'handler-failed', subject, error })
  }
}
