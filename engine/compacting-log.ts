/**
 * A log that looks after itself.
 *
 * It rids itself of its holes: once there are too many, every append is followed by a slice of a compaction, at least four
 * times as long as what was appended, until the fresh log takes the place of the old one.
 *
 * And it outlives Yjs throwing, which it never should: nobody can say what the document holds then, but the index still
 * has every live entry, and the state vector says which others there were. From these two the log is made anew, as it was
 * before the append, and the append is tried once more.
 *
 *   invariants   an append that throws changed nothing: not the state vector, not what is read of the log from then on
 */
import { Compaction } from './compaction.js'
import type { Entry } from './entry.js'
import { LogError } from './errors.js'
import { limits } from './limits.js'
import { runsWithHoles, ShardLog } from './log.js'
import type { Run } from './run.js'
import type { StateVector } from './state-vector.js'

export interface CompactingLogOptions {
  /** The entries of the log that are live, in any order. */
  readonly live: () => Iterable<Entry>
  /** Told how many superseded entries a finished compaction took out. */
  readonly onCompacted: (dropped: number) => void
  /** Told of what Yjs threw, once that is dealt with: the log was made anew, or a compaction given up. */
  readonly onThrown: (during: 'append' | 'compaction', error: unknown) => void
}

export class CompactingLog {
  readonly #options: CompactingLogOptions
  #log = new ShardLog()
  #compaction: Compaction | null = null
  #holes = 0
  /** What Yjs threw. As long as it stands, only the state vector of the log can be relied on. */
  #thrown: { readonly error: unknown } | null = null

  constructor (options: CompactingLogOptions) { this.#options = options }

  /** What can be read of it. @throws LogError when it is broken and cannot be made anew */
  get current (): ShardLog {
    if (this.#thrown !== null) this.#rebuild(this.#thrown.error)
    return this.#log
  }

  get stateVector (): StateVector { return this.#log.stateVector }
  /** Superseded entries that were not taken out yet. */
  get holes (): number { return this.#holes }

  end (incarnation: number): number { return this.#log.end(incarnation) }

  /** Appends runs; each must start exactly at its incarnation's end. @throws LogError (nothing changed) */
  append (runs: readonly Run[]): void {
    try {
      this.#tryToAppend(runs)
    } catch {
      this.#tryToAppend(runs)
    }
  }

  #tryToAppend (runs: readonly Run[]): void {
    const log = this.current
    try {
      log.append(runs)
    } catch (error) {
      this.#thrown = { error }
      throw new LogError('the log takes no entries', error)
    }
  }

  /** Leaves a hole where a superseded entry stood. */
  bury (entry: Entry): void {
    if (this.#thrown !== null) return // it will not be there when the log is made anew
    this.#holes++
    this.#log.bury(entry)
    this.#compaction?.bury(entry)
  }

  /** Goes on with a compaction, or begins one where it is worth it for so many live entries. */
  compactSlice (appended: number, liveEntries: number): void {
    if (this.#compaction === null && this.#holes <= Math.max(limits.maxDeadPerLiveEntry * liveEntries, limits.minGarbageToCompact)) return
    this.#step(Math.max(limits.minCompactionSlice, appended * limits.minCompactionLead))
  }

  /** Takes all holes out in one go. */
  compact (): void {
    if (this.#compaction !== null) this.#step(Infinity)
    if (this.#holes > 0) this.#step(Infinity)
  }

  /** Forgets incarnations that own nothing live. */
  forget (incarnations: readonly number[]): void {
    for (const incarnation of incarnations) {
      this.#log.forget(incarnation)
      this.#compaction?.fresh.forget(incarnation)
    }
  }

  #step (maxSlots: number): void {
    const compaction = this.#copy(maxSlots)
    if (compaction === null) return
    this.#log.destroy()
    this.#log = compaction.fresh
    this.#compaction = null
    const dropped = this.#holes - compaction.holes
    this.#holes = compaction.holes
    this.#options.onCompacted(dropped)
  }

  /** @returns the compaction when it is done */
  #copy (maxSlots: number): Compaction | null {
    try {
      const compaction = this.#compaction ??= new Compaction(this.current)
      return compaction.step(maxSlots) ? compaction : null
    } catch (error) {
      this.#compaction = null // the log itself is whole, and the next slice begins anew
      this.#options.onThrown('compaction', error)
      return null
    }
  }

  /** Takes nothing from the old log but its state vector: what was forgotten is not in there and does not come back. */
  #rebuild (thrown: unknown): void {
    const live = new Map<number, Entry[]>()
    for (const entry of this.#options.live()) {
      const ofIncarnation = live.get(entry.incarnation)
      if (ofIncarnation === undefined) live.set(entry.incarnation, [entry])
      else ofIncarnation.push(entry)
    }
    const fresh = new ShardLog()
    try {
      for (const [incarnation, end] of this.stateVector) {
        const entries = live.get(incarnation) ?? []
        fresh.append(runsWithHoles(incarnation, end, entries.sort((a, b) => a.clock - b.clock)))
      }
    } catch (error) {
      throw new LogError('the log cannot be made anew', error)
    }
    this.#log.destroy()
    this.#log = fresh
    this.#compaction = null
    this.#holes = 0
    this.#thrown = null
    this.#options.onThrown('append', thrown)
  }
}
