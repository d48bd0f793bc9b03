/**
 * What a shard is made of: the records, the log they stand in, and the floor below which tombstones
 * were dropped. Here entries come into the index and leave it, so that whoever counts them, dates
 * them or finds them hears of each.
 *
 * The write buffer is not part of it. Its entries stand in the index like any other and are told by
 * their incarnation, 0; whoever works on the log (merging.ts, resetting.ts, collecting.ts) is
 * called when nothing is buffered.
 *
 *   invariants   an entry of the index is in the log or in the write buffer, and live; liveEntries
 *                counts them
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

export interface ShardStateOptions {
  readonly limits: Limits
  readonly shard: number
  /** This process life's id; never used by another life. */
  readonly incarnation: number
  readonly onEvent: (event: EngineEvent) => void
  /** A record may have changed, by a write that is perhaps still buffered, a merge or an expiry. */
  readonly onRecord?: (key: string) => void
  /** The version-time by which fields expire. Without it nothing does. */
  readonly now?: () => number
}

export class ShardState {
  readonly limits: Limits
  readonly shard: number
  readonly incarnation: number
  readonly index: Index = new Map()
  readonly log: LastingLog
  readonly expiries: Expiries
  readonly report: (event: EngineEvent) => void
  readonly onRecord: ((key: string) => void) | undefined
  readonly now: () => number
  floor: Floor = NO_FLOOR
  readonly #onBufferedDead: () => void
  readonly #sinks: AdmitSinks
  readonly #newer = new NewerForms()
  #liveEntries = 0
  /** Of more records than this somebody should hear. */
  #largeAt: number
  #digest: string | null = null

  /** @param onBufferedDead an entry of the write buffer was superseded */
  constructor (
    { limits, shard, incarnation, onEvent, onRecord, now }: ShardStateOptions,
    onBufferedDead: () => void
  ) {
    this.limits = limits
    this.shard = shard
    this.incarnation = incarnation
    this.expiries = new Expiries(limits)
    this.#largeAt = limits.warnRecordsPerShard
    this.report = onEvent
    this.onRecord = onRecord
    this.now = now ?? (() => 0)
    this.#onBufferedDead = onBufferedDead
    this.#sinks = {
      onDead: this.died,
      onKindConflict: (key, field) => onEvent({ type: 'field-kind-conflict', shard, key, field })
    }
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
    admit(this.index, entry, this.#sinks)
    if (this.index.size > this.#largeAt) this.#tellLarge()
  }

  #tellLarge (): void {
    this.#largeAt *= 2
    this.report({ type: 'shard-large', shard: this.shard, records: this.index.size })
  }

  /** Places an entry again that was taken out of its record and is counted. */
  readmit (entry: Entry): void {
    admit(this.index, entry, this.#sinks)
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
  readonly died = (entry: Entry): void => {
    this.#liveEntries--
    if (entry.extra !== null) this.expiries.delete(entry)
    if (entry.incarnation === 0) this.#onBufferedDead()
    else this.log.bury(entry)
  }

  /** Takes an entry out of its record for good. */
  drop (entry: Entry): void {
    takeOut(this.index, entry)
    this.died(entry)
    this.onRecord?.(entry.key)
  }

  /** Takes from an entry what is history elsewhere. @returns whether anything is left of it */
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

  /** An update was refused, because a newer release wrote something in it. */
  tooNew (error: NewerReleaseError): void {
    const event = this.#newer.note(this.shard, error, this.now())
    if (event !== null) this.report(event)
  }

  /** The entry of a newer release that this shard cannot get past; null when there is none. */
  get standsBefore (): NewerForm | null {
    return this.#newer.standing(incarnation => this.end(incarnation))
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

  /** What has to be appended before a retired incarnation can go on: that all it had is history. */
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

  /** What was seen, retired incarnations included. */
  get known (): StateVector {
    const { stateVector } = this.log
    return this.floor.below.size === 0 ? stateVector : join(stateVector, this.floor.below)
  }
}
