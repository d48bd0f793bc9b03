/**
 * The shards of a replica with their records, for checkers that compare contents: a cold shard is
 * read back, because one that was left out would pass for an empty one (SPEC S5).
 */
import type { Shard } from '../../engine/shard.js'
import type { ShardSet } from '../../storage/shard-set.js'

/** Every shard that something was written to. */
export function* heldShards (shards: ShardSet | undefined): Generator<Shard, void, undefined> {
  for (const number of shards?.topology.allShards() ?? []) {
    const shard = shards === undefined ? undefined : heldShard(shards, number)
    if (shard !== undefined) yield shard
  }
}

/** One shard; undefined when nothing was ever written to it here. */
export function heldShard (shards: ShardSet, shard: number): Shard | undefined {
  const residency = shards.at(shard)
  switch (residency.state) {
    case 'resident':
      return residency.shard
    case 'cold':
      return shards.hydrate(residency.row)
    case 'absent':
      return undefined
  }
}
