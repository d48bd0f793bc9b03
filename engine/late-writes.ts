/**
 * Events that happened before a tombstone that was dropped, and enter after it.
 *
 *   replica A   tombstone dropped     would show the event
 *   replica B   tombstone still there would hide it: the same entries, different records
 *
 * Which records were deleted is no longer known where tombstones were dropped, only that none of these was newer than the
 * version of the floor. So the owner raises the version of such an event above that, where nothing in the record shows that
 * it cannot be hidden, and keeps its own time beside it (`late`): among late events of a field the later one still wins.
 */
import type { Entry, EntryFields } from './entry.js'
import { entriesOf } from './record.js'
import type { Write } from './write.js'

/** The write as it is to enter: in one part, or in one that can enter as it is and one that is raised. */
export function raised (head: Entry | undefined, write: Write, fields: EntryFields, floorVersion: number): readonly Write[] {
  const entries = head === undefined ? [] : entriesOf(head).filter(entry => !entry.hasClaims)
  if (entries.some(entry => entry.clears && !entry.isOlderThan(write.version, write.stamp))) return [write] // hidden here, and everywhere
  const asItIs: Record<string, EntryFields[string]> = {}
  const above: Record<string, EntryFields[string]> = {}
  let version = floorVersion + 1
  for (const name in fields) {
    const winner = entries.find(entry => Object.hasOwn(entry.fields, name))
    // A value that is there was not hidden: no tombstone of it was newer than it, or than a write that is newer still.
    const isSafe = fields[name] === undefined || (winner !== undefined && (lateOf(winner) === 0 ? winner.fields[name] !== undefined || !isLater(write, winner) : !isLater(write, winner)))
    if (!isSafe && winner !== undefined) version = Math.max(version, winner.stamp < write.stamp ? winner.version : winner.version + 1);
    (isSafe ? asItIs : above)[name] = fields[name]
  }
  if (Object.keys(above).length === 0) return [write]
  const late: Write = { ...write, version, fields: above, late: Math.max(1, write.version) }
  return Object.keys(asItIs).length === 0 ? [late] : [{ ...write, fields: asItIs }, late]
}

/** Whether the write comes later than the entry that holds the field, by the times of the events. */
function isLater (write: Write, winner: Entry): boolean {
  const late = lateOf(winner)
  if (late === 0) return winner.isOlderThan(write.version, write.stamp)
  return late === write.version ? winner.stamp < write.stamp : late < write.version
}

function lateOf (entry: Entry): number { return entry.extra?.late ?? 0 }

/** The fields that none of the tombstones hides, or null when all are hidden. */
export function withoutHidden (fields: EntryFields, hiders: readonly Entry[]): EntryFields | null {
  if (hiders.length === 0) return fields
  if (hiders.some(entry => entry.clears)) return null
  const left = Object.fromEntries(Object.entries(fields).filter(([name]) => !hiders.some(entry => Object.hasOwn(entry.fields, name))))
  const shows = Object.values(left).some(value => value !== undefined)
  return !shows ? null : left
}
