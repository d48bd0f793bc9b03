/** The context that all parts of a node or client share, whose listener hears every event. */
import type { ClusterContext } from '../replication/contexts.js'
import type { OnMillpondEvent } from './events.js'

export interface NodeContext extends ClusterContext {
  readonly onEvent: OnMillpondEvent
}
