/**
 * Answers with records of this node: some by their keys, or all of a shard in order of the keys.
 */
import type { Limits } from '../../../engine/limits.js'
import { fieldsOf } from '../../../engine/record/reading.js'
import type { Shard } from '../../../engine/shard.js'
import { approximateBytes, type Fields } from '../../../engine/base/values.js'
import type { Replicator } from '../../../replication/replicator.js'
import { assertReadable } from './held-shards.js'
import type { Asked, ReadReply } from '../request-protocol.js'

/**
 * Takes the keys in turn until the reply is full. The reply leaves out the keys behind that point.
 */
export function getRecords (
  replicator: Replicator,
  { keys }: Asked<'get'>,
  limits: Limits
): ReadReply<'get'> {
  const records: ReadReply<'get'> = []
  let bytes = 0
  for (const key of keys) {
    if (bytes >= limits.maxPollReplyBytes) break
    const fields = getRecord(replicator, key) ?? null
    bytes += fields === null ? 1 : approximateBytes(fields)
    records.push(fields)
  }
  return records
}

function getRecord (replicator: Replicator, key: string): Fields | undefined {
  const shard = replicator.topology.shardOf(key)
  assertReadable(replicator, shard)
  return replicator.shards.record(shard, key)
}

export function scanShard (
  replicator: Replicator,
  { shard, after, limit }: Asked<'scan'>,
  limits: Limits
): ReadReply<'scan'> {
  assertReadable(replicator, shard)
  const residency = replicator.shards.at(shard)
  switch (residency.state) {
    case 'resident':
      return recordsAbove(residency.shard, after, limit, limits)
    case 'cold':
      return recordsAbove(replicator.shards.hydrate(residency.row), after, limit, limits)
    case 'absent':
      return { records: [], more: false }
  }
}

function recordsAbove (
  found: Shard,
  after: string | null,
  limit: number,
  limits: Limits
): ReadReply<'scan'> {
  const { index, now } = found
  const keys = [...index.keys()].filter(key => after === null || key > after).sort()
  const records: ReadReply<'scan'>['records'] = []
  let bytes = 0
  let looked = 0
  for (const key of keys) {
    if (records.length >= limit || bytes >= limits.maxPollReplyBytes) break
    looked++
    const head = index.get(key)
    const fields = head === undefined ? undefined : fieldsOf(head, now)
    if (head === undefined || fields === undefined) continue
    bytes += approximateBytes(fields)
    records.push({ key, fields, version: found.versionOf(head) })
  }
  return { records, more: looked < keys.length }
}
