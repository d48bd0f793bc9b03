/**
 * The status of a node, as it is asked for and answered. Figures that were added by a later release
 * have a default, because nodes of an earlier one leave them out.
 */
import * as v from '../../engine/base/schema.js'

/**
 * A consumer of the process that was asked. Ages are in milliseconds, rounded down, by that
 * process's own clock.
 */
const ConsumerStatus = v.object({
  cache: v.string(),
  consumerGroup: v.string(),
  /** `starting` while it looks for the cursors its group has committed. */
  phase: v.picklist(['starting', 'reading']),
  ageMs: v.count,
  /** Shards of the cache. */
  shards: v.count,
  /** Shards with a cursor: read at least once, or begun at a committed cursor. */
  cursors: v.count,
  /** Shards that may hold changes and wait to be read. */
  dirtyShards: v.count,
  /** Shards of which the replicas asked so far have seen less than the consumer. */
  behindShards: v.count,
  /**
   * Placement groups of the cache that no node in view holds: nothing comes from these, and nothing
   * of them can be committed.
   */
  groupsWithoutHolder: v.optional(v.count, 0),
  /** Records given to the program since the consumer began. */
  delivered: v.count,
  deliveredAgoMs: v.nullable(v.count),
  /** Records given to the program and not committed. */
  uncommitted: v.count,
  /** Shards read further than the consumer has committed. */
  uncommittedShards: v.count,
  committedAgoMs: v.nullable(v.count),
  /** The last error the consumer went on after. */
  lastError: v.nullable(
    v.object({ code: v.string(), message: v.string(), agoMs: v.count })
  )
})
export type ConsumerStatus = v.InferOutput<typeof ConsumerStatus>

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
  ),
  /**
   * Consumer groups with committed cursors in shards held here, by name, and the number of these
   * shards: the first limits.maxStatusItems of them ...
   */
  consumerGroups: v.optional(v.array(v.object({ name: v.string(), shards: v.count })), []),
  /** ... and how many more there are. */
  unlistedConsumerGroups: v.optional(v.count, 0),
  /**
   * Shards that stay behind until the node is upgraded, because a newer release wrote an entry that
   * the node cannot read: the first limits.maxStatusItems of them ...
   */
  unreadable: v.optional(
    v.array(
      v.object({
        shard: v.count,
        key: v.string(),
        field: v.optional(v.string()),
        /** Of the claim; absent where the entry as a whole has an unknown form. */
        code: v.optional(v.count)
      })
    ),
    []
  ),
  /** ... and how many more there are. */
  unlistedUnreadable: v.optional(v.count, 0),
  /** What the node waits for before it has all that it should hold, in words. */
  waitsFor: v.optional(v.string()),
  /** Placement groups that began without a store that had held them, since the node started. */
  lostGroups: v.optional(v.array(v.count), [])
})
export type CacheStatus = v.InferOutput<typeof CacheStatus>

const PaceStatus = v.object({ heartbeatMs: v.number(), failureTimeoutMs: v.number() })

export const NodeStatus = v.object({
  node: v.string(),
  incarnation: v.count,
  /** The members this node sees, itself included. */
  members: v.array(v.string()),
  /**
   * The pace by which the node judges others now, the slowest in view, and the one it is configured
   * with; they differ while nodes do. Absent in the answer of an earlier release.
   */
  timing: v.optional(v.object({ ...PaceStatus.entries, configured: PaceStatus })),
  caches: v.record(v.string(), CacheStatus),
  /**
   * Consumers that run in the node's own process, of all its caches: the first
   * limits.maxStatusItems of them ...
   */
  consumers: v.optional(v.array(ConsumerStatus), []),
  /** ... and how many more there are. */
  unlistedConsumers: v.optional(v.count, 0)
})
export type NodeStatus = v.InferOutput<typeof NodeStatus>
