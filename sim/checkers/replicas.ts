/**
 * The replicas of a record as they are now, and which of them would answer for it (SPEC R18).
 *
 * What every holder has, no later reader may miss: whoever begins to hold fetches it before it is
 * proven. It is not enough that the proven ones have it. A holder that was cut off may go on
 * without what the others take meanwhile (SPEC R19), and one that is being proven has what was
 * acknowledged before its exchange: the rest follows.
 */
import type { Fields } from '../../engine/base/values.js'
import { heldShard } from './shard-contents.js'
import type { Inside } from '../../node/inside.js'
import { isProven } from '../../replication/groups/phases.js'

export interface HeldRecord {
  /** Undefined: it has none. */
  readonly fields: Fields | undefined
  /** Whether it knows that there was one, which was deleted. */
  readonly isDeleted: boolean
  /** Whether it takes operations on the record, and says that it has none. */
  readonly answers: boolean
}

/** The record on each host that holds its placement group. */
export function replicasOf (
  hosts: Iterable<{ readonly inside: Inside | undefined }>,
  cache: string,
  key: string
): HeldRecord[] {
  return [...hosts].flatMap(({ inside }) => {
    const replicator = inside?.replicas.get(cache)?.replicator
    if (replicator === undefined) return []
    const shard = replicator.topology.shardOf(key)
    const phase = replicator.held.phase(replicator.topology.groupOf(shard))
    if (phase === undefined) return []
    const fields = replicator.shards.record(shard, key)
    const isKnown = heldShard(replicator.shards, shard)?.index.has(key) === true
    return [{ fields, isDeleted: isKnown && fields === undefined, answers: isProven(phase) }]
  })
}
