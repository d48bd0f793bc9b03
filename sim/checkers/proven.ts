/**
 * The replicas of a record that would answer for it now: those of proven holders (SPEC R18). What
 * all of them have, no later reader may miss: whoever becomes proven fetches from one of them. A
 * holder that was cut off before may go on without what the others take meanwhile (SPEC R19).
 */
import type { Fields } from '../../engine/base/values.js'
import { isProven } from '../../replication/groups/phases.js'
import type { Host } from '../world/surroundings.js'

/** The record on each host that would take an operation on it now; undefined: it has none there. */
export function provenReplicas (
  hosts: Iterable<Pick<Host, 'inside'>>,
  cache: string,
  key: string
): Array<Fields | undefined> {
  return [...hosts].flatMap(({ inside }) => {
    const replicator = inside?.replicas.get(cache)?.replicator
    if (replicator === undefined) return []
    const shard = replicator.topology.shardOf(key)
    const isAnswering = isProven(replicator.held.phase(replicator.topology.groupOf(shard)))
    return isAnswering ? [replicator.shards.record(shard, key)] : []
  })
}
