/**
 * Runs many seeds one after the other, shrinks what fails, and asks at the end whether every path
 * of repair was really taken.
 */
import { Coverage } from './coverage.js'
import { report } from './report.js'
import { runPlan } from './run-seed.js'
import { shrink } from './shrink.js'
import { planOf } from '../plan/swarm.js'

export interface ManyOptions {
  readonly seeds: number
  readonly from: number
  readonly safetyMs: number
  /** Go on after a failure, without shrinking. */
  readonly keepGoing: boolean
  /** Whether faults of a failing run are left out as long as it still fails. */
  readonly shrinks: boolean
  readonly coverage: boolean
}

/** One seed of so many runs twice. */
const REPEAT_EVERY = 50
/** From so many seeds on, a path of repair that was never taken is a failure. */
const SEEDS_FOR_COVERAGE = 200
const PROGRESS_EVERY_MS = 10_000

/** @returns whether everything held */
export async function runMany (
  { seeds, from, safetyMs, keepGoing, shrinks, coverage: showCoverage }: ManyOptions
): Promise<boolean> {
  const coverage = new Coverage()
  const failures: string[] = []
  let events = 0
  let virtualMs = 0
  let writes = 0
  const startedMs = performance.now()
  let shownMs = startedMs
  const speed = (): string => {
    const seconds = (performance.now() - startedMs) / 1000
    return `${events} events and ${writes} writes in ${Math.round(virtualMs / 1000)} virtual s, ${
      Math.round(events / seconds)
    } events/s`
  }
  for (let seed = from; seed < from + seeds; seed++) {
    const plan = planOf(seed, safetyMs)
    const result = await runPlan(plan)
    events += result.events
    virtualMs += result.virtualMs
    writes += result.writes
    coverage.add(result.coverage)
    if (result.violation !== undefined) {
      failures.push(`${seed} (${result.violation.invariant})`)
      if (keepGoing) console.log(`seed ${seed} failed: ${result.violation.message}`)
      else {
        const { result: shrunk, faults } = shrinks
          ? await shrink(plan, result)
          : { result, faults: plan.faults.map((_, i) => i) }
        console.log(report({ result: shrunk, faults, all: plan }))
        break
      }
    } else if (seed % REPEAT_EVERY === 0) {
      const again = await runPlan(plan)
      if (again.hash !== result.hash) {
        failures.push(`${seed} (a seed gives one run)`)
        console.log(
          `FAILED seed ${seed}: it ran twice and gave traces ${result.hash} and ${again.hash}`
        )
        if (!keepGoing) break
      }
    }
    if (performance.now() - shownMs > PROGRESS_EVERY_MS) {
      shownMs = performance.now()
      console.log(`seed ${seed}: ${speed()}`)
    }
  }
  if (showCoverage || failures.length === 0) console.log(`paths: ${coverage.toString()}`)
  const { missing } = coverage
  if (failures.length === 0 && seeds >= SEEDS_FOR_COVERAGE && missing.length > 0) {
    failures.push(`never taken: ${missing.join(', ')}`)
  } else if (missing.length > 0) console.log(`not taken in this run: ${missing.join(', ')}`)
  console.log(speed())
  console.log(failures.length === 0 ? `${seeds} seeds passed` : `FAILED: ${failures.join('; ')}`)
  return failures.length === 0
}
