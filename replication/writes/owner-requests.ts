/**
 * Sends one batch of writes to a holder and waits for the outcome of each. A holder has as long to
 * answer as the write concern may take; when it leaves meanwhile, the batch fails at once.
 */
import * as v from '../../engine/base/schema.js'
import { EnvelopeError, MillpondError } from '../../engine/errors.js'
import { writeAnswerMs } from '../../engine/timing.js'
import { moreOf, type Write } from '../../engine/write/write.js'
import type { CacheAccess } from '../contexts.js'
import type { NodeLife } from '../membership/heartbeat.js'
import type { Router } from '../membership/router.js'
import type { OutgoingWrite } from './outgoing-write.js'
import { WriteOutcomes, type WriteBatch } from './write-protocol.js'

export class OwnerRequests {
  readonly #context: CacheAccess
  /** Per holder, how to give up the batches that it was sent and has not answered. */
  readonly #waiting = new Map<string, Set<(error: Error) => void>>()

  constructor (context: CacheAccess, router: Pick<Router, 'onLeft'>) {
    this.#context = context
    router.onLeft(node => this.#left(node))
  }

  /**
   * Sends writes that share a write concern and its timeout.
   * @returns the outcomes, in the order of the writes
   * @throws EnvelopeError when the answer is not shaped as outcomes; UnavailableError,
   *   TimeoutError, BusyError, RemoteError as Messenger.request does
   */
  async send (holder: NodeLife, writes: readonly OutgoingWrite[]): Promise<WriteOutcomes> {
    const { cache, messenger, subjects, timing } = this.#context
    const [{ concern, timeoutMs }] = writes as readonly [OutgoingWrite]
    const batch: WriteBatch = {
      cache,
      to: holder.incarnation,
      concern,
      timeoutMs,
      writes: writes.map(({ write }) => tupleOf(write))
    }
    const waitMs = writeAnswerMs(timing, concern === 'buffered' ? 0 : timeoutMs)
    const answer = await this.#unlessLeft(
      holder.id,
      messenger.request(subjects.writes(holder.id), batch, waitMs)
    )
    const parsed = v.safeParse(WriteOutcomes, answer)
    if (!parsed.success || parsed.output.length !== writes.length) {
      throw new EnvelopeError(
        'shape',
        `${holder.id} answered a batch of writes with something else`
      )
    }
    return parsed.output
  }

  async #unlessLeft (node: string, answer: Promise<unknown>): Promise<unknown> {
    const waiting = this.#waiting.get(node) ?? new Set<(error: Error) => void>()
    this.#waiting.set(node, waiting)
    return await new Promise((resolve, reject) => {
      waiting.add(reject)
      answer.then(resolve, reject).finally(() => waiting.delete(reject)).catch(() => {})
    })
  }

  #left (node: string): void {
    for (const reject of this.#waiting.get(node) ?? []) {
      reject(
        new MillpondError('UNAVAILABLE', `${node} left before it answered`, {
          changed: 'maybe',
          retryable: true
        })
      )
    }
  }
}

function tupleOf (write: Write): WriteBatch['writes'][number] {
  const { fields, more = null } = moreOf(write)
  return [write.key, write.version, write.stamp, fields, more as WriteBatch['writes'][number][4]]
}
