/**
 * Registers in the write buffer: puts, unsets, deletes and replacements.
 *
 * Nearly every write replaces the whole record. Then the object of the entry that dies becomes the
 * new entry: the garbage collector has moved that object to the old generation already.
 */
import { NO_CLAIMS } from '../fields/claims.js'
import { Entry, NO_FIELDS, type EntryFields, type Extra } from '../record/entry.js'
import { KindError } from '../errors.js'
import { isMute } from '../garbage/garbage.js'
import { kindIn } from '../record/reading.js'
import { entriesOf, replacesAll } from '../record/record.js'
import type { ShardState } from '../shard-state.js'
import type { Write } from './write.js'

/**
 * @returns whether it changed anything
 * @throws KindError (nothing changed)
 */
export function bufferFields (state: ShardState, write: Write, keepLoser: boolean): boolean {
  const fields = write.fields ?? NO_FIELDS
  const clears = write.fields === null || write.clears === true
  const head = state.index.get(write.key)
  if (
    head !== undefined && head.isOlderThan(write.version, write.stamp) &&
    replacesAll(head, fields, clears)
  ) {
    if (head.incarnation !== 0) state.pending.add(head)
    state.leaving(head)
    head.become(write.version, write.stamp, fields, clears, extraOf(write))
    state.became(head)
    return true
  }
  if (head !== undefined && !clears) assertRegisters(head, fields, state)
  const entry = entryOf(write, fields, clears)
  if (head !== undefined && clears && isUndecided(head, entry)) {
    state.pending.keepUndecided(entry)
    return true
  }
  state.pending.add(entry)
  state.admit(entry)
  if (keepLoser && (!entry.live || entry.fields !== fields)) {
    keepWhatLost(state, write, fields, clears)
  }
  return entry.live
}

function assertRegisters (head: Entry, fields: EntryFields, { now }: ShardState): void {
  if (!entriesOf(head).some(entry => entry.hasClaims)) return
  for (const name in fields) {
    const kind = fields[name] === undefined ? undefined : kindIn(head, name, now())
    if (kind !== undefined && kind !== 'register') {
      throw new KindError(
        `field ${name} is a ${kind} and cannot be set to a value; unset it first, or use ` +
          'another field'
      )
    }
  }
}

/**
 * Whether only dots decide what a delete or replacement hides: the record has an entry of the same
 * version and stamp, from another writer. Of two puts that tie the later dot takes the fields that
 * both have; a delete cannot be taken apart like that. An entry that ties and clears as well is the
 * same write, taken before. Claims never tie with a delete: it is compared with their epochs.
 */
function isUndecided (head: Entry, { version, stamp }: Entry): boolean {
  const tied = entriesOf(head).filter(other =>
    !other.hasClaims && other.version === version && other.stamp === stamp
  )
  return tied.length > 0 && !tied.some(other => other.clears)
}

/**
 * Keeps what replicas have to confirm of a write that lost. Fields that a tombstone hides are not
 * logged: a replica that has dropped the tombstone would show them. The tombstone is logged once
 * more instead, as a retry of itself: a replica that confirms the retry confirms that the write is
 * hidden. The retry has the stamp of the tombstone, because with a later one it could hide what was
 * written after the tombstone.
 */
function keepWhatLost (
  { index, pending }: ShardState,
  write: Write,
  fields: EntryFields,
  clears: boolean
): void {
  const head = index.get(write.key)
  const hiders = head === undefined
    ? []
    : entriesOf(head).filter(entry =>
      !entry.hasClaims && isMute(entry) && (entry.clears || !clears) &&
      !entry.isOlderThan(write.version, write.stamp)
    )
  const left = withoutHidden(fields, hiders)
  for (const hider of hiders) {
    if (hider.incarnation !== 0) pending.keepOnce(hider, retryOf(hider))
  }
  if (left !== null) pending.keep(entryOf({ ...write, fields: left }, left, clears))
}

function retryOf ({ key, version, stamp, fields, clears }: Entry): Entry {
  const kept = clears ? NO_FIELDS : fields
  return entryOf({ key, version, stamp, fields: kept }, kept, clears)
}

/** The fields that none of the tombstones hides, or null when no value is left. */
function withoutHidden (fields: EntryFields, hiders: readonly Entry[]): EntryFields | null {
  if (hiders.length === 0) return fields
  if (hiders.some(entry => entry.clears)) return null
  const left = Object.fromEntries(
    Object.entries(fields).filter(([name]) =>
      !hiders.some(entry => Object.hasOwn(entry.fields, name))
    )
  )
  return Object.values(left).some(value => value !== undefined) ? left : null
}

function entryOf (write: Write, fields: EntryFields, clears: boolean): Entry {
  return new Entry(write.key, write.version, write.stamp, fields, clears, 0, 0, extraOf(write))
}

function extraOf (
  { fields, expires = 0, late = 0 }: Pick<Write, 'fields' | 'expires' | 'late'>
): Extra | null {
  if (expires > 0 || late > 0) return { expires, late, claims: NO_CLAIMS }
  for (const name in fields) {
    if (fields[name] === undefined) return { expires: 0, late: 0, claims: NO_CLAIMS }
  }
  return null
}
