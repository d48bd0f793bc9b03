/** Everything a ShardSet is given, and the listener that it tells of changes. */
import type { HybridClock } from '../engine/base/hlc.js'
import type { EngineEvent } from '../engine/events.js'
import type { Limits } from '../engine/limits.js'
import type { IndexDeclaration } from '../engine/query/query.js'
import type { Topology } from '../engine/topology/topology.js'
import type { Persister } from './write-behind/persister.js'

export type ShardSetEvent =
  | EngineEvent
  /** `blobs` of a stored shard failed their checksum, or lay behind one that did. */
  | { readonly type: 'shard-damaged', readonly shard: number, readonly blobs: number }

export interface ShardSetContext {
  readonly topology: Topology
  readonly limits: Limits
  readonly clock: HybridClock
  readonly persister: Persister
  /** The id of this process life, under which its shards write. */
  readonly incarnation: number
  /** Another unused id, for shards whose log this life has begun before and given up. */
  readonly drawIncarnation: () => number
  /** The fields queries can ask for. Default: none, and then indexes cost nothing. */
  readonly indexes?: IndexDeclaration
  readonly onEvent: (event: ShardSetEvent) => void
}

export interface ShardSetListener {
  /** A delta of own writes, to be published. */
  readonly onDelta: (shard: number, delta: Uint8Array) => void
  /** The shard's log grew, by a write or a merge. */
  readonly onChange: (shard: number) => void
  /** A write is buffered, or a shard is to be stored anew: flush() within the flush interval. */
  readonly onPending: () => void
}
