/**
 * Runs the simulation.
 *
 *   npm run sim -- --seeds 300 [--from N]     many seeds; every 50th runs twice and must come out
 *                                             the same
 *   npm run sim -- --seed N [--trace]         one seed, with everything that happens
 *   npm run sim -- --seed N --faults 1,4      one seed with some of its faults only
 *   npm run sim -- --mutants [--only A,B]     planted bugs: each must be found
 */
import { parseArgs } from 'node:util'
import { runMutants } from './mutants/run-mutants.js'
import { runMany } from './run/run-many.js'
import { runOne } from './run/run-one.js'
import { wholeNumber, UsageError } from './usage.js'

const USAGE =
  `usage: npm run sim -- [--seeds N] [--from N] [--ms N] [--keep-going] [--no-shrink] [--coverage]
       npm run sim -- --seed N [--ms N] [--faults LIST] [--trace]
       npm run sim -- --mutants [--only A,B]`

const DEFAULT_SAFETY_MS = 20_000

try {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      seed: { type: 'string' },
      ms: { type: 'string' },
      faults: { type: 'string' },
      trace: { type: 'boolean' },
      coverage: { type: 'boolean' },
      'keep-going': { type: 'boolean' },
      'no-shrink': { type: 'boolean' },
      mutants: { type: 'boolean' },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h' }
    }
  })
  const safetyMs = wholeNumber('--ms', values.ms, DEFAULT_SAFETY_MS)
  if (values.help === true) console.log(USAGE)
  else if (values.mutants === true) {
    process.exitCode = await runMutants({
        from: wholeNumber('--from', values.from, 1),
        safetyMs,
        names: values.only?.split(',') ?? []
      })
      ? 0
      : 1
  } else if (values.seed !== undefined) {
    const faults = values.faults === undefined
      ? undefined
      : values.faults.split(',').filter(text => text !== '').map(text =>
        wholeNumber('--faults', text, 0)
      )
    process.exitCode = await runOne({
        seed: wholeNumber('--seed', values.seed, 0),
        safetyMs,
        faults,
        trace: values.trace === true
      })
      ? 0
      : 1
  } else {
    process.exitCode = await runMany({
        seeds: wholeNumber('--seeds', values.seeds, 100),
        from: wholeNumber('--from', values.from, 1),
        safetyMs,
        keepGoing: values['keep-going'] === true,
        shrinks: values['no-shrink'] !== true,
        coverage: values.coverage === true
      })
      ? 0
      : 1
  }
} catch (error) {
  if (
    !(error instanceof UsageError) &&
    (error as { code?: unknown }).code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
  ) throw error
  console.error(`${(error as Error).message}\n${USAGE}`)
  process.exitCode = 2
}
