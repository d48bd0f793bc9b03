/**
 * The contexts that parts of a node or client share: of its cluster, of one cache, and of a cache
 * that it holds replicas of. Each is built once and handed to a part whole, beside the few other
 * parts that this part works with.
 */
import type { SharedTime } from '../engine/base/hlc.js'
import type { Limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import type { Timing } from '../engine/timing.js'
import type { Topology } from '../engine/topology/topology.js'
import type { OnEvent } from './events.js'
import type { StoreIdentity } from './groups/roster.js'
import type { CacheShape } from './membership/cache-shape.js'
import type { Member, NodeLife } from './membership/heartbeat.js'
import type { Place } from './membership/placement.js'
import type { Messenger } from './messages/messenger.js'
import type { Subjects } from './messages/subjects.js'

/** The things that all parts of a node or client share: built once when it is opened. */
export interface ClusterContext {
  readonly limits: Limits
  readonly timing: Timing
  readonly ports: Ports
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly onEvent: OnEvent
}

/** A cache as a node and a client alike reach it. */
export interface CacheAccess extends ClusterContext {
  readonly cache: string
}

/**
 * Hears every heartbeat of another node: whether it is new here, and whether it had been silent for
 * longer than the failure timeout, as one that is new has been.
 */
export type BeatListener = (
  member: Member,
  contact: { readonly joined: boolean, readonly wasAway: boolean }
) => void

/** The nodes in view, as Membership knows them. */
export interface View {
  /** Other nodes that are alive as far as is known here, by name. */
  readonly members: ReadonlyMap<string, Member>
  /** The time that the nodes agree on. */
  readonly time: Pick<SharedTime, 'nowMs' | 'isShared'>
  /**
   * Grows whenever a node joined, left, entered another phase, this one included, or published its
   * first writes in a placement group.
   */
  readonly viewVersion: number
  /** Something that this node holds changed: tell the others soon. */
  selfChanged(): void
  onBeat(listener: BeatListener): void
  onLeft(listener: (member: Member) => void): void
}

/** A cache of which this node holds replicas. */
export interface CacheContext extends CacheAccess {
  readonly shape: CacheShape
  readonly topology: Topology
  /** This node, in this process life. */
  readonly self: Place & NodeLife
  /** Where this node keeps the cache. */
  readonly store: StoreIdentity
  /** Nodes in view, this one included, without which no placement group begins anew. */
  readonly expectNodes: number
  readonly membership: View
}
