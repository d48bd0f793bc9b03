/**
 * The context that all parts of a cache's replication share. A node builds one per cache and hands
 * it to each part whole, beside the few other parts that this part works with.
 */
import type { Topology } from '../engine/topology/topology.js'
import type { CacheShape } from './membership/cache-shape.js'
import type { ClusterContext, Membership } from './membership/membership.js'
import type { Place } from './membership/placement.js'

/** A cache as a node and a client alike reach it. */
export interface CacheAccess extends ClusterContext {
  readonly cache: string
}

/** A cache of which this node holds replicas. */
export interface CacheContext extends CacheAccess {
  readonly shape: CacheShape
  readonly topology: Topology
  /** This node, in this process life. */
  readonly self: Place & { readonly incarnation: number }
  readonly membership: Membership
}
