/**
 * What stands above a write where it is about to be taken: a write that is dated by its writer's
 * clock (isUndated) would have no effect there, or not all of it, because something newer has come
 * first. Such a write is not taken; its writer dates it anew (D18). A copy of it that comes late,
 * when its writer waits for no answer any more, is thereby refused for good (SPEC E9).
 */
import { isEndedBy } from '../fields/claims.js'
import type { Operation } from '../fields/kinds.js'
import { epochOf } from '../fields/operations.js'
import { graveOf, lastDropped, shownVersion, type Floor } from '../garbage/floor.js'
import { NO_FIELDS, type Entry } from '../record/entry.js'
import { versionOf } from '../record/reading.js'
import { claimsOf } from '../record/record.js'
import type { ShardState } from '../shard-state.js'
import type { Write } from './write.js'

/**
 * @returns the greatest version, of an entry or of a tombstone that was dropped, that takes
 *   something from the write; 0 when nothing does. The write itself, taken before, does not
 */
export function standingAbove ({ index, floor }: ShardState, write: Write): number {
  const { key, version, stamp, operations } = write
  const head = index.get(key)
  if (operations !== undefined) {
    const isAfterAll = version > floor.newest && (head === undefined || versionOf(head) <= version)
    return isAfterAll
      ? 0
      : Math.max(resetAbove(head, floor, write, operations), buriedAbove(floor, write))
  }
  const isOnTop = head === undefined ||
    (head.next === null && !head.hasClaims && head.isOlderThan(version, stamp))
  if (isOnTop && version > floor.newest) return 0
  const fields = write.fields ?? NO_FIELDS
  const clears = write.fields === null || write.clears === true
  const touches = (name: string): boolean => clears || Object.hasOwn(fields, name)
  let above = 0
  for (let entry = head ?? null; entry !== null; entry = entry.next) {
    if (entry.hasClaims) above = Math.max(above, ...epochsKept(entry, version, touches))
    else if (takesFrom(entry, write, touches)) above = Math.max(above, entry.version)
  }
  if (version > floor.newest) return above
  // A forgotten grave may have been one of the record.
  if (version <= floor.forgotten) above = Math.max(above, floor.forgotten)
  const graves = [...clears ? [graveOf(floor, key)] : [],
    ...Object.keys(fields).map(name => graveOf(floor, key, name))]
  return Math.max(above, ...graves.filter(grave => grave >= version))
}

/** The latest reset of a field that an operation is dated before: it is ended by it (SPEC E18). */
function resetAbove (
  head: Entry | undefined,
  floor: Floor,
  { key, version }: Write,
  operations: readonly Operation[]
): number {
  const resets = operations.map(({ field }) => epochOf(head, field, lastDropped(floor, key, field)))
  return Math.max(0, ...resets.filter(reset => reset > version))
}

/**
 * The latest tombstone of the record that was dropped, where an add is dated before it: it may be
 * a copy of one that was taken back, and nothing else remembers the removal (SPEC E9). Tombstones
 * that are dropped are so old that hardly an add which its writer still waits for is older.
 */
function buriedAbove (floor: Floor, { key, version, operations = [] }: Write): number {
  if (!operations.some(({ kind }) => kind === 'add')) return 0
  const dropped = Math.max(shownVersion(floor, key), floor.forgotten)
  return dropped >= version ? dropped : 0
}

function takesFrom (
  entry: Entry,
  { version, stamp }: Write,
  touches: (name: string) => boolean
): boolean {
  if (entry.isOlderThan(version, stamp)) return false
  if (entry.version === version && entry.stamp === stamp) return false
  return entry.clears || Object.keys(entry.fields).some(touches)
}

/** The epochs of claims that the write does not end, although it touches their fields. */
function epochsKept (entry: Entry, version: number, touches: (name: string) => boolean): number[] {
  return claimsOf(entry).filter(claim => touches(claim.field) && !isEndedBy(claim, version))
    .map(({ epoch }) => epoch)
}
