import test from 'ava'
import { REGRESSIONS } from '../../../sim/run/regressions.js'
import { runPlan, type RunResult } from '../../../sim/run/run-seed.js'
import { planOf } from '../../../sim/plan/swarm.js'

const SEEDS = 40
const PER_TEST = 10
/**
 * Shorter than by hand: `npm run sim` takes its time, these take part in every run of the tests.
 */
const SAFETY_MS = 10_000
/**
 * Seeds with workloads on fields that are more than registers, between them of every kind and pace.
 */
const WITH_FIELDS = [1042, 1046, 1068]
/** As long as when they were found. */
const REGRESSION_MS = 20_000

// One after the other: each keeps one processor busy, and has a time within which it must end.
for (let from = 1001; from < 1001 + SEEDS; from += PER_TEST) {
  test.serial(`seeds ${from} to ${from + PER_TEST - 1} keep every invariant`, async t => {
    for (let seed = from; seed < from + PER_TEST; seed++) {
      const result = await runPlan(planOf(seed, SAFETY_MS))
      t.is(result.violation, undefined, problem(result))
      t.true(result.writes > 0 && result.events > 1000, `seed ${seed} did next to nothing`)
    }
  })
}

test.serial('seeds with other fields than registers keep every invariant', async t => {
  const kinds = new Set<string>()
  const paces = new Set<string>()
  for (const seed of WITH_FIELDS) {
    const plan = planOf(seed, SAFETY_MS / 2)
    paces.add(plan.pace)
    for (const { kind } of plan.writes) kinds.add(kind)
    const result = await runPlan(plan)
    t.is(result.violation, undefined, problem(result))
  }
  t.deepEqual(
    ['counters', 'ownCounter', 'sets', 'bounds', 'sequenced', 'expiring', 'indexed', 'reads']
      .filter(kind => !kinds.has(kind)),
    []
  )
  t.deepEqual([...paces].sort((a, b) => a < b ? -1 : 1), ['collecting', 'fast', 'forgetting'])
})

for (const { seed, what } of REGRESSIONS) {
  test.serial(`no longer: ${what} (seed ${seed})`, async t => {
    const result = await runPlan(planOf(seed, REGRESSION_MS))
    t.is(result.violation, undefined, problem(result))
  })
}

test.serial('a seed gives one run', async t => {
  const plan = planOf(42, SAFETY_MS)
  const first = await runPlan(plan)
  const second = await runPlan(plan)
  t.is(first.hash, second.hash)
  t.is(first.events, second.events)
})

function problem ({ plan, violation }: RunResult): string {
  return `${
    violation?.message ?? ''
  }; replay: npm run sim -- --seed ${plan.seed} --ms ${plan.safetyMs}`
}
