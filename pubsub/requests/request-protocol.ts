/**
 * What readers ask a node, and the answers. Every question is harmless to repeat; none leaves
 * anything behind on the node except `commit`, which only joins.
 */
import * as v from '../../engine/base/schema.js'
import { limits } from '../../engine/limits.js'
import type { Where } from '../../engine/query/query.js'
import type { Fields } from '../../engine/base/values.js'

const cache = v.string()
const group = v.count
const shard = v.count
const few = <T extends v.GenericSchema>(item: T) =>
  v.pipe(v.array(item), v.maxLength(limits.maxShardsPerRequest))
const fields = v.custom<Fields>(value => typeof value === 'object' && value !== null)
/** Checked in full where it is answered. */
const where = v.custom<Where>(value => typeof value === 'object' && value !== null)

export const ReadRequest = v.variant('op', [
  v.object({ op: v.literal('get'), cache, keys: few(v.string()) }),
  /**
   * Changes since cursors, over several shards; null starts from the beginning. At most `limit`
   * records in all.
   */
  v.object({
    op: v.literal('poll'),
    cache,
    limit: v.pipe(v.count, v.minValue(1), v.maxValue(limits.maxPollLimit)),
    shards: few(v.tuple([shard, v.nullable(v.bytes)]))
  }),
  /** The digests of a group's shards, for a consumer that missed hints. */
  v.object({ op: v.literal('digests'), cache, groups: few(group) }),
  v.object({ op: v.literal('cursors'), cache, consumerGroup: v.string(), groups: few(group) }),
  v.object({
    op: v.literal('commit'),
    cache,
    consumerGroup: v.string(),
    cursors: few(v.tuple([shard, v.bytes]))
  }),
  /** Live records of one shard in key order, after a key. */
  v.object({
    op: v.literal('scan'),
    cache,
    shard,
    after: v.nullable(v.string()),
    limit: v.pipe(v.count, v.minValue(1), v.maxValue(limits.maxScanPage))
  }),
  /**
   * Records of several shards that meet conditions on indexed fields, shard by shard and by key,
   * after a key of the first.
   */
  v.object({
    op: v.literal('find'),
    cache,
    where,
    shards: few(shard),
    after: v.nullable(v.string()),
    limit: v.pipe(v.count, v.minValue(1), v.maxValue(limits.maxQueryPage))
  }),
  v.object({ op: v.literal('status') })
])
export type ReadRequest = v.InferOutput<typeof ReadRequest>

const PolledChange = v.object({
  key: v.string(),
  shard,
  deleted: v.boolean(),
  fields,
  changed: v.array(v.string()),
  version: v.count
})
const PollPage = v.object({
  shard,
  behind: v.boolean(),
  reset: v.boolean(),
  changes: v.array(PolledChange),
  cursor: v.nullable(v.bytes),
  more: v.boolean()
})
export type PollPage = v.InferOutput<typeof PollPage>

const CacheStatus = v.object({
  shards: v.count,
  groups: v.count,
  replicas: v.count,
  /**
   * Records that exist, live entries and superseded ones still in memory, over the shards held
   * here.
   */
  records: v.count,
  liveEntries: v.count,
  deadEntries: v.count,
  /** Batches heard of and not merged yet. */
  lag: v.count,
  unstoredBytes: v.count,
  held: v.array(
    v.object({
      group,
      phase: v.string(),
      owners: v.array(v.string()),
      sequence: v.count,
      root: v.string()
    })
  )
})
export const NodeStatus = v.object({
  node: v.string(),
  incarnation: v.count,
  /** The members this node sees, itself included. */
  members: v.array(v.string()),
  caches: v.record(v.string(), CacheStatus)
})
export type NodeStatus = v.InferOutput<typeof NodeStatus>
export type CacheStatus = v.InferOutput<typeof CacheStatus>

export const ReadReplies = {
  /** Per key its fields, or null; keys at the end did not fit and are to be asked for again. */
  get: v.array(v.nullable(fields)),
  /** A page per shard that was looked at; shards left out did not fit and are as they were. */
  poll: v.array(PollPage),
  digests: v.array(v.tuple([group, v.array(v.string())])),
  cursors: v.array(v.tuple([shard, v.bytes])),
  commit: v.null(),
  scan: v.object({
    records: v.array(v.object({ key: v.string(), fields, version: v.count })),
    more: v.boolean()
  }),
  /**
   * `next` is where to go on: a shard and a key of it; null when all of the shards were gone
   * through. `looked` is what it cost.
   */
  find: v.object({
    records: v.array(v.object({ key: v.string(), fields, version: v.count })),
    next: v.nullable(v.object({ shard, after: v.nullable(v.string()) })),
    looked: v.count
  }),
  status: NodeStatus
}
export type ReadReply<Op extends ReadRequest['op']> = v.InferOutput<typeof ReadReplies[Op]>
