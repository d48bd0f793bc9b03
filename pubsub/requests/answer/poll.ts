/**
 * Answers consumers with the changes since their cursors, the digests by which they find lost
 * hints, and the cursors their consumer group committed. All that a poll needs is in its cursor, so
 * nothing stays here for a consumer that has gone or waits.
 */
import { changesSince, pageWithoutLog, type ChangePage } from '../../../engine/changes.js'
import { decodeCursor, encodeCursor, startOf, type Cursor } from '../../../engine/cursor.js'
import type { Limits } from '../../../engine/limits.js'
import { approximateBytes } from '../../../engine/base/values.js'
import type { ShardSet } from '../../../storage/shard-set.js'
import type { Replicator } from '../../../replication/replicator.js'
import { assertHeld, assertTimely } from './held-shards.js'
import type { Asked, PollPage, ReadReply } from '../request-protocol.js'

/**
 * Takes the shards in turn until the reply is full. The reply leaves out the shards behind that
 * point.
 */
export function poll (
  replicator: Replicator,
  { shards, limit }: Asked<'poll'>,
  limits: Limits
): PollPage[] {
  const pages: PollPage[] = []
  let left = limit
  let bytesLeft: number = limits.maxPollReplyBytes
  for (const [shard, bytes] of shards) {
    if (left <= 0 || bytesLeft <= 0) break
    assertTimely(replicator, shard)
    const cursor = bytes === null ? startOf(shard) : decodeCursor(bytes, shard, limits)
    const page = changesOf(replicator.shards, cursor, left, bytesLeft)
    if (page.outcome === 'behind') {
      pages.push({ shard, behind: true, reset: false, changes: [], cursor: null, more: false })
      continue
    }
    if (page.outcome === 'reset') {
      pages.push({ shard, behind: false, reset: true, changes: [], cursor: null, more: true })
      continue
    }
    left -= page.changes.length
    bytesLeft -= page.changes.reduce((sum, { fields }) => sum + approximateBytes(fields), 0)
    pages.push({
      shard,
      behind: false,
      reset: false,
      changes: page.changes.map(change => ({ ...change, changed: [...change.changed] })),
      cursor: encodeCursor(page.cursor),
      more: page.more
    })
  }
  return pages
}

/** A cold shard is read back only when its log has something for this reader. */
function changesOf (shards: ShardSet, cursor: Cursor, limit: number, maxBytes: number): ChangePage {
  const residency = shards.at(cursor.shard)
  switch (residency.state) {
    case 'resident':
      return changesSince(residency.shard, cursor, limit, maxBytes)
    case 'cold': {
      const page = pageWithoutLog(residency.row, cursor)
      return page ?? changesSince(shards.hydrate(residency.row), cursor, limit, maxBytes)
    }
    case 'absent':
      return emptyPage(cursor)
  }
}

/** The page of a shard that nothing was ever written to here: no Y.Doc is made for being asked. */
function emptyPage (cursor: Cursor): ChangePage {
  return cursor.witness.size > 0
    ? { outcome: 'behind' }
    : { outcome: 'changes', changes: [], cursor, more: false }
}

export function committedCursors (
  { shards }: Replicator,
  { consumerGroup, groups }: Asked<'cursors'>
): ReadReply<'cursors'> {
  return groups.flatMap(group => shards.topology.shardsOf(group)).flatMap(
    (shard): ReadReply<'cursors'> => {
      const cursor = shards.cursors.get(shard, consumerGroup)
      return cursor === undefined ? [] : [[shard, cursor]]
    }
  )
}

export function commitCursors (
  replicator: Replicator,
  { consumerGroup, cursors }: Asked<'commit'>,
  limits: Limits
): ReadReply<'commit'> {
  for (const [shard, cursor] of cursors) {
    assertHeld(replicator, shard)
    replicator.writes.commitCursor(shard, consumerGroup, decodeCursor(cursor, shard, limits))
  }
  return null
}

export function digests (
  { held, shards }: Replicator,
  { groups }: Asked<'digests'>
): ReadReply<'digests'> {
  return groups.filter(group => held.has(group)).map(
    group => [group, shards.topology.shardsOf(group).map(shard => shards.digest(shard))]
  )
}
