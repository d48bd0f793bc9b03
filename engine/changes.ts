/**
 * The records that changed since a cursor, found by a walk over the log above the cursor (D7). The
 * log holds only live entries, so a consumer finds at most the live records, however far behind it
 * is.
 *
 * Incarnations are drained in turns of equal size, so a busy writer cannot starve a quiet one. A
 * record is given out once per call, merged and current, whichever of its entries was met first.
 * The cursor moves past the entries that were walked.
 */
import { isStart, type Cursor } from './cursor.js'
import { canPatch } from './garbage/floor.js'
import type { Entry } from './record/entry.js'
import { fieldsOf } from './record/reading.js'
import { claimsOf } from './record/record.js'
import type { Shard } from './shard.js'
import { covers, join, type StateVector } from './base/state-vector.js'
import { approximateBytes, type Fields } from './base/values.js'

export interface Change {
  readonly key: string
  readonly shard: number
  /** Whether the record does not exist any more: it was deleted, or all its fields have expired. */
  readonly deleted: boolean
  /** The whole record as it is now; empty when deleted. */
  readonly fields: Fields
  /** Names of the fields written since the cursor. */
  readonly changed: readonly string[]
  /**
   * The greatest version in the record, tombstones that were dropped included: microseconds since
   * 1970. The version of a record that has only registers never goes back. With counters, sets,
   * maxima, minima and sequenced fields it may, because clocks do not decide about them: of two
   * concurrent operations the one with the lower version may win, and a delete may end operations
   * that have a higher version than the delete. The fields themselves never go back.
   */
  readonly version: number
}

/** One page of changes, or why there is none. */
export type ChangePage =
  /** `more` tells whether entries remain above the new cursor. */
  | {
    readonly outcome: 'changes',
    readonly changes: readonly Change[],
    readonly cursor: Cursor,
    readonly more: boolean
  }
  /** This replica lacks entries that an earlier page was based on: ask another one, or later. */
  | { readonly outcome: 'behind' }
  /**
   * Tombstones that this reader had not seen were dropped. It has to start over, and then to forget
   * the records that do not come again.
   */
  | { readonly outcome: 'reset' }

/** The vectors of a shard, which are known even while its records are not in memory. */
export type ShardVectors = Pick<Shard, 'stateVector' | 'known' | 'floor'>

/**
 * The page that vectors alone decide: the shard is behind the cursor, or has to be read from the
 * start, or has nothing above the cursor. Null when its log has to be read.
 */
export function pageWithoutLog (
  { stateVector, known, floor }: ShardVectors,
  cursor: Cursor
): ChangePage | null {
  if (!covers(known, cursor.witness)) return { outcome: 'behind' }
  const seen = join(join(cursor.seen, cursor.retired), floorOfReader(floor.below, cursor))
  if (!canPatch(floor, seen)) return { outcome: 'reset' }
  if (!covers(cursor.seen, stateVector)) return null
  return {
    outcome: 'changes',
    changes: [],
    cursor: atEnd({ stateVector, known, floor }, cursor),
    more: false
  }
}

/** Tombstones below it were dropped before this reader began, so it lacks nothing of them. */
function floorOfReader (below: StateVector, cursor: Cursor): StateVector {
  return isStart(cursor) ? below : cursor.floor
}

/** At the end, what was seen is exactly what is there, so that its digest is the shard's. */
function atEnd ({ stateVector, known, floor }: ShardVectors, cursor: Cursor): Cursor {
  return {
    ...cursor,
    seen: new Map(stateVector),
    witness: join(cursor.witness, known),
    floor: new Map(),
    retired: new Map([...floor.below].filter(([incarnation]) => !stateVector.has(incarnation)))
  }
}

/**
 * @param limit most records to return, at least 1
 * @param maxBytes the page ends early once its records are about this large; default: no bound
 */
export function changesSince (
  shard: Shard,
  cursor: Cursor,
  limit: number,
  maxBytes = Infinity
): ChangePage {
  const { stateVector, known } = shard
  const page = pageWithoutLog(shard, cursor)
  if (page !== null) return page
  const seen = new Map(cursor.seen)
  const met = new Set<string>()
  const changes: Change[] = []
  let bytes = 0
  let waiting = [...stateVector].filter(([incarnation, end]) => (seen.get(incarnation) ?? 0) < end)
  while (waiting.length > 0 && changes.length < limit && bytes < maxBytes) {
    const turn = Math.max(1, Math.floor((limit - changes.length) / waiting.length))
    waiting = waiting.filter(([incarnation, end]) => {
      let taken = 0
      let stoppedAt = end
      shard.log.eachLive(incarnation, seen.get(incarnation) ?? 0, entry => {
        if (taken >= turn || changes.length >= limit || bytes >= maxBytes) {
          stoppedAt = entry.clock
          return false
        }
        if (met.has(entry.key)) return true
        met.add(entry.key)
        taken++
        const change = changeOf(shard, entry.key, cursor.seen)
        bytes += entry.key.length + approximateBytes(change.fields)
        changes.push(change)
        return true
      })
      seen.set(incarnation, stoppedAt)
      return stoppedAt < end
    })
  }
  const more = waiting.length > 0
  if (more) {
    return {
      outcome: 'changes',
      changes,
      cursor: {
        ...cursor,
        seen,
        witness: join(cursor.witness, known),
        floor: floorOfReader(shard.floor.below, cursor)
      },
      more
    }
  }
  return { outcome: 'changes', changes, cursor: atEnd(shard, cursor), more }
}

function changeOf (shard: Shard, key: string, seen: StateVector): Change {
  const head = shard.index.get(key) as Entry
  const fields = fieldsOf(head, shard.now)
  const changed: string[] = []
  for (let entry: Entry | null = head; entry !== null; entry = entry.next) {
    if (entry.clock >= (seen.get(entry.incarnation) ?? 0)) {
      changed.push(
        ...Object.keys(entry.fields),
        ...claimsOf(entry).map(claim => claim.field)
      )
    }
  }
  return {
    key,
    shard: shard.shard,
    deleted: fields === undefined,
    fields: fields ?? {},
    changed: [...new Set(changed)],
    version: shard.versionOf(head)
  }
}
