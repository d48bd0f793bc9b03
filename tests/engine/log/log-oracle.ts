/**
 * The records a replica should hold, from the definition: every entry that was ever logged is kept
 * as it was logged, and a read looks at all of them that the replica has seen. Plain maps and
 * loops: no index, no Yjs, nothing superseded, nothing incremental.
 *
 * Because the oracle goes by entries and not by writes, it can say what any replica holds at any
 * time: state vectors name entries. For fields that are more than registers it follows the headings
 * in engine/fields/, and shares no code with them.
 */
import { decodeCbor } from '../../../engine/base/codec.js'
import type { StateVector } from '../../../engine/base/state-vector.js'
import { readWire } from '../../fuzz/wire.js'

type ClaimKind = 'counter' | 'add' | 'remove' | 'max' | 'min' | 'sequenced'

/**
 * A claim of an entry about a field that is more than a register. `what` and the rest are as they
 * stand in the bytes.
 */
export interface LoggedClaim {
  readonly entry: LoggedEntry
  readonly kind: ClaimKind
  readonly field: string
  readonly epoch: number
  /** A total, an element, a bound or a sequence number. */
  readonly what: unknown
  readonly value: unknown
  /** Its own dot; of sets the writer and stamp of the add that is made or taken back. */
  readonly of: number
  readonly clock: number
}

export interface LoggedEntry {
  readonly incarnation: number
  readonly clock: number
  readonly key: string
  readonly version: number
  readonly stamp: number
  /** An unset field is there, without a value. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly clears: boolean
  /** When its fields are over; 0 for never. */
  readonly expires: number
  readonly claims: readonly LoggedClaim[]
}

export class LogOracle {
  readonly #entries = new Map<string, LoggedEntry>()

  /** Takes a delta when it is emitted: each entry whole, as no other has superseded it yet. */
  add (delta: Uint8Array): void {
    for (const { incarnation, clock, structs } of readWire(delta).spans) {
      let next = clock
      for (const { length, entries } of structs) {
        entries?.forEach(({ bytes }, i) =>
          this.#entries.set(`${incarnation} ${next + i}`, entryOf(bytes, incarnation, next + i))
        )
        next += length
      }
    }
  }

  /**
   * Every record that is not deleted, for a reader that has seen this much and reads at this time;
   * keys and fields in order.
   */
  records (seen: StateVector, now: number): Record<string, Record<string, unknown>> {
    const visible = [...this.#entries.values()].filter(({ incarnation, clock }) =>
      clock < (seen.get(incarnation) ?? 0)
    )
    const keys = [...new Set(visible.map(({ key }) => key))].sort()
    return Object.fromEntries(
      keys.map(key => [key, recordOf(visible.filter(entry => entry.key === key), now)] as const)
        .filter(([, fields]) => Object.keys(fields).length > 0)
    )
  }
}

/**
 * Per field the latest register that no delete or replacement hides, unless there are claims: then
 * what they come to.
 */
function recordOf (entries: readonly LoggedEntry[], now: number): Record<string, unknown> {
  const lastClear = latest(entries.filter(({ clears }) => clears))
  const left = entries.filter(entry => lastClear === undefined || compare(entry, lastClear) >= 0)
  const allClaims = entries.flatMap(({ claims }) => claims)
  const names = [
    ...new Set([...left.flatMap(({ fields }) => Object.keys(fields)),
      ...allClaims.map(({ field }) => field)])
  ].sort()
  const read = (name: string): unknown => {
    const register = latest(left.filter(({ fields }) => name in fields))
    const ended = Math.max(lastClear?.version ?? 0, register?.version ?? 0)
    const isOver = register !== undefined && register.expires !== 0 && register.expires <= now
    return claimed(allClaims.filter(({ field }) => field === name), ended) ??
      (isOver ? undefined : register?.fields[name])
  }
  return Object.fromEntries(
    names.map(name => [name, read(name)] as const).filter(([, value]) => value !== undefined)
  )
}

/**
 * The value of one field, by those of its claims that no reset of the version `ended` has made
 * history (SPEC E18).
 */
function claimed (all: readonly LoggedClaim[], ended: number): unknown {
  const claims = all.filter(({ epoch }) => epoch >= ended)
  const of = (...kinds: readonly ClaimKind[]): LoggedClaim[] =>
    claims.filter(({ kind }) => kinds.includes(kind))
  // Of the kinds it was used as, one is read: the first of these (SPEC E19).
  if (of('sequenced').length > 0) {
    return of('sequenced').reduce((a, b) => compareNumbers(b, a) > 0 ? b : a).value
  }
  if (of('add', 'remove').length > 0) return elements(of('add', 'remove'))
  if (of('counter').length > 0) return total(of('counter'))
  const bounds = (kind: ClaimKind): number[] => of(kind).map(({ what }) => what as number)
  if (of('max').length > 0) return Math.max(...bounds('max'))
  return of('min').length > 0 ? Math.min(...bounds('min')) : undefined
}

/**
 * The number of the source decides; one that was used twice goes to the later epoch, then to the
 * later entry (SPEC E17).
 */
function compareNumbers (a: LoggedClaim, b: LoggedClaim): number {
  return (a.what as number) - (b.what as number) || a.epoch - b.epoch || compare(a.entry, b.entry)
}

/** The last total of each writer, added up (SPEC E15). */
function total (counters: readonly LoggedClaim[]): number {
  const writers = new Set(counters.map(({ of }) => of))
  return [...writers].reduce(
    (sum, writer) =>
      sum +
      (counters.filter(({ of }) => of === writer).reduce((a, b) => b.clock > a.clock ? b : a)
        .what as number),
    0
  )
}

/**
 * Each element of which some add is not taken back, by a removal that names it or a later one of
 * the same writer (SPEC E16).
 */
function elements (claims: readonly LoggedClaim[]): unknown {
  const adds = claims.filter(({ kind }) => kind === 'add')
  const there = adds.filter(add =>
    !claims.some(({ kind, what, of, clock }) =>
      kind === 'remove' && what === add.what && of === add.of && clock >= add.clock
    )
  )
  const order = (element: unknown): number =>
    ['boolean', 'number', 'string'].indexOf(typeof element)
  const sorted = [...new Set(there.map(({ what }) => what as string))].sort((a, b) =>
    order(a) - order(b) || (a < b ? -1 : 1)
  )
  return sorted.length === 0 ? undefined : sorted
}

function latest (entries: readonly LoggedEntry[]): LoggedEntry | undefined {
  return [...entries].sort(compare).at(-1)
}

/** By version, stamp, incarnation, clock (SPEC E3). */
function compare (a: LoggedEntry, b: LoggedEntry): number {
  return a.version - b.version || a.stamp - b.stamp || a.incarnation - b.incarnation ||
    a.clock - b.clock
}

/** By code. */
const KINDS: ReadonlyArray<ClaimKind | undefined> = ['counter', undefined, undefined, 'max', 'min',
  'sequenced', 'add', 'remove']

function entryOf (bytes: Uint8Array, incarnation: number, clock: number): LoggedEntry {
  const [key, version, values, stamp = version, clears = 0, extra] = decodeCbor(bytes) as [
    string,
    number,
    Record<string, unknown> | null,
    number?,
    number?,
    [number, string[], ClaimBytes[]]?
  ]
  const [expires, unset, tuples] = extra ?? [0, [], []]
  const fields = { ...values, ...Object.fromEntries(unset.map(name => [name, undefined])) }
  const claims: LoggedClaim[] = []
  const entry: LoggedEntry = {
    incarnation,
    clock,
    key,
    version,
    stamp,
    fields,
    clears: clears === 1 || (values === null && extra === undefined),
    expires,
    claims
  }
  for (const [code, field, epoch, what, more, last] of tuples) {
    const kind = KINDS[code] as ClaimKind
    const dot = kind === 'add' || kind === 'remove'
      ? { of: more as number, clock: last as number }
      : { of: incarnation, clock }
    claims.push({ entry, kind, field, epoch, what, value: more, ...dot })
  }
  return entry
}

type ClaimBytes = readonly [
  kind: number,
  field: string,
  epoch: number,
  what: unknown,
  more?: unknown,
  last?: unknown
]
