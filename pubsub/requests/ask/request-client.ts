/**
 * Asks nodes (see request-protocol.ts) and checks their answers. Where one holder cannot answer the
 * next one is asked, and all of them again for a while.
 */
import { AbortedError, ClosedError, EnvelopeError, MillpondError,
  TimeoutError } from '../../../engine/errors.js'
import { describe } from '../../../engine/base/plain.js'
import type { Ports } from '../../../engine/ports.js'
import * as v from '../../../engine/base/schema.js'
import { abortedBy, unlessAborted, beginCall, type Call,
  type CallOptions } from '../../../engine/calls/call.js'
import { attemptMs, intervals } from '../../../engine/timing.js'
import { turnsOf, type Turns } from '../../../engine/turns.js'
import type { Messenger } from '../../../replication/messages/messenger.js'
import { noHolder, type Router } from '../../../replication/membership/router.js'
import { isToken, type Subjects } from '../../../replication/messages/subjects.js'
import { CHANGING, ReadReplies, type Asked, type ReadRequest,
  type ReadReply } from '../request-protocol.js'

/** @throws TypeError when it cannot be the name of a node */
export function assertNodeName (node: unknown): asserts node is string {
  if (typeof node === 'string' && isToken(node)) return
  throw new TypeError(`node must be the name of a node, got ${describe(node)}`)
}

export interface RequestClientOptions {
  readonly messenger: Messenger
  readonly ports: Ports
  readonly subjects: Subjects
  /** How long a call may take that does not say, and one attempt of any call. */
  readonly timeoutMs: number
  /** The node this client runs on: it is asked without a message. */
  readonly self?: { readonly id: string, readonly answer: (request: unknown) => unknown }
}

export class RequestClient {
  readonly #options: RequestClientOptions
  readonly #turns: Turns
  #closed = false

  constructor (options: RequestClientOptions) {
    this.#options = options
    this.#turns = turnsOf(options.ports)
  }

  /** @throws AbortedError when it was ended before it began */
  begin (options: CallOptions): Call {
    const { ports: { clock }, timeoutMs } = this.#options
    return beginCall(options, timeoutMs, clock)
  }

  /**
   * This node answers in the same turn of the event loop, unless that has lasted long enough: a
   * reader of its own records would let no timer run until it came to the end.
   * @param call the call that this is a part of; it has at least the time of one attempt where none
   *   is given
   * @param nodes how many nodes the rest of the call's time is for, this one included
   * @throws ClosedError, AbortedError, TimeoutError, UnavailableError, RemoteError; EnvelopeError
   *   when the answer is not one
   */
  async ask<Op extends ReadRequest['op']> (
    node: string,
    op: Op,
    request: Asked<Op>,
    call: Call = this.begin({}),
    nodes = 1
  ): Promise<ReadReply<Op>> {
    const { messenger, ports: { clock }, subjects, timeoutMs, self } = this.#options
    this.assertOpen()
    if (node === self?.id) {
      return await this.#turns.run(() => {
        this.assertOpen()
        if (call.signal?.aborted === true) throw abortedBy(call.signal, 'no')
        return self.answer({ op, ...request }) as ReadReply<Op>
      })
    }
    const what = `${op} at ${node}`
    const leftMs = call.deadlineMs - clock.monotonicMs()
    if (leftMs <= 0) throw new TimeoutError(what, call.timeoutMs, { changed: 'no' })
    const waitMs = nodes > 1 ? attemptMs({ requestTimeoutMs: timeoutMs }, leftMs, nodes) : leftMs
    const changes = CHANGING.has(op)
    const answer = messenger.request(subjects.requests(node), { op, ...request }, waitMs, {
      what,
      changes,
      node
    })
    const parsed = v.safeParse(
      ReadReplies[op],
      await unlessAborted(answer, call.signal, changes ? 'maybe' : 'no')
    )
    if (!parsed.success) {
      throw new EnvelopeError('shape', `${node} answered ${op} with something else`)
    }
    return parsed.output
  }

  /**
   * Asks the holders of a placement group in turn until one answers, which is one round. Where none
   * can, there is another round after a pause that doubles each time, because a view catches up
   * with nodes that come and go. All of it ends within the call's time: a silent holder leaves
   * those that were not asked yet an equal part of what is left.
   * @throws ClosedError, AbortedError; an error that trying again does not mend; else, when the
   *   time is up, the error of the last holder, or UnavailableError where there is no holder
   */
  async askHolder<Op extends ReadRequest['op']> (
    router: Router,
    group: number,
    op: Op,
    request: Asked<Op>,
    call: Call = this.begin({})
  ): Promise<ReadReply<Op>> {
    const { ports: { clock, timers } } = this.#options
    const leftMs = (): number => call.deadlineMs - clock.monotonicMs()
    const asked = new Set<string>()
    for (let pauseMs = intervals.minReadRetryMs;; pauseMs *= 2) {
      this.assertOpen()
      let last: MillpondError = noHolder(router.cache, [group])
      const holders = router.holders(group)
      for (const [i, node] of holders.entries()) {
        asked.add(node)
        try {
          return await this.ask(node, op, request, call, holders.length - i)
        } catch (error) {
          if (!(error instanceof MillpondError) || !error.retryable) throw error
          if (error instanceof AbortedError) throw error
          last = error
        }
        if (leftMs() <= 0) break
      }
      if (leftMs() <= 0) throw overAll(last, `${op} at ${[...asked].join(', ')}`, call)
      const pause = new Promise<void>(resolve => {
        timers.after(Math.min(pauseMs, leftMs()), resolve)
      })
      await unlessAborted(pause, call.signal, 'no')
    }
  }

  /** Asks nothing more: the node itself would go on answering, and others be asked in vain. */
  close (): void {
    this.#closed = true
  }

  /** @throws ClosedError */
  assertOpen (): void {
    if (this.#closed) throw new ClosedError('connection')
  }
}

/** The last attempt had a part of the call's time: what is told is the whole. */
function overAll (last: MillpondError, what: string, { timeoutMs }: Call): MillpondError {
  if (!(last instanceof TimeoutError)) return last
  return new TimeoutError(what, timeoutMs, { changed: last.changed, cause: last })
}
