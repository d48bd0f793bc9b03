/** Answers queries from the secondary indexes of this node, a page at a time. */
import { EnvelopeError } from '../../../engine/errors.js'
import type { Limits } from '../../../engine/limits.js'
import { parseWhere, type Condition, type Where } from '../../../engine/query/query.js'
import type { Replicator } from '../../../replication/replicator.js'
import { assertReadable } from './held-shards.js'
import type { Asked, ReadReply } from '../request-protocol.js'

/**
 * Goes through the shards until the page is full, or has cost so much that other readers should
 * have a turn.
 */
export function find (
  replicator: Replicator,
  { where, shards, after, limit }: Asked<'find'>,
  limits: Limits
): ReadReply<'find'> {
  const conditions = conditionsOf(where, limits)
  const records: ReadReply<'find'>['records'] = []
  let bytes = 0
  let looked = 0
  let above = after
  for (const shard of shards) {
    if (
      records.length >= limit || bytes >= limits.maxPollReplyBytes ||
      looked >= limits.maxQueryCandidates
    ) return { records, next: { shard, after: above }, looked }
    assertReadable(replicator, shard)
    const page = replicator.shards.indexes.query(shard, conditions, {
      limit: limit - records.length,
      after: above,
      maxBytes: limits.maxPollReplyBytes - bytes
    })
    for (const { key, fields } of page.records) {
      const version = replicator.shards.versionOf(shard, key)
      if (version !== undefined) records.push({ key, fields, version })
    }
    bytes += page.bytes
    looked += page.looked
    above = null
    if (page.next !== null) return { records, next: { shard, after: page.next }, looked }
  }
  return { records, next: null, looked }
}

/**
 * A caller's mistake is refused where it was made. So a `where` that cannot be parsed here stood in
 * a broken message.
 */
function conditionsOf (where: Where, limits: Limits): Condition[] {
  try {
    return parseWhere(where, limits)
  } catch (error) {
    throw error instanceof TypeError ? new EnvelopeError('shape', error.message) : error
  }
}
