/**
 * What a replica should hold, from the definition: every entry that was ever logged is kept as it was logged, and a read looks
 * at all of them that the replica has seen. Plain maps and loops: no index, no Yjs, nothing superseded, nothing incremental.
 *
 * Because it goes by entries and not by writes, it can say what any replica holds at any time: state vectors name entries.
 * It speaks of registers, and is silent about records in which a field is more than that.
 */
import { decodeCbor } from '../../engine/codec.js'
import type { StateVector } from '../../engine/state-vector.js'
import { readWire } from '../fuzz/wire.js'

export interface LoggedEntry {
  readonly incarnation: number
  readonly clock: number
  readonly key: string
  readonly version: number
  readonly stamp: number
  /** An unset field is there, without a value. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly clears: boolean
  /** Whether it says of a field what a register does not: that it was added to, say. */
  readonly claims: boolean
}

export class LogOracle {
  readonly #entries = new Map<string, LoggedEntry>()

  /** Takes a delta when it is emitted: each entry whole, as nobody has superseded it yet. */
  add (delta: Uint8Array): void {
    for (const { incarnation, clock, structs } of readWire(delta).spans) {
      let next = clock
      for (const { length, entries } of structs) {
        entries?.forEach(({ bytes }, i) => this.#entries.set(`${incarnation} ${next + i}`, entryOf(bytes, incarnation, next + i)))
        next += length
      }
    }
  }

  /** Keys of records about which it is silent. */
  get unspoken (): ReadonlySet<string> { return new Set([...this.#entries.values()].filter(({ claims }) => claims).map(({ key }) => key)) }

  /** Every record that is not deleted, for whoever has seen this much; keys and fields in order. */
  records (seen: StateVector): Record<string, Record<string, unknown>> {
    const { unspoken } = this
    const visible = [...this.#entries.values()].filter(({ key, incarnation, clock }) => clock < (seen.get(incarnation) ?? 0) && !unspoken.has(key))
    const keys = [...new Set(visible.map(({ key }) => key))].sort()
    return Object.fromEntries(keys.map(key => [key, recordOf(visible.filter(entry => entry.key === key))] as const).filter(([, fields]) => Object.keys(fields).length > 0))
  }
}

/** Per field the latest entry that has it, of those that no delete or replacement hides. */
function recordOf (entries: readonly LoggedEntry[]): Record<string, unknown> {
  const lastClear = latest(entries.filter(({ clears }) => clears))
  const left = entries.filter(entry => lastClear === undefined || compare(entry, lastClear) >= 0)
  const names = [...new Set(left.flatMap(({ fields }) => Object.keys(fields)))].sort()
  return Object.fromEntries(names.map(name => [name, latest(left.filter(({ fields }) => name in fields))?.fields[name]] as const).filter(([, value]) => value !== undefined))
}

function latest (entries: readonly LoggedEntry[]): LoggedEntry | undefined {
  return [...entries].sort(compare).at(-1)
}

/** By version, stamp, incarnation, clock (SPEC E3). */
function compare (a: LoggedEntry, b: LoggedEntry): number {
  return a.version - b.version || a.stamp - b.stamp || a.incarnation - b.incarnation || a.clock - b.clock
}

function entryOf (bytes: Uint8Array, incarnation: number, clock: number): LoggedEntry {
  const [key, version, values, stamp = version, clears = 0, extra] = decodeCbor(bytes) as [string, number, Record<string, unknown> | null, number?, number?, [number, string[], unknown[]]?]
  const [, unset, claims] = extra ?? [0, [], []]
  const fields = { ...values, ...Object.fromEntries(unset.map(name => [name, undefined])) }
  return { incarnation, clock, key, version, stamp, fields, clears: clears === 1 || (values === null && extra === undefined), claims: claims.length > 0 }
}
