/**
 * Asks a peer one question of peer-protocol.ts and checks that the answer is shaped as one. Each
 * question is for one process life of the peer: under its name another may run by now.
 */
import * as v from '../../engine/base/schema.js'
import { EnvelopeError, UnavailableError } from '../../engine/errors.js'
import type { CacheContext } from '../contexts.js'
import type { NodeLife } from '../membership/heartbeat.js'
import { PeerAnswers, type PeerAnswer, type PeerOp, type PeerQuestion } from './peer-protocol.js'

/** A question without its operation, the cache, and the life that is asked. */
type QuestionBody<Op extends PeerOp> = Omit<
  Extract<PeerQuestion, { op: Op }>,
  'op' | 'cache' | 'to'
>

export class PeerClient {
  readonly #context: CacheContext

  constructor (context: CacheContext) {
    this.#context = context
  }

  /** The life under this name, as last heard. @throws UnavailableError when it has left */
  life (peer: string): NodeLife {
    const incarnation = this.#context.membership.members.get(peer)?.incarnation
    if (incarnation === undefined) throw new UnavailableError(`${peer} has left`)
    return { id: peer, incarnation }
  }

  /**
   * @throws EnvelopeError when the answer is not shaped as it should be; TimeoutError,
   *   UnavailableError, BusyError, RemoteError as Messenger.request does
   */
  async ask<Op extends PeerOp> (
    peer: NodeLife,
    op: Op,
    question: QuestionBody<Op>
  ): Promise<PeerAnswer<Op>> {
    const { cache, messenger, subjects, self, timing } = this.#context
    const answer = await messenger.request(
      subjects.peer(peer.id, self.id),
      { op, cache, to: peer.incarnation, ...question },
      timing.requestTimeoutMs,
      { what: `${op} at ${peer.id}`, changes: false, node: peer.id }
    )
    const parsed = v.safeParse(PeerAnswers[op], answer)
    if (!parsed.success) {
      throw new EnvelopeError(
        'shape',
        `the answer of ${peer.id} to ${op} is not shaped as it should be`
      )
    }
    return parsed.output
  }
}
