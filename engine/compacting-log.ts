/**
 * A log that rids itself of its holes: once there are too many, every append is followed by a slice of a compaction, at
 * least four times as long as what was appended, until the fresh log takes the place of the old one.
 */
import { Compaction } from './compaction.js'
import type { Entry } from './entry.js'
import { limits } from './limits.js'
import { ShardLog } from './log.js'
import type { Run } from './run.js'
import type { StateVector } from './state-vector.js'

export class CompactingLog {
  readonly #onCompacted: (dropped: number) => void
  #log = new ShardLog()
  #compaction: Compaction | null = null
  #holes = 0

  /** @param onCompacted told how many superseded entries a finished compaction took out */
  constructor (onCompacted: (dropped: number) => void) { this.#onCompacted = onCompacted }

  /** What can be read of it. */
  get current (): ShardLog { return this.#log }
  get stateVector (): StateVector { return this.#log.stateVector }
  /** Superseded entries that were not taken out yet. */
  get holes (): number { return this.#holes }

  end (incarnation: number): number { return this.#log.end(incarnation) }

  /** Appends runs; each must start exactly at its incarnation's end. */
  append (runs: readonly Run[]): void { this.#log.append(runs) }

  /** Leaves a hole where a superseded entry stood. */
  bury (entry: Entry): void {
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
    const compaction = this.#compaction ??= new Compaction(this.#log)
    if (!compaction.step(maxSlots)) return
    this.#log.destroy()
    this.#log = compaction.fresh
    this.#compaction = null
    const dropped = this.#holes - compaction.holes
    this.#holes = compaction.holes
    this.#onCompacted(dropped)
  }
}
