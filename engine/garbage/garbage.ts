/**
 * Tombstones and their end (D6). An entry is mute when it shows nothing and only hides: a delete,
 * an unset, a removal from a set. A mute entry has to stay for as long as an entry that it hides
 * could still arrive. Once every replica and every consumer has seen it, it may be dropped.
 *
 *   floor   every dropped dot lies below its state vector (floor.ts). A replica or consumer that
 *           has not seen as much cannot be patched, because no replica can tell it any more what to
 *           hide. It is reset to the whole state; until then no replica takes its entries
 *
 * Two replicas may drop a tombstone at different times. All the while they agree on every record
 * and on their state vectors.
 */
import { kindOf } from '../fields/lookup.js'
import type { Entry } from '../record/entry.js'
import { claimsOf, entriesOf, link, type Index } from '../record/record.js'
import type { StateVector } from '../base/state-vector.js'

export interface CollectOptions {
  /** The entries that every replica and every consumer group has seen. */
  readonly stable: StateVector
  /**
   * A version-time. Entries written at it or later stay, because writes of older events may still
   * be on their way.
   */
  readonly before: number
  /** A version-time. Entries written before it are dropped even if some replica lacks them. */
  readonly forcedBefore: number
}

/** Whether an entry shows nothing. */
export function isMute (entry: Entry): boolean {
  for (const name in entry.fields) if (entry.fields[name] !== undefined) return false
  return claimsOf(entry).every(claim => kindOf(claim).isMute(claim))
}

/** The mute entries that may be dropped. Pending entries are not among them. */
export function collectable (
  index: Index,
  { stable, before, forcedBefore }: CollectOptions
): Entry[] {
  const found: Entry[] = []
  for (const head of index.values()) {
    for (let entry: Entry | null = head; entry !== null; entry = entry.next) {
      if (entry.incarnation === 0 || entry.stamp >= before || !isMute(entry)) continue
      if (entry.clock < (stable.get(entry.incarnation) ?? 0) || entry.stamp < forcedBefore) {
        found.push(entry)
      }
    }
  }
  return found
}

/** Whether a record has a logged mute entry that was written before this version-time. */
export function hasMute (index: Index, before: number): boolean {
  for (const head of index.values()) {
    for (let entry: Entry | null = head; entry !== null; entry = entry.next) {
      if (entry.incarnation !== 0 && entry.stamp < before && isMute(entry)) return true
    }
  }
  return false
}

/** Takes an entry out of its record. */
export function takeOut (index: Index, entry: Entry): void {
  const rest = entriesOf(index.get(entry.key) as Entry).filter(other => other !== entry)
  if (rest.length === 0) index.delete(entry.key)
  else link(index, rest)
  entry.next = null
  entry.live = false
}
