/**
 * A log that survives an error thrown by Yjs. Yjs should never throw; if it does, the state of its
 * document is unknown. But the index still has every live entry, and the state vector says which
 * other entries there were. From these two the log is made anew, as it was before the append, and
 * the append is tried once more.
 *
 *   invariants   an append that throws changes neither the state vector nor what is read of the log
 *                from then on
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
  /** Takes the number of superseded entries that were taken out since the last call. */
  readonly onCompacted: (dropped: number) => void
  /** Takes the error that Yjs threw, once the log was made anew. */
  readonly onRebuilt: (error: unknown) => void
}

export class LastingLog {
  readonly #options: LastingLogOptions
  #log: ShardLog
  #dropped = 0
  /** The error that Yjs threw. Until the log is made anew, only its state vector can be used. */
  #thrown: { readonly error: unknown } | null = null

  constructor (options: LastingLogOptions) {
    this.#options = options
    this.#log = new ShardLog(options.limits)
  }

  /** The log, to be read. @throws LogError when it is broken and cannot be made anew */
  get current (): ShardLog {
    if (this.#thrown !== null) this.#rebuild(this.#thrown.error)
    return this.#log
  }

  get stateVector (): StateVector {
    return this.#log.stateVector
  }
  /** The number of superseded entries that were not taken out yet. */
  get holes (): number {
    return this.#log.holes
  }

  end (incarnation: number): number {
    return this.#log.end(incarnation)
  }

  /**
   * Appends runs; each must start exactly at the end of its incarnation.
   * @throws LogError (nothing changed)
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
    if (this.#thrown !== null) return // the log that is made anew will not have it
    this.#dropped += this.#log.bury(entry)
  }

  /** Reports the entries taken out: once for each flush or merge, as there may be thousands. */
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

  /** Of the old log only the state vector is used; forgotten incarnations are not in it. */
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
