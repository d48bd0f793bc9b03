/**
 * Answers readers on one node: checks a request (see request-protocol.ts) and hands it to the
 * replica it is for. A node keeps nothing for a reader, so ten thousand idle consumers cost nothing
 * here.
 */
import { EnvelopeError } from '../../../engine/errors.js'
import type { Limits } from '../../../engine/limits.js'
import * as v from '../../../engine/base/schema.js'
import type { Replicator } from '../../../replication/replicator.js'
import { find } from './find.js'
import { getRecords, scanShard } from './get-and-scan.js'
import { commitCursors, committedCursors, digests, poll } from './poll.js'
import { readRequest, type ReadReply, type ReadRequest } from '../request-protocol.js'
import type { NodeStatus } from '../status-protocol.js'

export interface RequestServerOptions {
  readonly replicatorOf: (cache: string) => Replicator
  readonly status: () => NodeStatus
  readonly limits: Limits
}

export class RequestServer {
  readonly #options: RequestServerOptions
  readonly #request: ReturnType<typeof readRequest>

  constructor (options: RequestServerOptions) {
    this.#options = options
    this.#request = readRequest(options.limits)
  }

  /**
   * @throws EnvelopeError, UnavailableError (not held here), CursorError, QueryError,
   * NotIndexedError, LimitError
   */
  answer (value: unknown): ReadReply<ReadRequest['op']> {
    const { replicatorOf, status, limits } = this.#options
    const parsed = v.safeParse(this.#request, value)
    if (!parsed.success) {
      throw new EnvelopeError('shape', 'the request is not shaped as it should be')
    }
    const request = parsed.output
    if (request.op === 'status') return status()
    const replicator = replicatorOf(request.cache)
    switch (request.op) {
      case 'get':
        return getRecords(replicator, request, limits)
      case 'poll':
        return poll(replicator, request, limits)
      case 'digests':
        return digests(replicator, request)
      case 'cursors':
        return committedCursors(replicator, request)
      case 'commit':
        return commitCursors(replicator, request, limits)
      case 'scan':
        return scanShard(replicator, request, limits)
      case 'find':
        return find(replicator, request, limits)
      case 'forget':
        return replicator.forget(request.store)
    }
  }
}
