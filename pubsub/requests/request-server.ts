/**
 * Answers readers on one node (see request-protocol.ts). A node holds nothing for a consumer:
 * whatever a poll needs is in its cursor, so ten thousand idle consumers cost nothing here.
 */
import { changesSince, type Page } from '../../engine/changes.js'
import { decodeCursor, encodeCursor, startOf, type Cursor } from '../../engine/cursor.js'
import { EnvelopeError, UnavailableError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import { fieldsOf } from '../../engine/record/reading.js'
import { parseWhere, type Condition, type Where } from '../../engine/query/query.js'
import * as v from '../../engine/base/schema.js'
import { approximateBytes, type Fields } from '../../engine/base/values.js'
import type { Replicator } from '../../replication/replicator.js'
import { ReadRequest, type NodeStatus, type PollPage, type ReadReply } from './request-protocol.js'

export interface RequestServerOptions {
  readonly replicatorOf: (cache: string) => Replicator
  readonly status: () => NodeStatus
}

export class RequestServer {
  readonly #options: RequestServerOptions

  constructor (options: RequestServerOptions) {
    this.#options = options
  }

  /**
   * @throws EnvelopeError, UnavailableError (not held here), CursorError, QueryError,
   * NotIndexedError, LimitError
   */
  answer (value: unknown): ReadReply<ReadRequest['op']> {
    const parsed = v.safeParse(ReadRequest, value)
    if (!parsed.success) {
      throw new EnvelopeError('shape', 'the request is not shaped as it should be')
    }
    const request = parsed.output
    if (request.op === 'status') return this.#options.status()
    const replicator = this.#options.replicatorOf(request.cache)
    switch (request.op) {
      case 'get':
        return getRecords(replicator, request.keys)
      case 'poll':
        return poll(replicator, request.shards, request.limit)
      case 'digests':
        return digests(replicator, request.groups)
      case 'cursors':
        return committed(replicator, request.consumerGroup, request.groups)
      case 'commit':
        for (const [shard, cursor] of request.cursors) {
          assertHeld(replicator, shard)
          replicator.commitCursor(shard, request.consumerGroup, decodeCursor(cursor, shard))
        }
        return null
      case 'scan':
        return scanShard(replicator, request.shard, request.after, request.limit)
      case 'find':
        return find(replicator, request)
    }
  }
}

/** @throws UnavailableError when this node does not hold the shard's group */
export function assertHeld (replicator: Replicator, shard: number): void {
  const { topology, held } = replicator
  if (!topology.includes(shard) || !held.has(topology.groupOf(shard))) {
    throw new UnavailableError(`this node does not hold shard ${shard} of ${replicator.cache}`)
  }
}

/**
 * @throws UnavailableError also while the group is still being fetched: a record it lacks may well
 * exist
 */
function assertReadable (replicator: Replicator, shard: number): void {
  assertHeld(replicator, shard)
  if (replicator.held.phase(replicator.topology.groupOf(shard)) === 'syncing') {
    throw new UnavailableError(`this node is still fetching shard ${shard} of ${replicator.cache}`)
  }
}

export function getRecord (replicator: Replicator, key: string): Fields | undefined {
  const shard = replicator.topology.shardOf(key)
  assertReadable(replicator, shard)
  return replicator.shards.peek(shard)?.get(key)
}

/** Takes the keys in turn until the reply is full; those it did not get to are left out. */
function getRecords (replicator: Replicator, keys: readonly string[]): ReadReply<'get'> {
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

/** Takes the shards in turn until the reply is full; those it did not get to are left out. */
export function poll (
  replicator: Replicator,
  shards: ReadonlyArray<readonly [number, Uint8Array | null]>,
  limit: number
): PollPage[] {
  const pages: PollPage[] = []
  let left = limit
  let bytesLeft: number = limits.maxPollReplyBytes
  for (const [shard, bytes] of shards) {
    if (left <= 0 || bytesLeft <= 0) break
    assertHeld(replicator, shard)
    const cursor = bytes === null ? startOf(shard) : decodeCursor(bytes, shard)
    const found = replicator.shards.peek(shard)
    const page = found === undefined
      ? emptyPage(cursor)
      : changesSince(found, cursor, left, bytesLeft)
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

/** The page of a shard that nothing was ever written to here: no Y.Doc is made for being asked. */
function emptyPage (cursor: Cursor): Page {
  return cursor.witness.size > 0
    ? { outcome: 'behind' }
    : { outcome: 'changes', changes: [], cursor, more: false }
}

function committed (
  replicator: Replicator,
  consumerGroup: string,
  groups: readonly number[]
): ReadReply<'cursors'> {
  const { shards } = replicator
  return groups.flatMap(group => shards.topology.shardsOf(group)).flatMap(
    (shard): ReadReply<'cursors'> => {
      const cursor = shards.cursors.get(shard, consumerGroup)
      return cursor === undefined ? [] : [[shard, cursor]]
    }
  )
}

function digests ({ held, shards }: Replicator, groups: readonly number[]): ReadReply<'digests'> {
  return groups.filter(group => held.has(group)).map(
    group => [group, shards.topology.shardsOf(group).map(shard => shards.digest(shard))]
  )
}

function scanShard (
  replicator: Replicator,
  shard: number,
  after: string | null,
  limit: number
): ReadReply<'scan'> {
  assertReadable(replicator, shard)
  const found = replicator.shards.peek(shard)
  if (found === undefined) return { records: [], more: false }
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

/**
 * Goes through the shards until the page is full, or has cost so much that somebody else should
 * have a turn.
 */
function find (
  replicator: Replicator,
  { where, shards, after, limit }: Extract<ReadRequest, { op: 'find' }>
): ReadReply<'find'> {
  const conditions = conditionsOf(where)
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
    const found = replicator.shards.peek(shard)
    for (const { key, fields } of page.records) {
      const head = found?.index.get(key)
      if (head !== undefined && found !== undefined) {
        records.push({ key, fields, version: found.versionOf(head) })
      }
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
function conditionsOf (where: Where): Condition[] {
  try {
    return parseWhere(where)
  } catch (error) {
    throw error instanceof TypeError ? new EnvelopeError('shape', error.message) : error
  }
}
