/**
 * Queries over all shards of a cache, from a node or from a client that holds nothing: placement
 * group by placement group, each answered by one of its holders from its indexes, in pages.
 *
 * Within a shard records come in the order of their keys; shards come group by group. So a position
 * is a shard and a key, the same for every replica, and a reader goes on with any holder, later or
 * from another process. No node keeps anything in between, and no page is larger than
 * limits.maxQueryPage records or about limits.maxPollReplyBytes.
 */
import { EnvelopeError, LimitError, UnavailableError } from '../../../engine/errors.js'
import { parseWhere, type Where } from '../../../engine/query/query.js'
import type { Topology } from '../../../engine/topology/topology.js'
import { untilAborted, type CallOptions } from '../../../engine/calls/call.js'
import { describe } from '../../../engine/base/plain.js'
import { approximateBytes } from '../../../engine/base/values.js'
import { turnsOf } from '../../../engine/turns.js'
import type { ReadContext } from '../../context.js'
import type { ReadReply } from '../request-protocol.js'

/**
 * The place where a query goes on: with this shard, above this key. Plain data, good on every node
 * and for any time.
 */
export interface FindPosition {
  readonly shard: number
  readonly after: string | null
}

export interface FindPageOptions extends CallOptions {
  /** Most records of the page. Default and maximum: limits.maxQueryPage. */
  readonly limit?: number
  /** The `next` of the page before. */
  readonly after?: FindPosition | null
  /** Read this node's replica, and only the shards it holds; default: any holder of each shard. */
  readonly node?: string
}

export interface FindPage {
  readonly records: ReadReply<'find'>['records']
  /**
   * Where the next page begins; null at the end. A page may be short, or empty, and not the last.
   */
  readonly next: FindPosition | null
}

/**
 * One page of the records that meet all conditions. Records written meanwhile may or may not be
 * among them.
 * @throws TypeError, QueryError, LimitError on wrong arguments; NotIndexedError (or a
 *   RemoteError of its code); UnavailableError or TimeoutError when no holder answers
 */
export async function findPage (
  { router, requests, ports, limits }: ReadContext,
  where: Where,
  { limit = limits.maxQueryPage, after = null, node, ...bounds }: FindPageOptions = {}
): Promise<FindPage> {
  parseWhere(where, limits)
  checkLimit(limit)
  if (limit > limits.maxQueryPage) {
    throw new LimitError(
      `limit ${limit} is more than the ${limits.maxQueryPage} records a page may have; read ` +
        'several pages'
    )
  }
  if (node !== undefined && !router.knows(node)) {
    throw new UnavailableError(
      `${node} is not a node that runs cache ${router.cache}, as far as was heard`
    )
  }
  const { topology } = router
  checkPosition(after, topology)
  const records: ReadReply<'find'>['records'] = []
  let bytes = 0
  let looked = 0
  let position: FindPosition | null = after ?? firstOf(0, topology)
  const call = requests.begin(bounds)
  while (position !== null && records.length < limit && bytes < limits.maxPollReplyBytes) {
    const { shard: from, after: above }: FindPosition = position
    const group = topology.groupOf(from)
    if (node !== undefined && !router.holders(group).includes(node)) {
      position = firstOf(group + 1, topology)
      continue
    }
    const left = topology.shardsOf(group).filter(shard => shard >= from)
    const shards = left.slice(0, limits.maxShardsPerRequest)
    const request = {
      cache: router.cache,
      where,
      shards,
      after: above,
      limit: limit - records.length
    }
    const reply: ReadReply<'find'> = await (node === undefined
      ? requests.askHolder(router, group, 'find', request, call)
      : requests.ask(node, 'find', request, call))
    for (const record of reply.records) {
      records.push(record)
      bytes += record.key.length + approximateBytes(record.fields)
    }
    position = reply.next === null
      ? following(left[shards.length], group, topology)
      : checkProgress(reply.next, shards, above)
    looked += reply.looked
    if (looked < limits.maxQueryCandidates) {
      continue
    }
    // This node's own answers come at once: without a pause it would do nothing else until the page
    // is full.
    looked = 0
    await turnsOf(ports).next()
  }
  return { records, next: position }
}

/**
 * All records that meet all conditions, or the first `limit` of them, a page at a time.
 * @throws what findPage throws
 */
export async function* findRecords (
  context: ReadContext,
  where: Where,
  { limit, ...options }: Omit<FindPageOptions, 'after'> = {}
): AsyncGenerator<FindPage['records'][number], void, undefined> {
  if (limit !== undefined) checkLimit(limit)
  let left = limit ?? Infinity
  let after: FindPosition | null = null
  do {
    const { records, next }: FindPage = await findPage(context, where, {
      limit: Math.min(left, context.limits.maxQueryPage),
      after,
      ...options
    })
    yield* untilAborted(records, options.signal)
    left -= records.length
    after = next
  } while (after !== null && left > 0)
}

/** The start of the next shard of a placement group, or of the next group where that had none. */
function following (
  next: number | undefined,
  group: number,
  topology: Topology
): FindPosition | null {
  return next === undefined ? firstOf(group + 1, topology) : { shard: next, after: null }
}

/** The start of a placement group, or null behind the last one. */
function firstOf (group: number, topology: Topology): FindPosition | null {
  const [shard] = topology.shardsOf(group)
  return shard === undefined ? null : { shard, after: null }
}

/** A holder that answers with a position that is not ahead would have us ask for ever. */
function checkProgress (
  next: FindPosition,
  shards: readonly number[],
  above: string | null
): FindPosition {
  const at = shards.indexOf(next.shard)
  const ahead = at > 0 ||
    (at === 0 && next.after !== null && (above === null || next.after > above))
  if (!ahead) {
    throw new EnvelopeError('shape', 'a query was answered with a position that leads back')
  }
  return next
}

/** @throws TypeError */
export function checkLimit (limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new TypeError(`limit must be a whole number from 1 up, got ${describe(limit)}`)
  }
}

function checkPosition (after: unknown, topology: Topology): void {
  if (after === null) return
  const { shard, after: key } = after as Partial<FindPosition>
  if (
    typeof shard !== 'number' || !topology.includes(shard) ||
    (key !== null && typeof key !== 'string')
  ) throw new TypeError('after must be the `next` of an earlier page of this cache')
}
