/** Replays one seed, with all of its faults or some of them. */
import { report, summary } from './report.js'
import { runPlan } from './run-seed.js'
import { planOf } from '../plan/swarm.js'
import { UsageError } from '../usage.js'

export interface OneOptions {
  readonly seed: number
  readonly safetyMs: number
  /** Numbers of the faults to apply; default: all. */
  readonly faults: readonly number[] | undefined
  readonly trace: boolean
}

/** @returns whether everything held */
export async function runOne ({ seed, safetyMs, faults, trace }: OneOptions): Promise<boolean> {
  const all = planOf(seed, safetyMs)
  const chosen = faults ?? all.faults.map((_, i) => i)
  const unknown = chosen.find(i => i >= all.faults.length)
  if (unknown !== undefined) {
    throw new UsageError(
      `--faults: seed ${seed} has no fault ${unknown}, only 0 to ${all.faults.length - 1}`
    )
  }
  const startedMs = performance.now()
  const result = await runPlan(
    { ...all, faults: all.faults.filter((_, i) => chosen.includes(i)) },
    trace ? line => console.log(line) : undefined
  )
  const seconds = (performance.now() - startedMs) / 1000
  if (result.violation !== undefined) console.log(report({ result, faults: chosen, all }))
  console.log(
    `seed ${seed} ${result.violation === undefined ? 'passed' : 'failed'}: ${
      summary(result, seconds)
    }`
  )
  console.log(`  ${result.coverage.toString()}`)
  return result.violation === undefined
}
