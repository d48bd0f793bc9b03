/** Everything a node or client reports: one union, for logs, metrics and other listeners. */
import type { ReplicationEvent } from '../replication/events.js'
import type { PubsubEvent } from '../pubsub/events.js'
import type { PersisterEvent } from '../storage/write-behind/persister.js'

export type MillpondEvent =
  | ReplicationEvent
  | PubsubEvent
  | PersisterEvent & { readonly cache: string }
  /** The connection to the servers was lost, or is there again. The first one is not reported. */
  | { readonly type: 'connection', readonly connected: boolean }
  /** A trouble of the connection that no call reports, or an exception in a message handler. */
  | { readonly type: 'connection-problem', readonly error: unknown }
  /** A write failed after its call had returned, whether or not its promise is awaited. */
  | {
    readonly type: 'write-failed',
    readonly cache: string,
    readonly key: string,
    readonly error: unknown
  }

export type OnMillpondEvent = (event: MillpondEvent) => void
