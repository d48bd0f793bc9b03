/**
 * Events that happened before a tombstone that was dropped, and enter after it.
 *
 *   replica A   tombstone dropped      would show the event
 *   replica B   tombstone still there  would hide it: the same entries, different records
 *
 * Where the floor remembers the grave, the event is deleted here as well. Where it may have been
 * forgotten, the owner raises the event above all that was forgotten, unless a value that is there
 * shows that it cannot be hidden, and keeps its own time beside it (`late`): among late events of a
 * field the later one still wins.
 */
import type { Entry, EntryFields } from '../record/entry.js'
import { graveOf, type Floor } from '../garbage/floor.js'
import { entriesOf } from '../record/record.js'
import type { Write } from './write.js'

export interface LateWrites {
  /** The write as it is to enter: nothing, as it is, raised, or both. */
  readonly changing: readonly Write[]
  /** What it lost to, to be logged again where somebody waits for a confirmation. */
  readonly tombstones: readonly Write[]
}

export function lateWrites (
  head: Entry | undefined,
  write: Write,
  fields: EntryFields,
  floor: Floor
): LateWrites {
  const { key, version, stamp } = write
  const entries = head === undefined ? [] : entriesOf(head).filter(entry => !entry.hasClaims)
  // hidden here, and everywhere
  if (entries.some(entry => entry.clears && !entry.isOlderThan(version, stamp))) {
    return { changing: [write], tombstones: [] }
  }
  const asItIs: Record<string, EntryFields[string]> = {}
  const above: Record<string, EntryFields[string]> = {}
  const buried = new Map<number, Record<string, undefined>>()
  let raisedTo = floor.forgotten + 1
  for (const name in fields) {
    const winner = entries.find(entry => Object.hasOwn(entry.fields, name))
    const grave = graveOf(floor, key, name)
    if (isSafe(winner, write, name) || fields[name] === undefined) asItIs[name] = fields[name]
    else if (grave >= version) buried.set(grave, { ...buried.get(grave), [name]: undefined })
    else if (version > floor.forgotten) asItIs[name] = fields[name]
    else {
      above[name] = fields[name]
      if (winner !== undefined) {
        raisedTo = Math.max(raisedTo, winner.stamp < stamp ? winner.version : winner.version + 1)
      }
    }
  }
  const some = (part: EntryFields): boolean => Object.keys(part).length > 0
  return {
    changing: [...some(asItIs) ? [{ ...write, fields: asItIs }] : [], ...some(above)
      ? [{ ...write, version: raisedTo, fields: above, late: Math.max(1, version) }]
      : []],
    // with the versions they had: no reader sees the record go back
    tombstones: [...buried].map(([grave, unset]) => ({
      key,
      version: grave,
      stamp: stamp + 1,
      fields: unset
    }))
  }
}

/**
 * Whether a value that is there settles it: it was not hidden, so no tombstone was newer than it,
 * or than a write that is newer still.
 */
function isSafe (winner: Entry | undefined, write: Write, name: string): boolean {
  if (winner === undefined) return false
  return !isLater(write, winner) || (lateOf(winner) === 0 && winner.fields[name] !== undefined)
}

/**
 * Whether the write comes later than the entry that holds the field, by the times of the events.
 */
function isLater (write: Write, winner: Entry): boolean {
  const late = lateOf(winner)
  if (late === 0) return winner.isOlderThan(write.version, write.stamp)
  return late === write.version ? winner.stamp < write.stamp : late < write.version
}

function lateOf (entry: Entry): number {
  return entry.extra?.late ?? 0
}

/** The fields that none of the tombstones hides, or null when all are hidden. */
export function withoutHidden (fields: EntryFields, hiders: readonly Entry[]): EntryFields | null {
  if (hiders.length === 0) return fields
  if (hiders.some(entry => entry.clears)) return null
  const left = Object.fromEntries(
    Object.entries(fields).filter(([name]) =>
      !hiders.some(entry => Object.hasOwn(entry.fields, name))
    )
  )
  const shows = Object.values(left).some(value => value !== undefined)
  return !shows ? null : left
}
