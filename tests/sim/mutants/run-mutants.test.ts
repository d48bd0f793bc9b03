/**
 * The simulation finds planted bugs: a few quick ones here, all of them with `npm run sim --
 * --mutants`.
 */
import test from 'ava'
import { MUTANTS, runMutant } from '../../../sim/mutants/run-mutants.js'
import { runPlan } from '../../../sim/run/run-seed.js'
import { planOf } from '../../../sim/plan/swarm.js'

const SAFETY_MS = 20_000
const QUICK: ReadonlyArray<{ readonly name: string, readonly seed: number }> = [
  { name: 'tombstone-dropped', seed: 3 },
  { name: 'diff-claims-more', seed: 1 },
  { name: 'gap-ignored', seed: 2 },
  { name: 'cursor-overwritten', seed: 2 },
  { name: 'cursors-joined-by-clocks', seed: 3 },
  { name: 'lost-hints-unnoticed', seed: 1 }
]

// One after the other: a mutant is in the classes of the whole process while it runs.
for (const { name, seed } of QUICK) {
  test.serial(`${name} is found with seed ${seed}, which passes without it`, async t => {
    const mutant = MUTANTS.find(other => other.name === name)
    if (mutant === undefined) {
      t.fail(`there is no mutant ${name}`)
      return
    }
    t.not(await runMutant(mutant, seed, SAFETY_MS), undefined)
    const { violation } = await runPlan(planOf(seed, SAFETY_MS))
    t.is(violation, undefined, violation?.message)
  })
}

test('at least ten planted bugs exist, each with its own name and a stated number of seeds', t => {
  t.true(MUTANTS.length >= 10)
  t.is(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
  for (const { name, seeds } of MUTANTS) t.true(Number.isInteger(seeds) && seeds > 0, name)
})
