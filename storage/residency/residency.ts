/**
 * Where a shard is (D17):
 *
 *   resident   in memory, and on disk behind the write-behind queue
 *   cold       in the store only; the few facts of its row are in memory
 *   absent     nothing was ever written to the shard here
 *
 * "Not in memory" must never pass for "empty": a hand-over that took a cold shard for an empty one
 * would drop its last copy (SPEC S5). So ShardSet answers with one of the three, and its callers
 * switch over them; the lint rule for switches and the return types refuse a case that is left out.
 *
 * Nothing is cold yet: every store is read back whole at the start.
 */
import { MillpondError } from '../../engine/errors.js'
import type { Floor } from '../../engine/garbage/floor.js'
import type { Shard } from '../../engine/shard.js'
import type { StateVector } from '../../engine/base/state-vector.js'

export type Residency =
  | { readonly state: 'resident', readonly shard: Shard }
  | { readonly state: 'cold', readonly row: ColdShard }
  | { readonly state: 'absent' }

/** A shard that something was written to. */
export type Present = Exclude<Residency, { readonly state: 'absent' }>

export interface ShardCounts {
  readonly records: number
  readonly liveEntries: number
  readonly deadEntries: number
}

/** The answers of a cold shard that do not need it read back. */
export interface ColdShard {
  readonly shard: number
  /** Everything this replica has seen, without retired incarnations: as Shard.stateVector. */
  readonly stateVector: StateVector
  /** Everything this replica has seen, retired incarnations included: as Shard.known. */
  readonly known: StateVector
  /** Of `stateVector`: as Shard.digest. */
  readonly digest: string
  readonly floor: Floor
  readonly counts: ShardCounts
  /** The greatest version of an entry, as a version-time; 0 when there is none. */
  readonly newestVersion: number
  /** When the oldest tombstone was written, as a version-time; Infinity when there is none. */
  readonly oldestTombstone: number
  /** When the next field expires, as a version-time; Infinity when none does. */
  readonly nextExpiry: number
}

/**
 * A cold shard was needed in memory, and could not be read back. Nothing changed; another holder of
 * the shard may have it in memory.
 */
export class ColdShardError extends MillpondError {
  constructor (readonly shard: number) {
    super('STORE', `shard ${shard} is cold, and this version cannot read it back while it runs`, {
      changed: 'no',
      retryable: true
    })
  }
}

/**
 * The shard if it is in memory: for buffered writes and indexes, which no other shard has.
 * Undefined does not mean that nothing was written to the shard.
 */
export function onlyIfResident (residency: Residency): Shard | undefined {
  switch (residency.state) {
    case 'resident':
      return residency.shard
    case 'cold':
    case 'absent':
      return undefined
  }
}
