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
import type { Entry, Extra } from './entry.js'
import { UpdateRefusedError } from './errors.js'
import type { EngineEvent } from './events.js'
import { Expiries } from './expiries.js'
import { limits } from './limits.js'
import type { ShardLog } from './log.js'
import { admit, fieldsOf, isDeleted, type AdmitSinks, type Index } from './record.js'
import { runFrom, runsOf, type Run } from './run.js'
import { digestOf, type StateVector } from './state-vector.js'
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
  #digest: string | null = null

  constructor (options: ShardOptions) {
    this.#options = options
    this.shard = options.shard
    this.incarnation = options.incarnation
    this.#log = new CompactingLog(dropped => options.onEvent({ type: 'compacted', shard: this.shard, live: this.#liveEntries, dropped }))
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
   * @throws KindError when it uses a field as another kind than it is, LimitError (nothing changed)
   */
  write (write: Write, keepLoser = false): boolean {
    const changed = this.#buffer.write(write, keepLoser)
    if (this.#buffer.relieve()) this.flush()
    this.#options.onRecord?.(write.key)
    return changed
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

  /** Writes what is buffered to the log and emits it as deltas of at most limits.maxDeltaBytes. */
  flush (): void {
    if (this.#buffer.size === 0) return
    const { entries, losers } = this.#buffer.take()
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
      this.#admit(loser)
    }
    this.#log.compactSlice(entries.length, this.#liveEntries)
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
