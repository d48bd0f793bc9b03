/**
 * A log that outlives Yjs throwing, which it never should: nobody can say what the document holds
 * then, but the index still has every live entry, and the state vector says which others there
 * were. From these two the log is made anew, as it was before the append, and the append is tried
 * once more.
 *
 *   invariants   an append that throws changed nothing: not the state vector, not what is read of
 *                the log from then on
 */
import type { Entry } from '../record/entry.js'
import { LogError } from '../errors.js'
import type { Limits } from '../limits.js'
import { ShardLog } from './log.js'
import { runsOf, type Run } from './run.js'
import type { StateVector } from '../base/state-vector.js'

export interface LastingLogOptions {
  readonly limits: Limits
  /** The entries of the log that are live, in any order. */
  readonly live: () => Iterable<Entry>
  /** Told how many superseded entries were taken out since it was told last. */
  readonly onCompacted: (dropped: number) => void
  /** Told of what Yjs threw, once the log was made anew. */
  readonly onRebuilt: (error: unknown) => void
}

export class LastingLog {
  readonly #options: LastingLogOptions
  #log: ShardLog
  #dropped = 0
  /** What Yjs threw. As long as it stands, only the state vector of the log can be relied on. */
  #thrown: { readonly error: unknown } | null = null

  constructor (options: LastingLogOptions) {
    this.#options = options
    this.#log = new ShardLog(options.limits)
  }

  /** What can be read of it. @throws LogError when it is broken and cannot be made anew */
  get current (): ShardLog {
    if (this.#thrown !== null) this.#rebuild(this.#thrown.error)
    return this.#log
  }

  get stateVector (): StateVector {
    return this.#log.stateVector
  }
  /** Superseded entries that were not taken out yet. */
  get holes (): number {
    return this.#log.holes
  }

  end (incarnation: number): number {
    return this.#log.end(incarnation)
  }

  /**
   * Appends runs; each must start exactly at its incarnation's end. @throws LogError (nothing
   * changed)
   */
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

  /** Takes a superseded entry out. */
  bury (entry: Entry): void {
    if (this.#thrown !== null) return // it will not be there when the log is made anew
    this.#dropped += this.#log.bury(entry)
  }

  /**
   * Tells what was taken out. Once for each flush or merge, because that may be thousands of
   * entries.
   */
  report (): void {
    if (this.#dropped === 0) return
    const dropped = this.#dropped
    this.#dropped = 0
    this.#options.onCompacted(dropped)
  }

  /** Takes all holes out in one go. */
  compact (): void {
    this.#dropped += this.current.pack()
    this.report()
  }

  /** Forgets incarnations that own nothing live. */
  forget (incarnations: readonly number[]): void {
    for (const incarnation of incarnations) this.#log.forget(incarnation)
  }

  /**
   * Takes nothing from the old log but its state vector: what was forgotten is not in there and
   * does not come back.
   */
  #rebuild (thrown: unknown): void {
    const live = new Map<number, Entry[]>()
    for (const entry of this.#options.live()) {
      const ofIncarnation = live.get(entry.incarnation)
      if (ofIncarnation === undefined) live.set(entry.incarnation, [entry])
      else ofIncarnation.push(entry)
    }
    const fresh = new ShardLog(this.#options.limits)
    try {
      for (const [incarnation, end] of this.stateVector) {
        const entries = live.get(incarnation) ?? []
        fresh.append(runsOf(incarnation, 0, end, entries.sort((a, b) => a.clock - b.clock)))
      }
    } catch (error) {
      throw new LogError('the log cannot be made anew', error)
    }
    this.#log.destroy()
    this.#log = fresh
    this.#thrown = null
    this.#options.onRebuilt(thrown)
  }
}
