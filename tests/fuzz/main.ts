/**
 * Runs the fuzz.
 *
 *   npm run fuzz -- --updates 100000 [--seed N]    that many mutated updates, in rounds
 *   npm run fuzz -- --seed N --round R             one round, as a failure names it
 */
import { parseArgs } from 'node:util'
import { UsageError, wholeNumber } from '../../sim/usage.js'
import { describeSeed, pickSeed } from '../support/ports.js'
import { fuzz, printReport, roundsFor } from './run.js'

const USAGE = 'usage: npm run fuzz -- [--updates N] [--seed N] [--round R]'
const PROGRESS_EVERY = 200
const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

try {
  const { values } = parseArgs({
    options: {
      updates: { type: 'string' },
      seed: { type: 'string' },
      round: { type: 'string' },
      help: { type: 'boolean', short: 'h' }
    }
  })
  if (values.help === true) print(USAGE)
  else {
    const seed = wholeNumber('--seed', values.seed, pickSeed())
    const from = wholeNumber('--round', values.round, 0)
    const rounds = values.round === undefined
      ? roundsFor(wholeNumber('--updates', values.updates, 10_000))
      : 1
    print(describeSeed(seed))
    const report = fuzz({
      seed,
      from,
      rounds,
      onRound: round => {
        if (round % PROGRESS_EVERY === PROGRESS_EVERY - 1) print(`round ${round + 1} of ${rounds}`)
      }
    })
    print(printReport(report))
    process.exitCode = report.failures.length + report.slow.length > 0 ? 1 : 0
  }
} catch (error) {
  if (
    !(error instanceof UsageError) &&
    (error as { code?: unknown }).code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
  ) throw error
  process.stderr.write(`${(error as Error).message}\n${USAGE}\n`)
  process.exitCode = 2
}
