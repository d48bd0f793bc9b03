/**
 * Asks nodes (see request-protocol.ts) and checks their answers. Where one holder cannot answer the
 * next one is asked, and all of them again for a while.
 */
import { ClosedError, EnvelopeError, MillpondError } from '../../../engine/errors.js'
import { describe } from '../../../engine/base/plain.js'
import type { Ports } from '../../../engine/ports.js'
import * as v from '../../../engine/base/schema.js'
import { intervals } from '../../../engine/timing.js'
import type { Messenger } from '../../../replication/messages/messenger.js'
import { noHolder, type Router } from '../../../replication/membership/router.js'
import type { Subjects } from '../../../replication/messages/subjects.js'
import { ReadReplies, type Asked, type ReadRequest, type ReadReply } from '../request-protocol.js'

/** @throws TypeError when it cannot be the name of a node */
export function assertNodeName (node: unknown): asserts node is string {
  if (typeof node === 'string') return
  throw new TypeError(`node must be the name of a node, got ${describe(node)}`)
}

export interface RequestClientOptions {
  readonly messenger: Messenger
  readonly ports: Ports
  readonly subjects: Subjects
  /** For one answer. After as long, askHolder begins no other round. */
  readonly timeoutMs: number
  /** The node this client runs on: it is asked without a message. */
  readonly self?: { readonly id: string, readonly answer: (request: unknown) => unknown }
}

export class RequestClient {
  readonly #options: RequestClientOptions
  #closed = false

  constructor (options: RequestClientOptions) {
    this.#options = options
  }

  /**
   * @throws ClosedError, TimeoutError, UnavailableError, RemoteError; EnvelopeError when the answer
   *   is not one
   */
  async ask<Op extends ReadRequest['op']> (
    node: string,
    op: Op,
    request: Asked<Op>
  ): Promise<ReadReply<Op>> {
    const { messenger, subjects, timeoutMs, self } = this.#options
    this.#assertOpen()
    if (node === self?.id) return self.answer({ op, ...request }) as ReadReply<Op>
    const parsed = v.safeParse(
      ReadReplies[op],
      await messenger.request(subjects.requests(node), { op, ...request }, timeoutMs, node)
    )
    if (!parsed.success) {
      throw new EnvelopeError('shape', `${node} answered ${op} with something else`)
    }
    return parsed.output
  }

  /**
   * Asks the holders of a placement group in turn until one answers, which is one round. Where none
   * can, there is another round after a pause that doubles each time, because a view catches up
   * with nodes that come and go. No round begins later than timeoutMs after the first. Each holder
   * of a round may take timeoutMs, so a round of silent holders ends later.
   * @throws ClosedError; an error that trying again does not mend; else, when no further round may
   *   begin, the error of the last holder, or UnavailableError where there is no holder
   */
  async askHolder<Op extends ReadRequest['op']> (
    router: Router,
    group: number,
    op: Op,
    request: Asked<Op>
  ): Promise<ReadReply<Op>> {
    const { ports: { clock, timers }, timeoutMs } = this.#options
    const deadlineMs = clock.monotonicMs() + timeoutMs
    for (let pauseMs = intervals.minReadRetryMs;; pauseMs *= 2) {
      this.#assertOpen()
      let last: MillpondError = noHolder(router.cache, [group])
      for (const node of router.holders(group)) {
        try {
          return await this.ask(node, op, request)
        } catch (error) {
          if (!(error instanceof MillpondError) || !error.retryable) throw error
          last = error
        }
      }
      const leftMs = deadlineMs - clock.monotonicMs()
      if (leftMs <= 0) throw last
      await new Promise<void>(resolve => {
        timers.after(Math.min(pauseMs, leftMs), resolve)
      })
    }
  }

  /** Asks nothing more: the node itself would go on answering, and others be asked in vain. */
  close (): void {
    this.#closed = true
  }

  /** @throws ClosedError */
  #assertOpen (): void {
    if (this.#closed) throw new ClosedError('connection')
  }
}
