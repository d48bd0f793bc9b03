/**
 * How writes travel from where they enter to a holder of their shard: batches, each write with its
 * own outcome.
 */
import * as v from '../../engine/base/schema.js'
import type { Limits } from '../../engine/limits.js'
import type { Operation } from '../../engine/fields/kinds.js'
import type { Fields } from '../../engine/base/values.js'
import { Refusal } from '../messages/request-reply.js'

const ReplicaCount = v.union([v.picklist(['majority', 'all']), v.count])
const Concern = v.union([
  v.picklist(['buffered', 'durable']),
  ReplicaCount,
  v.object({ durable: ReplicaCount })
])

const WriteOutcome = v.object({
  ...Refusal.entries,
  /** The version that stands above the write, when it was not taken for that. */
  above: v.optional(v.count),
  /** How far the write concern was reached, when the write failed for that. */
  concern: v.optional(
    v.object({ wanted: v.string(), reached: v.count, needed: v.count, timeoutMs: v.number() })
  )
})

/** The parts of a write beside its fields; engine/write/write.ts checks them. */
const MoreOfWrite = v.object({
  unset: v.optional(v.array(v.string())),
  clears: v.optional(v.boolean()),
  expires: v.optional(v.count),
  /** Of operations: which of the writer's they are. */
  sequence: v.optional(v.count),
  operations: v.optional(
    v.array(v.custom<Operation>(value => typeof value === 'object' && value !== null))
  )
})

/** The schema of a batch, which has a bounded number of writes. */
export function writeBatchWithin (limits: Limits) {
  return v.object({
    cache: v.string(),
    /**
     * The process life that is asked. An earlier life of that name may have taken the batch, so a
     * later one must neither refuse it nor take it again.
     */
    to: v.count,
    concern: Concern,
    timeoutMs: v.count,
    /**
     * Whether the writer dates a write anew that something newer has overtaken. One of an older
     * release does not; then the write is taken as it is.
     */
    restamps: v.optional(v.boolean()),
    /** The process life in which the writes entered. */
    writer: v.optional(v.count),
    /** [key, version, stamp, fields or null, the rest if any]: null and no rest for a delete */
    writes: v.pipe(
      v.array(
        v.tuple([v.string(), v.count, v.count, v.nullable(v.custom<Fields>(value =>
          typeof value === 'object'
        )), v.nullable(MoreOfWrite)])
      ),
      v.maxLength(limits.maxWritesPerBatch)
    )
  })
}
export type WriteBatch = v.InferOutput<ReturnType<typeof writeBatchWithin>>

export type WriteOutcome = v.InferOutput<typeof WriteOutcome>

/** Per write: null when it was taken and its write concern reached, else why not. */
export const WriteOutcomes = v.array(v.nullable(WriteOutcome))
export type WriteOutcomes = v.InferOutput<typeof WriteOutcomes>
