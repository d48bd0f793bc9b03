/**
 * The questions of nodes among themselves, and their answers. Every question is harmless to repeat.
 *
 *   resend    batches that are missing here           cheap, while the sender still keeps them
 *   digests   where do our groups differ?             first trip: a root per group,
 *                                                     then one digest per shard
 *   diffs     everything above these state vectors    second trip; answered up to a size,
 *                                                     the rest is asked for again
 *   covers    do you have all of this?                the proof that lets a node give up a group
 *   cursors   the committed cursors of these groups
 *   vectors   your state vectors of these shards      so that tombstones that all replicas have
 *                                                     seen can be dropped
 *   roster    the stores that had these groups and are not in your view, so that a node that joined
 *             later misses them as well
 */
import * as v from '../../engine/base/schema.js'
import type { Limits } from '../../engine/limits.js'
import { DeltaBatch } from '../deltas/outbox.js'

const group = v.count
const shard = v.count
const cache = v.string()
/**
 * The process life that is asked: under one name there may be two for a while, and each answers for
 * itself only.
 */
const to = v.count

/** The schema of a question, which names a bounded number of groups and shards. */
export function peerQuestionWithin (limits: Limits) {
  const few = <T extends v.GenericSchema>(item: T) =>
    v.pipe(v.array(item), v.maxLength(limits.maxShardsPerRequest))
  return v.variant('op', [
    v.object({ op: v.literal('resend'), cache, to, groups: few(v.tuple([group, v.count])) }),
    v.object({ op: v.literal('digests'), cache, to, groups: few(v.tuple([group, v.string()])) }),
    v.object({ op: v.literal('diffs'), cache, to, shards: few(v.tuple([shard, v.bytes])) }),
    v.object({
      op: v.literal('covers'),
      cache,
      to,
      shards: few(v.tuple([shard, v.bytes])),
      cursors: v.array(v.tuple([shard, v.string(), v.bytes]))
    }),
    v.object({ op: v.literal('cursors'), cache, to, groups: few(group) }),
    v.object({ op: v.literal('roster'), cache, to, groups: few(group) }),
    v.object({ op: v.literal('vectors'), cache, to, shards: few(shard) })
  ])
}
export type PeerQuestion = v.InferOutput<ReturnType<typeof peerQuestionWithin>>
export type PeerOp = PeerQuestion['op']

const ShardDiff = v.object({
  shard,
  /** To be applied whole. */
  update: v.bytes,
  /** All the sender has seen. */
  known: v.bytes,
  /**
   * The sender's floor when the asker lies below it: the update is then its whole state, and resets
   * the asker.
   */
  floor: v.nullable(v.bytes),
  /** Incarnations the asker still lists, that own nothing live and end there. */
  retired: v.array(v.tuple([v.count, v.count]))
})
export type ShardDiff = v.InferOutput<typeof ShardDiff>

export const PeerAnswers = {
  /**
   * Per group the batches asked for, or null when they are no longer kept; groups that did not fit
   * are left out.
   */
  resend: v.array(v.tuple([group, v.nullable(v.array(DeltaBatch))])),
  /**
   * Per group held: the last sequence published, and the digests of its shards, or null when the
   * roots are equal.
   */
  digests: v.array(v.tuple([group, v.count, v.nullable(v.array(v.string()))])),
  /** Updates, each to be applied whole; `rest` did not fit into this answer. */
  diffs: v.object({ diffs: v.array(ShardDiff), rest: v.array(shard) }),
  vectors: v.array(v.tuple([shard, v.bytes])),
  covers: v.object({ lacking: v.array(shard) }),
  cursors: v.array(v.tuple([shard, v.string(), v.bytes])),
  /** Per group and store: its id, its node, whether it is on disk, and whether it is lost. */
  roster: v.array(
    v.tupleWithRest([group, v.string(), v.string(), v.boolean(), v.boolean()], v.boolean())
  )
}
export type PeerAnswer<Op extends PeerOp> = v.InferOutput<typeof PeerAnswers[Op]>
