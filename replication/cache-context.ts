/**
 * What the parts of replication share, as one value: whoever opens a cache builds it once and hands
 * it to each part whole, beside the few parts that part works with.
 */
import type { Topology } from '../engine/topology/topology.js'
import type { CacheShape } from './membership/cache-shape.js'
import type { ClusterContext, Membership } from './membership/membership.js'
import type { Place } from './membership/placement.js'

/** What a node and a client alike need to reach a cache. */
export interface CacheAccess extends ClusterContext {
  readonly cache: string
}

/** What a node needs to hold replicas of a cache. */
export interface CacheContext extends CacheAccess {
  readonly shape: CacheShape
  readonly topology: Topology
  /** This node, in this process life. */
  readonly self: Place & { readonly incarnation: number }
  readonly membership: Membership
}
