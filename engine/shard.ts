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
 *   invariants   1. whoever reads the log (encode, merge, changes) flushes first: an entry of the log is never hidden
 *                   by one that is not in the log
 *                2. the state vector names exactly the entries admitted, so equal vectors mean equal records
 *                3. an update is applied whole or not at all
 *                4. buffered entries <= limits.maxPendingEntries (write-buffer.ts); dead ones are bounded by the live (compacting-log.ts)
 */
import { CompactingLog } from './compacting-log.js'
import { NO_FIELDS, type Entry, type Extra } from './entry.js'
import { LogError, UpdateRefusedError } from './errors.js'
import type { EngineEvent } from './events.js'
import { Expiries } from './expiries.js'
import { limits } from './limits.js'
import type { ShardLog } from './log.js'
import { collectable, hasMute, isMute, joinFloors, NO_FLOOR, takeOut, type CollectOptions, type Floor } from './garbage.js'
import { admit, entriesOf, fieldsOf, isDeleted, type AdmitSinks, type Index } from './record.js'
import { runFrom, runsOf, type Run } from './run.js'
import { covers, digestOf, join, type StateVector } from './state-vector.js'
import { decodeUpdate, encodeUpdate } from './update.js'
import type { Fields } from './values.js'
import { WriteBuffer } from './write-buffer.js'
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
  readonly #log: CompactingLog
  readonly #buffer: WriteBuffer
  #liveEntries = 0
  readonly #expiries = new Expiries()
  readonly #sinks: AdmitSinks
  #floor: Floor = NO_FLOOR
  #digest: string | null = null

  constructor (options: ShardOptions) {
    this.#options = options
    this.shard = options.shard
    this.incarnation = options.incarnation
    this.#log = new CompactingLog({
      live: () => this.#logged(),
      onCompacted: dropped => options.onEvent({ type: 'compacted', shard: this.shard, live: this.#liveEntries, dropped }),
      onThrown: (during, error) => options.onEvent({ type: 'log-rebuilt', shard: this.shard, during, error })
    })
    this.#buffer = new WriteBuffer({
      index: this.index, incarnation: options.incarnation,
      admit: entry => this.#admit(entry),
      readmit: entry => admit(this.index, entry, this.#sinks),
      onLeaving: entry => {
        if (entry.extra !== null) this.#expiries.delete(entry)
        if (entry.incarnation !== 0) this.#log.bury(entry)
      },
      onBecame: entry => { if (entry.extra !== null) this.#expiries.add(entry) },
      onDead: this.#onDead,
      nextClock: () => this.#log.end(this.incarnation),
      now: () => this.now,
      flush: () => this.flush()
    })
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
  get deadEntries (): number { return this.#log.holes }
  get pendingEntries (): number { return this.#buffer.size }

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
   * @throws KindError when it uses a field as another kind than it is, LimitError, LogError (nothing changed)
   */
  write (write: Write, keepLoser = false): boolean {
    if (this.#buffer.size >= limits.maxPendingEntries) this.flush() // only after one that failed
    const changed = this.#buffer.write(write, keepLoser)
    if (this.#buffer.relieve()) this.#tryToFlush()
    this.#options.onRecord?.(write.key)
    return changed
  }

  /** Unsets what has expired, so that consumers hear of it. The fields read as absent anyway. @returns how many records changed */
  expire (): number {
    const expired = this.#expiries.due(this.now).filter(({ fields }) => fields !== NO_FIELDS) // a replacement may have lost them all
    for (const entry of expired) this.#unset(entry, Math.max(entry.stamp + 1, (entry.extra as Extra).expires))
    return expired.length
  }

  /** Ends the fields of one entry: the same write on every replica that makes it, right after the entry and before anything later. */
  #unset ({ key, version, fields }: Entry, stamp: number): void {
    if (fields !== NO_FIELDS) this.write({ key, version, stamp, fields: Object.fromEntries(Object.keys(fields).map(name => [name, undefined])) })
  }

  /** The entries of the index that are in the log. */
  * #logged (): Generator<Entry, void, undefined> {
    for (const head of this.index.values()) {
      for (let entry: Entry | null = head; entry !== null; entry = entry.next) if (entry.incarnation !== 0) yield entry
    }
  }

  /** Places an entry that was not live before in the index. */
  #admit (entry: Entry): void {
    this.#liveEntries++
    if (entry.extra !== null) this.#expiries.add(entry)
    admit(this.index, entry, this.#sinks)
  }

  readonly #onDead = (entry: Entry): void => {
    this.#liveEntries--
    if (entry.extra !== null) this.#expiries.delete(entry)
    if (entry.incarnation === 0) this.#buffer.died()
    else this.#log.bury(entry)
  }

  /**
   * Writes what is buffered to the log and emits it as deltas of at most limits.maxDeltaBytes.
   * @throws LogError: nothing was emitted, and what is buffered waits for the next flush
   */
  flush (): void {
    if (this.#buffer.size === 0) return
    const { entries, losers } = this.#buffer.waiting
    const start = this.#log.end(this.incarnation)
    const run: Run = { incarnation: this.incarnation, clock: start, length: entries.length, entries }
    if (entries.length > 0) this.#log.append([run])
    this.#buffer.clear()
    if (entries.length === 0) return
    entries.forEach((entry, i) => { entry.setDot(this.incarnation, start + i) })
    this.#digest = null
    for (const delta of deltasOf(run)) this.#options.onDelta(this.shard, delta)
    // A loser has its dot now, and is admitted under it as on every other replica: of a write and its retries the last one wins.
    for (const loser of losers) {
      loser.live = true
      this.#admit(loser)
    }
    this.#log.compactSlice(entries.length, this.#liveEntries)
  }

  /** For those who can do without: what is buffered stays so if the log fails. @returns whether it did not */
  #tryToFlush (): boolean {
    try {
      this.flush()
      return true
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      return false
    }
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
    if (!this.#tryToFlush()) return this.#refuse('log-failed', 'what is buffered cannot be logged')
    return this.#mergeRuns(runs)
  }

  #mergeRuns (runs: readonly Run[]): MergeResult {
    const fresh: Run[] = []
    const ends = new Map<number, number>()
    for (const run of runs) {
      const end = ends.get(run.incarnation) ?? this.#end(run.incarnation)
      if (run.clock > end) return { outcome: 'gap' }
      const part = runFrom(run, end)
      if (part === null) continue
      // An incarnation that was retired and is not dead after all comes back with what it had.
      if (end > this.#log.end(run.incarnation) && !ends.has(run.incarnation)) fresh.push({ incarnation: run.incarnation, clock: 0, length: end, entries: null })
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

  /** The next clock of an incarnation, also of a retired one. */
  #end (incarnation: number): number {
    return this.#log.end(incarnation) || (this.#floor.below.get(incarnation) ?? 0)
  }

  #apply (runs: readonly Run[]): MergeResult {
    const { onRecord } = this.#options
    let entries = 0
    let maxVersion = 0
    try {
      this.#log.append(runs)
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      return this.#refuse('log-failed', error.message)
    }
    for (const run of runs) {
      if (run.entries === null) continue
      entries += run.length
      for (const entry of run.entries) {
        if (entry.version > maxVersion) maxVersion = entry.version
        if (entry.stamp > maxVersion) maxVersion = entry.stamp
        this.#admit(entry)
        onRecord?.(entry.key)
      }
    }
    this.#digest = null
    this.#log.compactSlice(entries, this.#liveEntries)
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
      if (start < end) runs.push(...runsOf(incarnation, start, end, this.#log.current.live(incarnation, start)))
    }
    return encodeUpdate(runs)
  }

  /** What this replica has seen, buffered writes included (they are flushed). */
  get stateVector (): StateVector {
    this.flush()
    return this.#log.stateVector
  }

  /** Every dropped tombstone lies below it; of retired incarnations, everything. */
  get floor (): Floor { return this.#floor }

  /** What this replica has seen, retired incarnations included. */
  get known (): StateVector {
    const { stateVector } = this
    return this.#floor.below.size === 0 ? stateVector : join(stateVector, this.#floor.below)
  }

  /** Whether a replica or reader that has seen so much can be told the rest; if not it has to be reset. */
  canPatch (seen: StateVector): boolean { return covers(seen, this.#floor.below) }

  /** Takes over the floor that came with a stored snapshot. */
  restoreFloor (floor: Floor): void { this.#floor = joinFloors(this.#floor, floor) }

  /** Drops tombstones that nobody needs any more. @returns how many */
  collect (options: CollectOptions): number {
    this.flush()
    const dropped = collectable(this.index, options)
    const below = new Map(this.#floor.below)
    for (const { incarnation, clock } of dropped) below.set(incarnation, Math.max(clock + 1, below.get(incarnation) ?? 0))
    this.#floor = { below, stamp: dropped.reduce((latest, { stamp }) => Math.max(latest, stamp), this.#floor.stamp) }
    for (const entry of dropped) {
      this.#drop(entry)
    }
    if (dropped.length > 0) {
      const forced = dropped.filter(({ incarnation, clock }) => clock >= (options.stable.get(incarnation) ?? 0)).length
      this.#options.onEvent({ type: 'tombstones-collected', shard: this.shard, dropped: dropped.length, forced })
      this.#log.compactSlice(dropped.length, this.#liveEntries)
    }
    return dropped.length
  }

  /** Whether tombstones written before this version-time are waiting to be collected. */
  hasTombstones (before: number): boolean {
    this.flush()
    return hasMute(this.index, before)
  }

  #drop (entry: Entry): void {
    takeOut(this.index, entry)
    this.#onDead(entry)
    this.#options.onRecord?.(entry.key)
  }

  /**
   * Replaces what this replica knows by a peer's whole state, because tombstones it had not seen were dropped: entries that
   * the peer has seen and does not have any more are dropped here too. What the peer has not seen stays, unless it entered
   * before the last tombstone that was dropped: then it is unset, with a write that all will see.
   */
  reset (snapshot: Uint8Array, floor: Floor): MergeResult {
    let runs: Run[]
    try {
      runs = decodeUpdate(snapshot)
    } catch (error) {
      if (!(error instanceof UpdateRefusedError)) throw error
      return this.#refuse(error.reason, error.message)
    }
    if (!this.#tryToFlush()) return this.#refuse('log-failed', 'what is buffered cannot be logged')
    const live = new Set<string>()
    const seen = new Map(floor.below)
    for (const { incarnation, clock, length, entries } of runs) {
      seen.set(incarnation, clock + length)
      for (const entry of entries ?? []) live.add(`${entry.incarnation}:${entry.clock}`)
    }
    const before = this.known
    const result = this.#mergeRuns(runs)
    if (result.outcome === 'gap' || result.outcome === 'refused') return result
    const entries = [...this.index.values()].flatMap(entriesOf)
    const gone = entries.filter(({ incarnation, clock }) => clock < (seen.get(incarnation) ?? 0) && !live.has(`${incarnation}:${clock}`))
    for (const entry of gone) this.#drop(entry)
    // What only one side knows of the time before the other's last dropped tombstone: unset as a write like any other, because
    // third parties may have seen it. When each lies below the other's floor, this goes for what came with the snapshot too.
    const theirsToo = !this.canPatch(seen)
    for (const entry of entries) {
      const isMine = entry.clock >= (seen.get(entry.incarnation) ?? 0)
      const isTheirs = entry.clock >= (before.get(entry.incarnation) ?? 0)
      if (!entry.live || isMute(entry)) continue
      if ((isMine && entry.stamp < floor.stamp) || (theirsToo && isTheirs && entry.stamp < this.#floor.stamp)) this.#unset(entry, entry.stamp + 1)
    }
    this.#floor = joinFloors(this.#floor, floor)
    this.#options.onEvent({ type: 'shard-reset', shard: this.shard, dropped: gone.length })
    return { outcome: 'merged', entries: result.outcome === 'merged' ? result.entries : 0, maxVersion: result.outcome === 'merged' ? result.maxVersion : 0 }
  }

  /**
   * Takes incarnations that own nothing live out of the state vector, where every replica has seen all of them.
   * @param inUse ids of processes that may write again
   */
  retire (stable: StateVector, inUse: ReadonlySet<number>): number[] {
    this.flush()
    const retired: number[] = []
    for (const [incarnation, end] of this.#log.stateVector) {
      if (incarnation === this.incarnation || inUse.has(incarnation) || (stable.get(incarnation) ?? 0) < end) continue
      if (this.#log.current.hasLive(incarnation)) continue
      retired.push(incarnation)
    }
    if (retired.length > 0) {
      this.#floor = joinFloors(this.#floor, { below: new Map(retired.map(incarnation => [incarnation, this.#log.end(incarnation)])), stamp: 0 })
      this.#log.forget(retired)
      this.#digest = null
      this.#options.onEvent({ type: 'incarnations-retired', shard: this.shard, count: retired.length })
    }
    return retired
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
    return this.#log.current
  }

  /** Takes all superseded entries out of the log, in one go. Changes nothing anybody can observe except memory. */
  compact (): void {
    this.flush()
    this.#log.compact()
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
