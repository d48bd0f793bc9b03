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
 * @throws UnavailableError also while the placement group is still being fetched: a record that is
 *   lacking here may well exist
 */
export function assertReadable (replicator: Replicator, shard: number): void {
  assertHeld(replicator, shard)
  if (!isProven(replicator.held.phase(replicator.topology.groupOf(shard)))) {
    throw new UnavailableError(`this node is still fetching shard ${shard} of ${replicator.cache}`)
  }
}
