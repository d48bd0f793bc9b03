/** What a node says of itself when it is asked for its status. */
import * as v from '../../engine/base/schema.js'

const CacheStatus = v.object({
  shards: v.count,
  groups: v.count,
  replicas: v.count,
  /** Records that exist, over the shards held here. */
  records: v.count,
  /** Entries in memory that records consist of, over the shards held here. */
  liveEntries: v.count,
  /** Superseded entries still in memory, over the shards held here. */
  deadEntries: v.count,
  /** Batches heard of and not merged yet. */
  lag: v.count,
  unstoredBytes: v.count,
  /** The placement groups held here. */
  held: v.array(
    v.object({
      group: v.count,
      phase: v.string(),
      owners: v.array(v.string()),
      sequence: v.count,
      root: v.string()
    })
  )
})
export type CacheStatus = v.InferOutput<typeof CacheStatus>

export const NodeStatus = v.object({
  node: v.string(),
  incarnation: v.count,
  /** The members this node sees, itself included. */
  members: v.array(v.string()),
  caches: v.record(v.string(), CacheStatus)
})
export type NodeStatus = v.InferOutput<typeof NodeStatus>
