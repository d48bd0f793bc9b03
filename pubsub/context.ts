/**
 * The surroundings that all readers of one cache share, on a node or on a client. A context is
 * built once per cache and process, and handed on whole.
 */
import type { Limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import type { Pace } from '../engine/timing.js'
import type { Router } from '../replication/membership/router.js'
import type { Messenger } from '../replication/messages/messenger.js'
import type { Subjects } from '../replication/messages/subjects.js'
import type { LiveConsumers } from './consumer/live-consumers.js'
import type { OnPubsubEvent } from './events.js'
import type { RequestClient } from './requests/ask/request-client.js'

export interface ReadContext {
  readonly router: Router
  readonly requests: RequestClient
  readonly ports: Ports
  readonly limits: Limits
}

/** The surroundings of the cache's consumers. */
export interface ConsumerContext extends ReadContext {
  readonly messenger: Messenger
  readonly subjects: Subjects
  /** How often nodes are heard, which says how long to wait for them. It may change. */
  readonly pace: () => Pace
  readonly onEvent: OnPubsubEvent
  /** Lists every consumer of this node or client as long as it runs. */
  readonly consumers: LiveConsumers
}
