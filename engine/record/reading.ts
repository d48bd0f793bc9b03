/**
 * How a record is read: as the fields of all its entries together, without those that have expired.
 *
 * Which entry wins a field was decided when the entries were admitted (record.ts). Where a record
 * has a register and claims of one name, the claims count. Nearly every record is one plain entry,
 * whose fields are the fields of the record.
 */
import { valuesOf } from '../fields/claims.js'
import type { Claim, FieldKind } from '../fields/kinds.js'
import { NO_FIELDS, type Entry } from './entry.js'
import { claimsOf, entriesOf } from './record.js'
import type { Fields, Value } from '../base/values.js'

/**
 * The current fields of a record as a fresh object, for a reader that comes once; undefined when
 * the record has no fields.
 * @param now the version-time: fields that expire by then read as absent. With 0 no field does
 */
export function fieldsOf (head: Entry, now = 0): Fields | undefined {
  if (head.isPlain) return head.fields === NO_FIELDS ? undefined : { ...head.fields as Fields }
  const merged: Record<string, Value> = {}
  let any = false
  const claims: Claim[] = []
  for (let entry: Entry | null = head; entry !== null; entry = entry.next) {
    claims.push(...claimsOf(entry))
    if (hasExpired(entry, now)) continue
    for (const name in entry.fields) {
      const value = entry.fields[name]
      if (value === undefined) continue
      merged[name] = value
      any = true
    }
  }
  if (claims.length > 0) {
    for (const [field, { value }] of valuesOf(claims)) {
      if (value === undefined) continue
      merged[field] = value
      any = true
    }
  }
  return any ? merged : undefined
}

/** The kind of a field of a record, or undefined when the record has no such field. */
export function kindIn (head: Entry, field: string, now: number): FieldKind | undefined {
  const claims: Claim[] = []
  let isRegister = false
  for (const entry of entriesOf(head)) {
    for (const claim of claimsOf(entry)) if (claim.field === field) claims.push(claim)
    if (
      Object.hasOwn(entry.fields, field) && entry.fields[field] !== undefined &&
      !hasExpired(entry, now)
    ) isRegister = true
  }
  const claimed = valuesOf(claims).get(field)
  if (claimed?.value !== undefined) return claimed.kind
  return isRegister ? 'register' : undefined
}

export function hasExpired (entry: Entry, now: number): boolean {
  const { extra } = entry
  return extra !== null && extra.expires !== 0 && extra.expires <= now
}

/** The greatest version among the record's live entries. */
export function versionOf (head: Entry): number {
  let last = head
  while (last.next !== null) last = last.next
  return last.version
}

export function isDeleted (head: Entry, now = 0): boolean {
  if (head.isPlain) return head.fields === NO_FIELDS
  return fieldsOf(head, now) === undefined
}
