/**
 * Sends one batch of writes to a holder and waits for the outcome of each, no longer than the time
 * that the writes have left.
 */
import * as v from '../../engine/base/schema.js'
import { EnvelopeError } from '../../engine/errors.js'
import { answerReserveMs } from '../../engine/timing.js'
import { moreOf, type Write } from '../../engine/write/write.js'
import type { CacheAccess } from '../contexts.js'
import type { NodeLife } from '../membership/heartbeat.js'
import type { OutgoingWrite } from './outgoing-write.js'
import { WriteOutcomes, type WriteBatch } from './write-protocol.js'

export class OwnerRequests {
  readonly #context: CacheAccess
  readonly #writer: number

  /** @param writer the life of this process, which the writes entered in */
  constructor (context: CacheAccess, writer: number) {
    this.#context = context
    this.#writer = writer
  }

  /**
   * Sends writes that share a write concern, and whether they are to be taken as they are.
   * @param waitMs how long the answer may take; the replicas are given a little less, so that the
   *   answer can say how far it got
   * @returns the outcomes, in the order of the writes
   * @throws EnvelopeError when the answer is not shaped as outcomes; UnavailableError,
   *   TimeoutError, BusyError, RemoteError as Messenger.request does
   */
  async send (
    holder: NodeLife,
    writes: readonly OutgoingWrite[],
    waitMs: number
  ): Promise<WriteOutcomes> {
    const { cache, messenger, subjects } = this.#context
    const [{ concern, isAsItIs }] = writes as readonly [OutgoingWrite]
    const batch: WriteBatch = {
      cache,
      to: holder.incarnation,
      concern,
      timeoutMs: Math.max(0, Math.ceil(waitMs - answerReserveMs(waitMs))),
      restamps: !isAsItIs,
      writer: this.#writer,
      writes: writes.map(({ write }) => tupleOf(write))
    }
    const answer = await messenger.request(
      subjects.writes(holder.id),
      batch,
      waitMs,
      { what: `write at ${holder.id}`, changes: true, node: holder.id }
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
}

function tupleOf (write: Write): WriteBatch['writes'][number] {
  const { fields, more = null } = moreOf(write)
  const { key, version, stamp, entered } = write
  const rest = entered === undefined ? more : { ...more, sequence: entered.sequence }
  return [key, version, stamp, fields, rest as WriteBatch['writes'][number][4]]
}
