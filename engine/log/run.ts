/**
 * Runs: a stretch of consecutive clocks of one incarnation, either all live entries or all
 * superseded. A log in its canonical form is, per incarnation, one maximal run after the other.
 */
import type { Entry } from '../record/entry.js'

export interface Run {
  readonly incarnation: number
  readonly clock: number
  readonly length: number
  /** The live entries in clock order, or null for `length` superseded ones. */
  readonly entries: readonly Entry[] | null
}

/**
 * The maximal runs of the clocks [start, end). `live` are the entries within it that are not
 * superseded, in ascending order.
 */
export function runsOf (
  incarnation: number,
  start: number,
  end: number,
  live: readonly Entry[]
): Run[] {
  const runs: Run[] = []
  let clock = start
  for (let i = 0; i < live.length;) {
    const first = (live[i] as Entry).clock
    if (first > clock) runs.push({ incarnation, clock, length: first - clock, entries: null })
    let j = i + 1
    while (j < live.length && (live[j] as Entry).clock === first + (j - i)) j++
    runs.push({ incarnation, clock: first, length: j - i, entries: live.slice(i, j) })
    clock = first + (j - i)
    i = j
  }
  if (clock < end) runs.push({ incarnation, clock, length: end - clock, entries: null })
  return runs
}

/** The part of a run at or above `clock`, or null when all of the run lies below. */
export function runFrom (run: Run, clock: number): Run | null {
  const skip = clock - run.clock
  if (skip <= 0) return run
  if (skip >= run.length) return null
  return {
    incarnation: run.incarnation,
    clock,
    length: run.length - skip,
    entries: run.entries === null ? null : run.entries.slice(skip)
  }
}
