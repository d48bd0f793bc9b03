/**
 * How writes travel from where they enter to an owner of their shard: batches, each write with its
 * own outcome.
 */
import * as v from '../../engine/base/schema.js'
import { limits } from '../../engine/limits.js'
import type { Operation } from '../../engine/fields/kinds.js'
import type { Fields } from '../../engine/base/values.js'

const Outcome = v.object({
  code: v.string(),
  message: v.string(),
  changed: v.picklist(['no', 'yes', 'maybe']),
  retryable: v.boolean(),
  /** What was reached of the write concern, when that is what failed. */
  concern: v.optional(
    v.object({ wanted: v.string(), reached: v.count, needed: v.count, timeoutMs: v.number() })
  )
})

/** What the fields do not tell; engine/write/write.ts checks it. */
const More = v.object({
  unset: v.optional(v.array(v.string())),
  clears: v.optional(v.boolean()),
  expires: v.optional(v.count),
  operations: v.optional(
    v.array(v.custom<Operation>(value => typeof value === 'object' && value !== null))
  )
})

export const WriteBatch = v.object({
  cache: v.string(),
  /**
   * The process life that is asked: what an earlier one of that name may have taken, a later one
   * must not refuse or take again.
   */
  to: v.count,
  concern: v.union([v.picklist(['buffered', 'durable', 'majority', 'all']), v.count]),
  timeoutMs: v.count,
  /** [key, version, stamp, fields or null, the rest if any]: null and no rest for a delete */
  writes: v.pipe(
    v.array(
      v.tuple([v.string(), v.count, v.count, v.nullable(v.custom<Fields>(value =>
        typeof value === 'object'
      )), v.nullable(More)])
    ),
    v.maxLength(limits.maxWritesPerBatch)
  )
})
export type WriteBatch = v.InferOutput<typeof WriteBatch>

/** Per write: null when it was taken and its write concern reached, or why not. */
export const WriteOutcomes = v.array(v.nullable(Outcome))
export type WriteOutcomes = v.InferOutput<typeof WriteOutcomes>
