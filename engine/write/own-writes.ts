/**
 * Writes that a shard makes itself, to end fields: of entries that have expired, and of entries
 * that a dropped tombstone would have hidden. They are writes like any other, so every replica and
 * every consumer hears of the end.
 */
import { bufferWrite } from './write-buffer.js'
import { isEndedBy } from '../fields/claims.js'
import { graveOf, type Floor } from '../garbage/floor.js'
import type { Entry, Extra } from '../record/entry.js'
import { claimsOf } from '../record/record.js'
import type { ShardState } from '../shard-state.js'

/**
 * Unsets fields that have expired, so that consumers hear of it; readers leave them out on time
 * without that. Every replica that does so makes the same write: right after the entry, and before
 * anything later.
 * @returns how many entries it unset, at most limits.maxExpiredPerSweep
 */
export function unsetExpired (state: ShardState): number {
  const expired = state.expiries.due(state.now())
  for (const { key, version, stamp, fields, extra } of expired) {
    bufferWrite(state, {
      key,
      version,
      stamp: Math.max(stamp + 1, (extra as Extra).expires),
      fields: Object.fromEntries(Object.keys(fields).map(name => [name, undefined]))
    })
  }
  return expired.length
}

/**
 * Unsets those fields of an entry that have a grave in `floor`, as the dropped tombstones would
 * have done. The replica that sent the entry had not seen these tombstones, and other replicas may
 * still have it.
 */
export function buryAgain (state: ShardState, entry: Entry, floor: Floor): void {
  const { key, version, stamp } = entry
  const ended = Object.keys(entry.fields).filter(name => graveOf(floor, key, name) >= version)
  const claimed = claimsOf(entry).filter(claim =>
    isEndedBy(claim, graveOf(floor, key, claim.field))
  ).map(({ field }) => field)
  for (const name of new Set([...ended, ...claimed])) {
    bufferWrite(state, {
      key,
      version: graveOf(floor, key, name),
      stamp: stamp + 1,
      fields: { [name]: undefined }
    })
  }
}
