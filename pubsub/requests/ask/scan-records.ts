/**
 * All records of a cache, from a node or from a client that holds nothing: shard by shard and by
 * key, each page answered by one holder of the shard. No node keeps anything in between.
 */
import { UnavailableError } from '../../../engine/errors.js'
import { untilAborted, type CallOptions } from '../../../engine/calls/call.js'
import type { ReadContext } from '../../context.js'
import type { Asked, ReadReply } from '../request-protocol.js'

export interface ScanRecordsOptions extends CallOptions {
  /** Read this node's replica, and only the shards it holds; default: any holder of each shard. */
  readonly node?: string
}

/** @throws UnavailableError or TimeoutError when no holder answers, AbortedError */
export async function* scanRecords (
  { router, requests, limits }: ReadContext,
  { node, ...bounds }: ScanRecordsOptions
): AsyncGenerator<ReadReply<'scan'>['records'][number], void, undefined> {
  const { cache, topology } = router
  if (node !== undefined && !router.knows(node)) {
    throw new UnavailableError(
      `${node} is not a node that runs cache ${cache}, as far as was heard`
    )
  }
  for (const shard of topology.allShards()) {
    const group = topology.groupOf(shard)
    if (node !== undefined && !router.holders(group).includes(node)) continue
    let after: string | null = null
    for (let isMore = true; isMore;) {
      const request: Asked<'scan'> = { cache, shard, after, limit: limits.maxScanPage }
      const call = requests.begin(bounds)
      const { records, more }: ReadReply<'scan'> = await (node === undefined
        ? requests.askHolder(router, group, 'scan', request, call)
        : requests.ask(node, 'scan', request, call))
      yield* untilAborted(records, bounds.signal)
      after = records[records.length - 1]?.key ?? after
      isMore = more
    }
  }
}
