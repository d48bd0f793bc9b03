/**
 * What every reader of one cache uses, on a node or on a client. Built once per cache and process,
 * and handed on whole.
 */
import type { Limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import type { Router } from '../replication/membership/router.js'
import type { Messenger } from '../replication/messages/messenger.js'
import type { Subjects } from '../replication/messages/subjects.js'
import type { RequestClient } from './requests/request-client.js'

export interface ReadContext {
  readonly router: Router
  readonly requests: RequestClient
  readonly ports: Ports
  readonly limits: Limits
}

/** What consumers use besides. */
export interface ConsumerContext extends ReadContext {
  readonly messenger: Messenger
  readonly subjects: Subjects
  /** How often heartbeats' digests are compared with what was read, to find lost hints. */
  readonly checkIntervalMs: number
  /** How long a shard may be ahead of every replica before it is read again from the start. */
  readonly behindPatienceMs: number
  /** Aborted when the cache's node or client closes: every consumer ends. */
  readonly closing: AbortSignal
}
