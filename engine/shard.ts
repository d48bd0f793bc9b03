/**
 * A shard: one CRDT map of records, kept as a compacted log (D1).
 *
 *            put, delete                                merge(update)
 *                |                                           |
 *        admitted to the index                     1. flush what is pending
 *        at once, and pending                      2. check that it continues our log
 *                |  flush                          3. admit its entries, append its runs
 *        dots assigned, appended
 *        to the log, delta emitted
 *
 * The write buffer is the index itself: a pending entry is readable at once, and when a later one supersedes it before the
 * flush it is simply never logged, so a hammered key costs one entry.
 *
 *   invariants   1. whoever reads the log (encode, merge, changes) flushes first: an entry of the log is never hidden
 *                   by one that is not in the log
 *                2. the state vector names exactly the entries admitted, so equal vectors mean equal records
 *                3. an update is applied whole or not at all
 *                4. pending entries <= limits.maxPendingEntries; once dead entries outnumber max(2 live, limits.minGarbageToCompact)
 *                   each flush and merge copies a slice of the log, at least four times as long as what it appended
 */
import { Compaction } from './compaction.js'
import { NO_CLAIMS } from './claims.js'
import { Entry, NO_FIELDS, type EntryFields, type Extra } from './entry.js'
import { KindError, UpdateRefusedError } from './errors.js'
import type { EngineEvent } from './events.js'
import { limits } from './limits.js'
import { Expiries } from './expiries.js'
import { ShardLog } from './log.js'
import { claimsFor, fitTogether, mergeClaims, type Operation } from './operations.js'
import { admit, claimsOf, entriesOf, fieldsOf, isDeleted, kindIn, link, replacesAll, type AdmitSinks, type Index } from './record.js'
import { runFrom, runsOf, type Run } from './run.js'
import { digestOf, type StateVector } from './state-vector.js'
import { decodeUpdate, encodeUpdate } from './update.js'
import type { Fields } from './values.js'
import type { Write } from './write.js'

export interface ShardOptions {
  readonly shard: number
  /** This process life's id; never used by another life. */
  readonly incarnation: number
  /** Takes each delta in the order of the log. */
  readonly onDelta: (shard: number, delta: Uint8Array) => void
  readonly onEvent: (event: EngineEvent) => void
  /** A record may have changed, by a write that is perhaps still buffered, a merge or an expiry. */
  readonly onRecord?: (key: string) => void
  /** The version-time by which fields expire. Without it nothing does. */
  readonly now?: () => number
}

export type { Write } from './write.js'

export type MergeResult =
  /** `entries` were new; `maxVersion` is the greatest version or stamp among them. */
  | { readonly outcome: 'merged', readonly entries: number, readonly maxVersion: number }
  /** Everything in it was known already. */
  | { readonly outcome: 'known' }
  /** It starts behind something this replica has not seen: ask for what lies between. */
  | { readonly outcome: 'gap' }
  | { readonly outcome: 'refused', readonly reason: string }

const NOTHING: StateVector = new Map()

export class Shard {
  readonly shard: number
  readonly incarnation: number
  readonly index: Index = new Map()
  readonly #options: ShardOptions
  #log = new ShardLog()
  #pending: Entry[] = []
  /** Writes that lost where they entered but must reach the replicas all the same: logged in full, and dead on arrival unless it is a retry of what is there. */
  #losers: Entry[] = []
  #pendingDead = 0
  #liveEntries = 0
  #deadEntries = 0
  #compaction: Compaction | null = null
  readonly #expiries = new Expiries()
  readonly #sinks: AdmitSinks
  #digest: string | null = null

  constructor (options: ShardOptions) {
    this.#options = options
    this.shard = options.shard
    this.incarnation = options.incarnation
    this.#sinks = {
      onDead: this.#onDead,
      onKindConflict: (key, field) => options.onEvent({ type: 'field-kind-conflict', shard: this.shard, key, field })
    }
  }

  /** The record's current fields as a fresh object, buffered writes included; undefined when there is none. */
  get (key: string): Fields | undefined {
    const head = this.index.get(key)
    return head === undefined ? undefined : fieldsOf(head, this.now)
  }

  /** The version-time now. */
  get now (): number { return this.#options.now?.() ?? 0 }

  get liveEntries (): number { return this.#liveEntries }
  get deadEntries (): number { return this.#deadEntries }
  get pendingEntries (): number { return this.#pending.length + this.#losers.length }

  /** Records that exist now. O(records). */
  countRecords (): number {
    let count = 0
    const { now } = this
    for (const head of this.index.values()) if (!isDeleted(head, now)) count++
    return count
  }

  /**
   * Buffers one write.
   * @param keepLoser log the write even where an earlier one beats it, so that replicas can confirm that they hold it
   * @returns false when it changed nothing here: it was older than what is there, or a retry of it
   * @throws KindError when it uses a field as another kind than it is (nothing changed)
   */
  write (write: Write, keepLoser = false): boolean {
    const changed = write.operations === undefined ? this.#writeFields(write, keepLoser) : this.#operate(write, write.operations, keepLoser)
    if (this.#pending.length + this.#losers.length >= limits.maxPendingEntries) this.#relieve()
    this.#options.onRecord?.(write.key)
    return changed
  }

  #writeFields (write: Write, keepLoser: boolean): boolean {
    const fields = write.fields ?? NO_FIELDS
    const clears = write.fields === null || write.clears === true
    const head = this.index.get(write.key)
    if (head !== undefined && head.isOlderThan(write.version, write.stamp) && replacesAll(head, fields, clears)) {
      this.#overwrite(head, write, fields, clears)
      return true
    }
    if (head !== undefined && !clears) this.#assertRegisters(head, fields)
    const entry = new Entry(write.key, write.version, write.stamp, fields, clears, 0, 0, extraOf(write))
    this.#add(entry)
    if (keepLoser && (!entry.live || entry.fields !== fields)) this.#keepLoser(new Entry(write.key, write.version, write.stamp, fields, clears, 0, 0, extraOf(write)))
    return entry.live
  }

  /** The usual write by far, so the object of the entry that dies is used again: the collector has it among the old ones already. */
  #overwrite (head: Entry, write: Write, fields: EntryFields, clears: boolean): void {
    if (head.incarnation !== 0) {
      this.#buryInLog(head)
      this.#pending.push(head)
    }
    if (head.extra !== null) this.#expiries.delete(head)
    head.become(write.version, write.stamp, fields, clears, extraOf(write))
    if (head.extra !== null) this.#expiries.add(head)
  }

  #assertRegisters (head: Entry, fields: EntryFields): void {
    if (!entriesOf(head).some(entry => entry.hasClaims)) return
    for (const name in fields) {
      const kind = fields[name] === undefined ? undefined : kindIn(head, name, this.now)
      if (kind !== undefined && kind !== 'register') throw new KindError(`field ${name} is a ${kind} and cannot be set to a value; unset it first, or use another field`)
    }
  }

  #operate (write: Write, operations: readonly Operation[], keepLoser: boolean): boolean {
    const head = this.index.get(write.key)
    const claims = claimsFor(head, operations, { incarnation: this.incarnation, nextClock: this.#log.end(this.incarnation), now: this.now })
    if (claims.length === 0) return false
    const copies = claims.map(claim => ({ ...claim }))
    const entries = head === undefined ? [] : entriesOf(head)
    const buffered = entries.findLast(entry => entry.incarnation === 0 && entry.hasClaims && fitTogether(claimsOf(entry), claims))
    const entry = buffered ?? new Entry(write.key, write.version, write.stamp, NO_FIELDS, false, 0, 0, { expires: 0, claims })
    if (buffered === undefined) this.#add(entry)
    else this.#addTo(buffered, entries, write, claims)
    const survived = claims.filter(claim => claimsOf(entry).includes(claim)).length
    if (keepLoser && survived < claims.length) this.#keepLoser(new Entry(write.key, write.version, write.stamp, NO_FIELDS, false, 0, 0, { expires: 0, claims: copies }))
    return survived > 0
  }

  /** Takes a buffered entry out of its record and puts it back with more claims. */
  #addTo (buffered: Entry, entries: readonly Entry[], write: Write, claims: Parameters<typeof mergeClaims>[1]): void {
    const rest = entries.filter(entry => entry !== buffered)
    if (rest.length === 0) this.index.delete(buffered.key)
    else link(this.index, rest)
    buffered.next = null
    buffered.extra = { expires: 0, claims: mergeClaims(claimsOf(buffered), claims) }
    buffered.moveTo(Math.max(buffered.version, write.version), Math.max(buffered.stamp, write.stamp))
    if (buffered.hasClaims) admit(this.index, buffered, this.#sinks)
    else {
      buffered.live = false
      this.#onDead(buffered)
    }
  }

  #add (entry: Entry): void {
    this.#liveEntries++
    this.#pending.push(entry)
    if (entry.extra !== null) this.#expiries.add(entry)
    admit(this.index, entry, this.#sinks)
  }

  #keepLoser (loser: Entry): void {
    loser.live = false
    this.#losers.push(loser)
  }

  /** Unsets what has expired, so that consumers hear of it. The fields read as absent anyway. @returns how many records changed */
  expire (): number {
    const expired = this.#expiries.due(this.now)
    for (const { key, version, stamp, fields, extra } of expired) {
      const unset = Object.fromEntries(Object.keys(fields).map(name => [name, undefined]))
      // The same write on every replica that makes it; it comes right after what expired and before anything later.
      this.write({ key, version, stamp: Math.max(stamp + 1, (extra as Extra).expires), fields: unset })
    }
    return expired.length
  }

  /** A full buffer is first rid of superseded entries; only if that frees too little is it flushed. */
  #relieve (): void {
    if (this.#pendingDead * 2 >= this.#pending.length) {
      this.#pending = this.#pending.filter(entry => entry.live)
      this.#pendingDead = 0
    } else this.flush()
  }

  readonly #onDead = (entry: Entry): void => {
    this.#liveEntries--
    if (entry.extra !== null) this.#expiries.delete(entry)
    if (entry.incarnation === 0) this.#pendingDead++
    else this.#buryInLog(entry)
  }

  #buryInLog (entry: Entry): void {
    this.#deadEntries++
    this.#log.bury(entry)
    this.#compaction?.bury(entry)
  }

  /** Writes what is pending to the log and emits it as deltas of at most limits.maxDeltaBytes. */
  flush (): void {
    if (this.#pending.length === 0 && this.#losers.length === 0) return
    const losers = this.#losers
    const entries = losers.concat(this.#pendingDead === 0 ? this.#pending : this.#pending.filter(entry => entry.live))
    this.#pending = []
    this.#losers = []
    this.#pendingDead = 0
    if (entries.length === 0) return
    const start = this.#log.end(this.incarnation)
    entries.forEach((entry, i) => { entry.setDot(this.incarnation, start + i) })
    const run: Run = { incarnation: this.incarnation, clock: start, length: entries.length, entries }
    this.#log.append([run])
    this.#digest = null
    for (const delta of deltasOf(run)) this.#options.onDelta(this.shard, delta)
    // A loser has its dot now, and is admitted under it as on every other replica: of a write and its retries the last one wins.
    for (const loser of losers) {
      loser.live = true
      this.#liveEntries++
      admit(this.index, loser, this.#sinks)
    }
    this.#compactSlice(entries.length)
  }

  /** Merges a peer's delta, diff or snapshot. Merging is commutative, associative and idempotent. */
  merge (update: Uint8Array): MergeResult {
    let runs: Run[]
    try {
      runs = decodeUpdate(update)
    } catch (error) {
      if (!(error instanceof UpdateRefusedError)) throw error
      return this.#refuse(error.reason, error.message)
    }
    this.flush()
    const fresh: Run[] = []
    const ends = new Map<number, number>()
    for (const run of runs) {
      const end = ends.get(run.incarnation) ?? this.#log.end(run.incarnation)
      if (run.clock > end) return { outcome: 'gap' }
      const part = runFrom(run, end)
      if (part === null) continue
      fresh.push(part)
      ends.set(run.incarnation, part.clock + part.length)
    }
    if (fresh.length === 0) return { outcome: 'known' }
    if (ends.has(this.incarnation)) {
      this.#options.onEvent({ type: 'own-incarnation', shard: this.shard, incarnation: this.incarnation })
      return this.#refuse('own-incarnation', `it holds entries of ${this.incarnation} that this process never wrote`)
    }
    const unknown = [...ends.keys()].filter(incarnation => !this.#log.stateVector.has(incarnation)).length
    const own = this.#log.stateVector.has(this.incarnation) ? 0 : 1 // its place is kept: our writes cannot be refused
    if (unknown > 0 && this.#log.stateVector.size + unknown + own > limits.maxIncarnationsPerShard) return this.#refuse('too-many-incarnations', `${unknown} more`)
    return this.#apply(fresh)
  }

  #apply (runs: readonly Run[]): MergeResult {
    const { onRecord } = this.#options
    let entries = 0
    let maxVersion = 0
    this.#log.append(runs)
    for (const run of runs) {
      if (run.entries === null) continue
      entries += run.length
      this.#liveEntries += run.length
      for (const entry of run.entries) {
        if (entry.version > maxVersion) maxVersion = entry.version
        if (entry.stamp > maxVersion) maxVersion = entry.stamp
        if (entry.extra !== null) this.#expiries.add(entry)
        admit(this.index, entry, this.#sinks)
        onRecord?.(entry.key)
      }
    }
    this.#digest = null
    this.#compactSlice(entries)
    return { outcome: 'merged', entries, maxVersion }
  }

  #refuse (reason: string, detail: string): MergeResult {
    this.#options.onEvent({ type: 'update-refused', shard: this.shard, reason, detail })
    return { outcome: 'refused', reason }
  }

  /**
   * The canonical encoding of everything above `since`: a diff for a replica that has seen `since`, a snapshot without
   * it. Replicas with equal state vectors encode to equal bytes. It must be applied whole: it may call an entry
   * superseded because of one further on.
   */
  encode (since: StateVector = NOTHING): Uint8Array {
    this.flush()
    const runs: Run[] = []
    for (const [incarnation, end] of this.#log.stateVector) {
      const start = since.get(incarnation) ?? 0
      if (start < end) runs.push(...runsOf(incarnation, start, end, this.#log.live(incarnation, start)))
    }
    return encodeUpdate(runs)
  }

  /** What this replica has seen, buffered writes included (they are flushed). */
  get stateVector (): StateVector {
    this.flush()
    return this.#log.stateVector
  }

  /** Digest of the state vector. */
  get digest (): string {
    this.flush()
    this.#digest ??= digestOf(this.#log.stateVector)
    return this.#digest
  }

  /** The log, flushed. */
  get log (): ShardLog {
    this.flush()
    return this.#log
  }

  /** Goes on with a compaction, or begins one where it is worth it. */
  #compactSlice (appended: number): void {
    if (this.#compaction === null) {
      if (this.#deadEntries <= Math.max(limits.maxDeadPerLiveEntry * this.#liveEntries, limits.minGarbageToCompact)) return
      this.#compaction = new Compaction(this.#log)
    }
    this.#compactStep(Math.max(limits.minCompactionSlice, appended * limits.minCompactionLead))
  }

  #compactStep (maxSlots: number): void {
    const compaction = this.#compaction ??= new Compaction(this.#log)
    if (!compaction.step(maxSlots)) return
    this.#log.destroy()
    this.#log = compaction.fresh
    this.#compaction = null
    const dropped = this.#deadEntries - compaction.holes
    this.#deadEntries = compaction.holes
    this.#options.onEvent({ type: 'compacted', shard: this.shard, live: this.#liveEntries, dropped })
  }

  /** Takes all superseded entries out of the log, in one go. Changes nothing anybody can observe except memory. */
  compact (): void {
    this.flush()
    if (this.#compaction !== null) this.#compactStep(Infinity)
    if (this.#deadEntries > 0) this.#compactStep(Infinity)
  }
}

/** A run as deltas of at most limits.maxDeltaBytes. */
function deltasOf (run: Run): Uint8Array[] {
  const delta = encodeUpdate([run])
  if (delta.length <= limits.maxDeltaBytes || run.entries === null || run.length === 1) return [delta]
  const half = run.length >>> 1
  return [
    ...deltasOf({ ...run, length: half, entries: run.entries.slice(0, half) }),
    ...deltasOf({ ...run, clock: run.clock + half, length: run.length - half, entries: run.entries.slice(half) })
  ]
}

function extraOf ({ fields, expires = 0 }: Write): Extra | null {
  if (expires > 0) return { expires, claims: NO_CLAIMS }
  for (const name in fields) if (fields[name] === undefined) return { expires: 0, claims: NO_CLAIMS }
  return null
}
