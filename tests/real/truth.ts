/**
 * What writers asked for and were told, and what records may say after that. Each key has one
 * writer that awaits each call before the next, but for counters, which all writers share.
 *
 * A call that failed without "nothing changed" may have taken effect, at any time: then both are
 * right.
 */
import type { Fields } from '../../index.js'

type Outcome = 'done' | 'maybe' | 'not'

/** State n of a record: every fifth is a delete, the others are a put of n. */
export const isDelete = (state: number): boolean => state % 5 === 4

interface Counter {
  sure: number
  unsure: number
}

interface Series {
  /** The last state that was acknowledged. */
  sure: number
  /** The last that was tried. */
  last: number
}

interface ElementState {
  readonly added: Outcome
  readonly removed: Outcome | undefined
  /** What was told of it, and when. */
  readonly story: string
}

export class Truth {
  readonly counters = new Map<string, Counter>()
  readonly series = new Map<string, Series>()
  readonly sets = new Map<string, Map<string, ElementState>>()
  /** Records that every reader has to find. */
  readonly kept: string[] = []
  /** What readers and consumers were told that cannot be. */
  readonly wrong: string[] = []
  readonly faults: Array<{ readonly what: string, readonly atMs: number }> = []
  readonly errors = new Map<string, number>()
  calls = 0
  readonly #beganMs = performance.now()

  /** @returns what became of the call */
  async outcomeOf (call: Promise<unknown>): Promise<Outcome> {
    this.calls++
    try {
      await call
      return 'done'
    } catch (error) {
      const { code = String(error), changed } = error as { code?: string, changed?: string }
      this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
      return changed === 'no' ? 'not' : 'maybe'
    }
  }

  added (key: string, by: number, outcome: Outcome): void {
    const counter = this.counters.get(key) ?? { sure: 0, unsure: 0 }
    this.counters.set(key, counter)
    if (outcome === 'done') counter.sure += by
    if (outcome === 'maybe') counter.unsure += by
  }

  reached (key: string, state: number, outcome: Outcome): void {
    const series = this.series.get(key) ?? { sure: -1, last: -1 }
    this.series.set(key, series)
    if (outcome !== 'not') series.last = state
    if (outcome === 'done') series.sure = state
  }

  /** @param calledMs when the call was made, as `nowMs` says it */
  element (
    key: string,
    element: string,
    what: 'added' | 'removed',
    outcome: Outcome,
    calledMs: number
  ): void {
    const elements = this.sets.get(key) ?? new Map<string, ElementState>()
    this.sets.set(key, elements)
    const state = elements.get(element) ?? { added: 'not', removed: undefined, story: '' }
    const story = `${state.story} ${what} (${outcome}) from ${calledMs} to ${this.nowMs}`
    elements.set(element, { ...state, [what]: outcome, story })
  }

  /** How long nothing was done to the cluster after the first of these moments, at most. */
  inContactMs (fromMs: number, toMs: number): number {
    const fault = this.faults.find(({ atMs }) => atMs >= fromMs)
    return Math.min(toMs, fault?.atMs ?? toMs) - fromMs
  }

  /** Milliseconds since the beginning. */
  get nowMs (): number {
    return Math.round(performance.now() - this.#beganMs)
  }

  /** Whether the state of a record may be this one now; -1 where nothing is there. */
  isPossible (key: string, fields: Fields | undefined): boolean {
    const { sure, last } = this.series.get(key) ?? { sure: -1, last: -1 }
    if (fields !== undefined) {
      const state = fields['state'] as number
      return state >= sure && state <= last && !isDelete(state)
    }
    if (sure === -1) return true
    for (let state = sure; state <= last; state++) if (isDelete(state)) return true
    return false
  }

  keys (): string[] {
    return [...this.counters.keys(), ...this.series.keys(), ...this.sets.keys(), ...this.kept]
  }

  /** Every mistake in the final records, in words. */
  judge (records: ReadonlyMap<string, Fields>): string[] {
    const problems = [...this.wrong]
    for (const [key, { sure, unsure }] of this.counters) {
      const n = (records.get(key)?.['n'] ?? 0) as number
      if (n < sure || n > sure + unsure) {
        problems.push(`${key} is ${n}, not ${sure} to ${sure + unsure}`)
      }
    }
    for (const [key, { sure, last }] of this.series) {
      if (!this.isPossible(key, records.get(key))) {
        problems.push(
          `${key} is ${JSON.stringify(records.get(key))}; acknowledged ${sure}, tried ${last}`
        )
      }
    }
    for (const [key, elements] of this.sets) {
      const there = new Set((records.get(key)?.['tags'] ?? []) as string[])
      for (const [element, { added, removed, story }] of elements) {
        if (added !== 'done') continue
        if (removed === undefined || removed === 'not') {
          if (!there.has(element)) problems.push(`${key} lacks ${element}:${story}`)
        } else if (removed === 'done' && there.has(element)) {
          problems.push(`${element} is back in ${key}:${story}`)
        }
      }
    }
    for (const key of this.kept) if (!records.has(key)) problems.push(`${key} is gone`)
    return problems
  }
}
