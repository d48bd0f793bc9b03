/**
 * Leaves out faults of a failing run, halves first and then one by one, as long as the same
 * invariant still breaks. Usually a handful of faults remains, which points to the cause.
 */
import type { Plan } from '../plan/plan.js'
import { runPlan, type RunResult } from './run-seed.js'

const MAX_RUNS = 60

export async function shrink (
  all: Plan,
  failed: RunResult
): Promise<{ readonly result: RunResult, readonly faults: readonly number[] }> {
  let faults = all.faults.map((_, i) => i)
  let result = failed
  let runs = 0
  const attempt = async (candidate: number[]): Promise<boolean> => {
    if (runs++ >= MAX_RUNS) return false
    const found = await runPlan({
      ...all,
      faults: all.faults.filter((_, i) => candidate.includes(i))
    })
    if (found.violation?.invariant !== failed.violation?.invariant) return false
    faults = candidate
    result = found
    return true
  }
  for (
    let size = Math.ceil(faults.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < faults.length;) {
      if (!await attempt([...faults.slice(0, at), ...faults.slice(at + size)])) at += size
    }
  }
  return { result, faults }
}
