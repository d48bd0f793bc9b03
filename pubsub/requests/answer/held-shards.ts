/** Whether this node may answer for a shard: another holder is asked where it may not. */
import { UnavailableError } from '../../../engine/errors.js'
import { isProven } from '../../../replication/groups/phases.js'
import type { Replicator } from '../../../replication/replicator.js'

/** @throws UnavailableError when this node does not hold the shard's placement group */
export function assertHeld (replicator: Replicator, shard: number): void {
  const { topology, held } = replicator
  if (!topology.includes(shard) || !held.has(topology.groupOf(shard))) {
    throw new UnavailableError(`this node does not hold shard ${shard} of ${replicator.cache}`)
  }
}

/**
 * @throws UnavailableError also while this node may lack something of the placement group: a record
 *   that is lacking here may well exist
 */
export function assertReadable (replicator: Replicator, shard: number): void {
  assertHeld(replicator, shard)
  const group = replicator.topology.groupOf(shard)
  if (!isProven(replicator.held.phase(group))) {
    throw new UnavailableError(replicator.held.lack(group))
  }
}

/**
 * What has changed may be told in any phase, by a node that knows what has ended.
 * @throws UnavailableError also while this node may lack something and heard no other: it has its
 *   own clock alone then, and a record that it takes for ended would not be told again
 */
export function assertTimely (replicator: Replicator, shard: number): void {
  if (replicator.hasSharedTime) assertHeld(replicator, shard)
  else assertReadable(replicator, shard)
}
