/**
 * The requests of readers to a node, and its replies. Every request is harmless to repeat, and none
 * leaves anything behind on the node except `commit`, which only joins.
 */
import * as v from '../../engine/base/schema.js'
import type { Limits } from '../../engine/limits.js'
import type { Where } from '../../engine/query/query.js'
import type { Fields } from '../../engine/base/values.js'
import { NodeStatus } from './status-protocol.js'

const cache = v.string()
const group = v.count
const shard = v.count
const fields = v.custom<Fields>(value => typeof value === 'object' && value !== null)
/** Checked in full where it is answered. */
const where = v.custom<Where>(value => typeof value === 'object' && value !== null)

/** The schema of requests. Building it costs something: once per server. */
export function readRequest (limits: Limits) {
  const few = <T extends v.GenericSchema>(item: T) =>
    v.pipe(v.array(item), v.maxLength(limits.maxShardsPerRequest))
  const upTo = (most: number) => v.pipe(v.count, v.minValue(1), v.maxValue(most))
  return v.variant('op', [
    v.object({ op: v.literal('get'), cache, keys: few(v.string()) }),
    /**
     * Changes since cursors, over several shards; null starts from the beginning. At most `limit`
     * records in all.
     */
    v.object({
      op: v.literal('poll'),
      cache,
      limit: upTo(limits.maxPollLimit),
      shards: few(v.tuple([shard, v.nullable(v.bytes)]))
    }),
    /** The digests of the shards of placement groups, for a consumer that missed hints. */
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
      limit: upTo(limits.maxScanPage)
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
      limit: upTo(limits.maxQueryPage)
    }),
    /** A store will not come back, by its id or the name of its node: nothing waits for it. */
    v.object({ op: v.literal('forget'), cache, store: v.string() }),
    v.object({ op: v.literal('status') })
  ])
}
export type ReadRequest = v.InferOutput<ReturnType<typeof readRequest>>

/** Requests that change something at the node that is asked. */
export const CHANGING: ReadonlySet<ReadRequest['op']> = new Set(['commit', 'forget'])

/** A request with its operation left out. */
export type Asked<Op extends ReadRequest['op']> = Omit<Extract<ReadRequest, { op: Op }>, 'op'>

const PollPage = v.object({
  shard,
  behind: v.boolean(),
  reset: v.boolean(),
  changes: v.array(
    v.object({
      key: v.string(),
      shard,
      deleted: v.boolean(),
      fields,
      changed: v.array(v.string()),
      version: v.count
    })
  ),
  cursor: v.nullable(v.bytes),
  more: v.boolean()
})
export type PollPage = v.InferOutput<typeof PollPage>

const FoundRecord = v.object({ key: v.string(), fields, version: v.count })

export const ReadReplies = {
  /** Per key its fields, or null. Keys at the end did not fit and are to be asked for again. */
  get: v.array(v.nullable(fields)),
  /** A page per shard that was looked at. Shards left out did not fit and are as they were. */
  poll: v.array(PollPage),
  digests: v.array(v.tuple([group, v.array(v.string())])),
  cursors: v.array(v.tuple([shard, v.bytes])),
  commit: v.null(),
  scan: v.object({ records: v.array(FoundRecord), more: v.boolean() }),
  /**
   * `next` is where to go on: a shard and a key of it; null when all of the shards were gone
   * through. `looked` is the number of candidates it cost.
   */
  find: v.object({
    records: v.array(FoundRecord),
    next: v.nullable(v.object({ shard, after: v.nullable(v.string()) })),
    looked: v.count
  }),
  /** The stores that the node had waited for: their ids, and the names of their nodes. */
  forget: v.array(v.object({ id: v.string(), node: v.string() })),
  status: NodeStatus
}
export type ReadReply<Op extends ReadRequest['op']> = v.InferOutput<typeof ReadReplies[Op]>
