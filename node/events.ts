/** Everything a node or client reports: one union, for logs, metrics and other listeners. */
import type { ReplicationEvent } from '../replication/events.js'
import type { PubsubEvent } from '../pubsub/events.js'
import type { PersisterEvent } from '../storage/write-behind/persister.js'

export type MillpondEvent =
  | ReplicationEvent
  | PubsubEvent
  | PersisterEvent & { readonly cache: string }
  | { readonly type: 'connection', readonly connected: boolean }
  | { readonly type: 'connection-problem', readonly error: unknown }
  /** A write failed after put or delete had returned. */
  | {
    readonly type: 'write-failed',
    readonly cache: string,
    readonly key: string,
    readonly error: unknown
  }

export type OnMillpondEvent = (event: MillpondEvent) => void
