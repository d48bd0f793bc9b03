/**
 * A record: the live entries of one key, and how a new entry takes its place among them.
 *
 * The index maps a key to its first live entry; the others hang behind it in ascending order. Nearly every record is
 * one entry, so the common case (a later write of the same fields) is decided without touching anything else.
 *
 *   invariants   entries of a record share no field name; an entry is live iff it wins a field or is the latest clear;
 *                at most one entry of a record clears; the outcome depends only on the set of entries admitted
 */
import { NO_FIELDS, type Entry } from './entry.js'
import type { Fields } from './values.js'

export type Index = Map<string, Entry>

/**
 * Places `entry` among those of its record; what loses everything is marked dead and handed to `onDead`, the new
 * entry included.
 */
export function admit (index: Index, entry: Entry, onDead: (dead: Entry) => void): void {
  const head = index.get(entry.key)
  if (head === undefined) {
    index.set(entry.key, entry)
    return
  }
  entry.key = head.key // so that its own, equal string can be collected while it is young
  if (entry.isLaterThan(head) && replacesAll(head, entry.fields, entry.clears)) {
    index.set(entry.key, entry)
    bury(head, onDead)
    return
  }
  admitSlowly(index, head, entry, onDead)
}

/** Whether a write of these fields, which is later than the record's only entry, leaves nothing of that. */
export function replacesAll (head: Entry, fields: Fields, clears: boolean): boolean {
  return head.next === null && (clears || (!head.clears && coversNames(fields, head.fields)))
}

function admitSlowly (index: Index, head: Entry, entry: Entry, onDead: (dead: Entry) => void): void {
  for (let other: Entry | null = head; other !== null; other = other.next) {
    if (other.clears && !entry.isLaterThan(other)) { // a delete that is still buffered and its retry tie: neither is later
      bury(entry, onDead)
      return
    }
  }
  const survivors: Entry[] = []
  for (let other: Entry | null = head, next; other !== null; other = next) {
    next = other.next
    const wins = entry.isLaterThan(other)
    if (wins && entry.clears) {
      bury(other, onDead)
      continue
    }
    if (wins) other.fields = without(other.fields, entry.fields)
    else entry.fields = without(entry.fields, other.fields)
    if (other.clears || other.fields !== NO_FIELDS) survivors.push(other)
    else bury(other, onDead)
  }
  if (entry.clears || entry.fields !== NO_FIELDS) {
    const at = survivors.findIndex(other => other.isLaterThan(entry))
    survivors.splice(at === -1 ? survivors.length : at, 0, entry)
  } else bury(entry, onDead)
  link(index, survivors)
}

/** Chains the live entries of one record; there is at least one, because a loser always has a winner. */
function link (index: Index, entries: readonly Entry[]): void {
  const [first] = entries
  if (first === undefined) throw new Error('a record lost all its entries at once')
  index.set(first.key, first)
  entries.forEach((entry, i) => { entry.next = entries[i + 1] ?? null })
}

function bury (entry: Entry, onDead: (dead: Entry) => void): void {
  entry.live = false
  entry.fields = NO_FIELDS // frees the values before compaction frees the entry
  entry.next = null
  onDead(entry)
}

/** The record's current fields as a fresh object, or undefined when it is deleted. */
export function fieldsOf (head: Entry): Fields | undefined {
  if (head.next === null) return head.fields === NO_FIELDS ? undefined : { ...head.fields }
  const merged: Record<string, Fields[string]> = {}
  for (let entry: Entry | null = head; entry !== null; entry = entry.next) Object.assign(merged, entry.fields)
  return merged
}

/** The greatest version among the record's live entries. */
export function versionOf (head: Entry): number {
  let last = head
  while (last.next !== null) last = last.next
  return last.version
}

export function isDeleted (head: Entry): boolean {
  return head.next === null && head.fields === NO_FIELDS
}

function coversNames (winner: Fields, loser: Fields): boolean {
  for (const name in loser) if (!Object.hasOwn(winner, name)) return false
  return true
}

/** `fields` without those `taken` has; the same object when none is taken, NO_FIELDS when none is left. */
function without (fields: Fields, taken: Fields): Fields {
  const left: Record<string, Fields[string]> = {}
  let kept = 0
  let lost = 0
  for (const name in fields) {
    if (Object.hasOwn(taken, name)) lost++
    else {
      left[name] = fields[name] as Fields[string]
      kept++
    }
  }
  if (lost === 0) return fields
  return kept === 0 ? NO_FIELDS : left
}
