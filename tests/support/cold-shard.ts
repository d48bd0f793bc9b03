/**
 * Shards that are in the store only, as no store makes them yet: a row is taken from the shard in
 * memory, and then stands in its place.
 */
import { NO_FLOOR } from '../../engine/garbage/floor.js'
import { digestOf } from '../../engine/base/state-vector.js'
import type { ColdShard } from '../../storage/residency/residency.js'
import type { ShardSet } from '../../storage/shard-set.js'

/** The row of a shard with nothing in it, and what a test sets of it. */
export function coldRow (shard: number, parts: Partial<ColdShard> = {}): ColdShard {
  const stateVector = parts.stateVector ?? new Map<number, number>()
  return {
    shard,
    stateVector,
    known: stateVector,
    digest: digestOf(stateVector),
    floor: NO_FLOOR,
    counts: { records: 0, liveEntries: 0, deadEntries: 0 },
    newestVersion: 0,
    oldestTombstone: Infinity,
    nextExpiry: Infinity,
    ...parts
  }
}

/** Takes a shard out of memory. @returns its row, which says what the shard said */
export function cool (
  shards: ShardSet,
  shard: number,
  parts: Partial<ColdShard> = {}
): ColdShard {
  const found = shards.open(shard)
  found.flush()
  const row = coldRow(shard, {
    stateVector: new Map(found.stateVector),
    known: new Map(found.known),
    digest: found.digest,
    floor: found.floor,
    counts: {
      records: found.countRecords(),
      liveEntries: found.liveEntries,
      deadEntries: found.deadEntries
    },
    ...parts
  })
  shards.cool(row)
  return row
}
