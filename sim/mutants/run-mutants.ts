/**
 * Runs every mutant over seeds until the simulation finds it, and names the mutants it did not
 * find.
 */
import { planOf } from '../plan/swarm.js'
import { runPlan } from '../run/run-seed.js'
import type { Violation } from '../violation.js'
import { CONSUMER_MUTANTS } from './consumer-mutants.js'
import { ENGINE_MUTANTS } from './engine-mutants.js'
import { FIELD_MUTANTS } from './field-mutants.js'
import type { Mutant } from './mutant.js'
import { REPLICATION_MUTANTS } from './replication-mutants.js'
import { SILENCE_MUTANTS } from './silence-mutants.js'
import { STORAGE_MUTANTS } from './storage-mutants.js'

export const MUTANTS: readonly Mutant[] = [...STORAGE_MUTANTS, ...ENGINE_MUTANTS,
  ...REPLICATION_MUTANTS, ...CONSUMER_MUTANTS, ...FIELD_MUTANTS, ...SILENCE_MUTANTS]

/** Runs one seed with a mutant in it. @returns the violation found, if any */
export async function runMutant (
  mutant: Mutant,
  seed: number,
  safetyMs: number
): Promise<Violation | undefined> {
  const undo = mutant.plant()
  try {
    return (await runPlan(planOf(seed, safetyMs))).violation
  } finally {
    undo()
  }
}

export interface MutantsOptions {
  readonly from: number
  readonly safetyMs: number
  /** The mutants to run, by name; default: all. */
  readonly names: readonly string[]
}

/** @returns whether each was found within its number of seeds, by seeds that pass without it */
export async function runMutants ({ from, safetyMs, names }: MutantsOptions): Promise<boolean> {
  const chosen = MUTANTS.filter(({ name }) => names.length === 0 || names.includes(name))
  const survivors: string[] = []
  /** Whether seeds pass without a mutant. */
  const sound = new Map<number, boolean>()
  for (const mutant of chosen) {
    const startedMs = performance.now()
    let found: Violation | undefined
    let seed = from
    for (; seed < from + mutant.seeds; seed++) {
      const violation = await runMutant(mutant, seed, safetyMs)
      if (violation === undefined) continue
      if (!sound.has(seed)) {
        sound.set(seed, (await runPlan(planOf(seed, safetyMs))).violation === undefined)
      }
      if (sound.get(seed) === true) {
        found = violation
        break
      }
      console.log(`seed ${seed} fails without a mutant as well, so it does not count`)
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
    if (found === undefined) survivors.push(mutant.name)
    console.log(
      found === undefined
        ? `SURVIVED ${
          mutant.name.padEnd(28)
        } ${mutant.seeds} seeds (${seconds} s): ${mutant.breaks}`
        : `found    ${mutant.name.padEnd(28)} seed ${seed}, ${
          seed - from + 1
        } of at most ${mutant.seeds} (${seconds} s): ${found.invariant}: ${
          found.detail.slice(0, 160)
        }`
    )
  }
  console.log(
    survivors.length === 0 ? `${chosen.length} mutants found` : `SURVIVED: ${survivors.join(', ')}`
  )
  return survivors.length === 0 && chosen.length > 0
}
