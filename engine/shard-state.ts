/**
 * The parts of a shard: the records, the log they stand in, the entries that wait for the log,
 * and the floor below which tombstones were dropped. Entries come into the index and leave it here,
 * so that the counts, expiries and indexes hear of each.
 *
 * A pending entry stands in the index like any other, with incarnation 0. Code that works on the
 * log (merging.ts, resetting.ts, collecting.ts) runs when nothing is pending.
 *
 *   invariants   an entry of the index is live, and is either in the log or pending; liveEntries
 *                counts the entries of the index
 */
import type { Claim } from './fields/kinds.js'
import { NO_FIELDS, type Entry } from './record/entry.js'
import type { NewerForm, NewerReleaseError } from './errors.js'
import type { EngineEvent } from './events.js'
import { Expiries } from './garbage/expiries.js'
import { NO_FLOOR, type Floor } from './garbage/floor.js'
import { takeOut } from './garbage/garbage.js'
import { LastingLog } from './log/lasting-log.js'
import type { Limits } from './limits.js'
import { NewerForms } from './merge/newer-forms.js'
import { admit, claimsOf, type AdmitSinks, type Index } from './record/record.js'
import type { Run } from './log/run.js'
import { digestOf, join, type StateVector } from './base/state-vector.js'
import { PendingEntries } from './write/pending.js'

export interface ShardOptions {
  readonly limits: Limits
  readonly shard: number
  /** The id of this process life; no other life ever uses it. */
  readonly incarnation: number
  /** The version-time by which fields expire. Default: 0, so no field ever expires. */
  readonly now?: () => number
  /** Takes each delta in the order of the log. */
  readonly onDelta: (shard: number, delta: Uint8Array) => void
  readonly onEvent: (event: EngineEvent) => void
  /** A record may have changed, by a write that is perhaps still pending, a merge or an expiry. */
  readonly onRecord?: (key: string) => void
}

const NEVER = (): number => 0

export class ShardState implements AdmitSinks {
  readonly limits: Limits
  readonly shard: number
  readonly incarnation: number
  readonly now: () => number
  readonly onDelta: (shard: number, delta: Uint8Array) => void
  readonly report: (event: EngineEvent) => void
  readonly onRecord: ((key: string) => void) | undefined
  readonly index: Index = new Map()
  readonly pending: PendingEntries
  readonly log: LastingLog
  readonly expiries: Expiries
  floor: Floor = NO_FLOOR
  readonly #newer: NewerForms
  #liveEntries = 0
  /** The number of records above which the shard is reported as large. */
  #largeAt: number
  #digest: string | null = null

  constructor (options: ShardOptions) {
    const { limits, shard, incarnation, now, onDelta, onEvent, onRecord } = options
    this.limits = limits
    this.shard = shard
    this.incarnation = incarnation
    this.now = now ?? NEVER
    this.onDelta = onDelta
    this.report = onEvent
    this.onRecord = onRecord
    this.pending = new PendingEntries(limits)
    this.expiries = new Expiries(limits)
    this.#newer = new NewerForms(limits)
    this.#largeAt = limits.warnRecordsPerShard
    this.log = new LastingLog({
      limits,
      live: () => this.#logged(),
      onCompacted: dropped =>
        onEvent({ type: 'compacted', shard, live: this.#liveEntries, dropped }),
      onRebuilt: error => onEvent({ type: 'log-rebuilt', shard, error })
    })
  }

  /** The entries of the index that are in the log. */
  *#logged (): Generator<Entry, void, undefined> {
    for (const head of this.index.values()) {
      for (let entry: Entry | null = head; entry !== null; entry = entry.next) {
        if (entry.incarnation !== 0) yield entry
      }
    }
  }

  get liveEntries (): number {
    return this.#liveEntries
  }

  /** Places an entry that was not live before. */
  admit (entry: Entry): void {
    this.#liveEntries++
    if (entry.extra !== null) this.expiries.add(entry)
    admit(this.index, entry, this)
    if (this.index.size > this.#largeAt) this.#tellLarge()
  }

  #tellLarge (): void {
    this.#largeAt *= 2
    this.report({ type: 'shard-large', shard: this.shard, records: this.index.size })
  }

  /** Places an entry again that was taken out of its record and is counted. */
  readmit (entry: Entry): void {
    admit(this.index, entry, this)
  }

  /** An entry's object is about to become another entry of the same record. */
  leaving (entry: Entry): void {
    if (entry.extra !== null) this.expiries.delete(entry)
    if (entry.incarnation !== 0) this.log.bury(entry)
  }

  became (entry: Entry): void {
    if (entry.extra !== null) this.expiries.add(entry)
  }

  /** An entry is not live any more. */
  onDead (entry: Entry): void {
    this.#liveEntries--
    if (entry.extra !== null) this.expiries.delete(entry)
    if (entry.incarnation === 0) this.pending.died()
    else this.log.bury(entry)
  }

  onKindConflict (key: string, field: string): void {
    this.report({ type: 'field-kind-conflict', shard: this.shard, key, field })
  }

  /** Takes an entry out of its record for good. */
  drop (entry: Entry): void {
    takeOut(this.index, entry)
    this.onDead(entry)
    this.onRecord?.(entry.key)
  }

  /** Takes from an entry the fields and claims not to be kept. @returns whether anything is left */
  keepOnly (
    entry: Entry,
    keepsField: (name: string) => boolean,
    keepsClaim: (claim: Claim) => boolean
  ): boolean {
    const { fields, extra } = entry
    const names = Object.keys(fields)
    const kept = names.filter(keepsField)
    const claims = claimsOf(entry).filter(keepsClaim)
    const isWhole = kept.length === names.length && claims.length === claimsOf(entry).length
    if (kept.length < names.length) {
      entry.fields = kept.length === 0
        ? NO_FIELDS
        : Object.fromEntries(kept.map(name => [name, fields[name]]))
    }
    if (extra !== null && claims.length < extra.claims.length) extra.claims = claims
    if (!isWhole) this.onRecord?.(entry.key)
    return entry.clears || kept.length > 0 || claims.length > 0
  }

  /** An update was refused, because a newer release wrote an entry of it. */
  tooNew (error: NewerReleaseError): void {
    const event = this.#newer.note(this.shard, error, this.now())
    if (event !== null) this.report(event)
  }

  /** The entry of a newer release that this shard cannot get past; null when there is none. */
  get standsBefore (): NewerForm | null {
    return this.#newer.standing(incarnation => this.end(incarnation), this.now())
  }

  /** A flush, a merge or a collection is done. */
  settle (): void {
    this.log.report()
  }

  /** The state vector has changed. */
  moved (): void {
    this.#digest = null
  }

  /** Digest of the state vector. */
  get digest (): string {
    return this.#digest ??= digestOf(this.log.stateVector)
  }

  /** The run to append before a retired incarnation goes on: all its entries were superseded. */
  retiredPart (incarnation: number): Run[] {
    const end = this.end(incarnation)
    return end > this.log.end(incarnation)
      ? [{ incarnation, clock: 0, length: end, entries: null }]
      : []
  }

  /** The next clock of an incarnation, also of a retired one. */
  end (incarnation: number): number {
    return this.log.end(incarnation) || (this.floor.below.get(incarnation) ?? 0)
  }

  /** The state vector, with the ends of retired incarnations. */
  get known (): StateVector {
    const { stateVector } = this.log
    return this.floor.below.size === 0 ? stateVector : join(stateVector, this.floor.below)
  }
}
