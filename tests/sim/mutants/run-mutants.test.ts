/**
 * The simulation finds planted bugs: a few quick ones here, all of them with `npm run sim --
 * --mutants`.
 */
import test from 'ava'
import { MUTANTS, runMutant } from '../../../sim/mutants/run-mutants.js'
import { runPlan } from '../../../sim/run/run-seed.js'
import { planOf } from '../../../sim/plan/swarm.js'

const SAFETY_MS = 20_000
/**
 * The seed to begin with: a change of the order of messages moves which seeds find a planted bug,
 * so that the next ones are tried as well, up to the number of seeds that the mutant states.
 */
const QUICK: ReadonlyArray<{ readonly name: string, readonly from: number }> = [
  { name: 'tombstone-dropped', from: 3 },
  { name: 'diff-claims-more', from: 1 },
  { name: 'gap-ignored', from: 1 },
  { name: 'cursor-overwritten', from: 3 },
  { name: 'cursors-joined-by-clocks', from: 7 },
  { name: 'lost-hints-unnoticed', from: 1 },
  { name: 'ready-by-silence', from: 5 },
  { name: 'phase-unchecked-at-server', from: 16 }
]

// One after the other: a mutant is in the classes of the whole process while it runs.
for (const { name, from } of QUICK) {
  test.serial(`${name} is found by a seed that passes without it`, async t => {
    const mutant = MUTANTS.find(other => other.name === name)
    if (mutant === undefined) {
      t.fail(`there is no mutant ${name}`)
      return
    }
    for (let seed = from; seed < from + mutant.seeds; seed++) {
      if (await runMutant(mutant, seed, SAFETY_MS) === undefined) continue
      const { violation } = await runPlan(planOf(seed, SAFETY_MS))
      t.is(violation, undefined, violation?.message)
      t.log(`seed ${seed}`)
      return
    }
    t.fail(`${mutant.seeds} seeds from ${from} on did not find it: ${mutant.breaks}`)
  })
}

test('at least ten planted bugs exist, each with its own name and a stated number of seeds', t => {
  t.true(MUTANTS.length >= 10)
  t.is(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
  for (const { name, seeds } of MUTANTS) t.true(Number.isInteger(seeds) && seeds > 0, name)
})
