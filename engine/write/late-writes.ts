/**
 * Writes of events that are older than a tombstone which was dropped here.
 *
 *   replica A   has dropped the tombstone       would show the event
 *   replica B   has the tombstone               hides it: equal entries, different records
 *
 * Where the floor remembers the grave of the tombstone, the event counts as deleted here too. Where
 * the grave may have been forgotten, the event is raised: its entry gets a version above every
 * forgotten tombstone, and keeps the time of the event beside it (`late`), so that of two late
 * events of a field the later one still wins. An event is not raised where a value in the field
 * proves that no tombstone hides it.
 */
import { bufferFields } from './buffered-fields.js'
import type { Entry, EntryFields } from '../record/entry.js'
import { graveOf, type Floor } from '../garbage/floor.js'
import { entriesOf } from '../record/record.js'
import type { ShardState } from '../shard-state.js'
import type { Write } from './write.js'

interface LateWrites {
  /** The parts of the write that enter: none, one as it is, one raised, or both. */
  readonly entering: readonly Write[]
  /** The tombstones that hide the rest of it, to be logged again if replicas have to confirm it. */
  readonly tombstones: readonly Write[]
}

/**
 * Buffers a write that is not newer than every tombstone dropped here.
 * @returns whether it changed anything
 * @throws KindError (nothing changed)
 */
export function bufferLate (state: ShardState, write: Write, keepLoser: boolean): boolean {
  const { fields } = write
  if (fields === null) return bufferLateDelete(state, write, keepLoser)
  if (write.clears === true) {
    // A replacement is a delete and a put right after it.
    const { clears: _, ...put } = write
    // A tombstone of the very same version hides the put, so its delete may take nothing either.
    const version = graveOf(state.floor, write.key) === write.version
      ? write.version - 1
      : write.version
    bufferLateDelete(
      state,
      { key: write.key, version, stamp: write.stamp, fields: null },
      keepLoser
    )
    return bufferLate(state, { ...put, stamp: write.stamp + 1 }, keepLoser)
  }
  const { entering, tombstones } = cutLate(state.index.get(write.key), write, fields, state.floor)
  if (keepLoser) { for (const tombstone of tombstones) bufferFields(state, tombstone, false) }
  return entering.map(part => bufferFields(state, part, keepLoser)).includes(true)
}

/**
 * A delete that is older than a dropped one changes nothing: the dropped delete hid everything that
 * this one hides. If replicas have to confirm it, it is logged with a version just below that of
 * the dropped delete. It cannot have the same version: the stamp of the dropped delete is not
 * remembered, and a write of that version may have come after it.
 */
function bufferLateDelete (state: ShardState, write: Write, keepLoser: boolean): boolean {
  const grave = graveOf(state.floor, write.key)
  if (grave <= write.version) return bufferFields(state, write, keepLoser)
  if (keepLoser) bufferFields(state, { ...write, version: Math.max(0, grave - 1) }, false)
  return false
}

function cutLate (
  head: Entry | undefined,
  write: Write,
  fields: EntryFields,
  floor: Floor
): LateWrites {
  const { key, version, stamp } = write
  const entries = head === undefined ? [] : entriesOf(head).filter(entry => !entry.hasClaims)
  // The record has a newer clear: it hides the write on every replica.
  if (entries.some(entry => entry.clears && !entry.isOlderThan(version, stamp))) {
    return { entering: [write], tombstones: [] }
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
    entering: [...some(asItIs) ? [{ ...write, fields: asItIs }] : [], ...some(above)
      ? [{ ...write, version: raisedTo, fields: above, late: Math.max(1, version) }]
      : []],
    // They keep the versions they had, so that no reader sees the record go back.
    tombstones: [...buried].map(([grave, unset]) => ({
      key,
      version: grave,
      stamp: stamp + 1,
      fields: unset
    }))
  }
}

/**
 * Whether the entry that holds the field decides about the write as any two entries decide. A write
 * that is older than the entry loses to it, whatever was dropped. A write that is newer wins, if
 * the entry shows a value at its own version: no tombstone hid that value, so none is newer
 * than it, let alone than the write.
 */
function isSafe (winner: Entry | undefined, write: Write, name: string): boolean {
  if (winner === undefined) return false
  return !isLater(write, winner) || (lateOf(winner) === 0 && winner.fields[name] !== undefined)
}

/** Whether the write is later than the entry that holds the field, by the times of the events. */
function isLater (write: Write, winner: Entry): boolean {
  const late = lateOf(winner)
  if (late === 0) return winner.isOlderThan(write.version, write.stamp)
  return late === write.version ? winner.stamp < write.stamp : late < write.version
}

function lateOf (entry: Entry): number {
  return entry.extra?.late ?? 0
}
