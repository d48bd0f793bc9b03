/**
 * `npm run bench -- <suite> [--json] [--quick]`: measures, prints, and ends with status 1 when a
 * target is missed.
 */
import { Argument, Command } from 'commander'
import { runEngine } from './engine.js'
import { engineTable } from './engine-table.js'
import { runTurns, turnsTable } from './turns.js'

interface Options {
  readonly json: boolean
  readonly quick: boolean
}
interface Measured {
  readonly report: { readonly pass: boolean }
  readonly text: string
}

const SUITES: { readonly [name: string]: (quick: boolean) => Promise<Measured> } = {
  engine: async quick => {
    const report = await runEngine(quick)
    return { report, text: engineTable(report) }
  },
  turns: async quick => {
    const report = await runTurns(quick)
    return { report, text: turnsTable(report) }
  }
}

await new Command('bench')
  .description('Measures Millpond beside what a user would pick instead, in one run.')
  .addArgument(new Argument('<suite>', 'what to measure').choices(Object.keys(SUITES)))
  .option('--json', 'print one JSON object instead of tables', false)
  .option(
    '--quick',
    'a small run that shows that the benchmark works; its speeds mean nothing',
    false
  )
  .action(async (suite: string, { json, quick }: Options) => {
    const { report, text } = await (SUITES[suite] as (quick: boolean) => Promise<Measured>)(quick)
    console.log(json ? JSON.stringify(report, null, 2) : text)
    if (!report.pass) process.exitCode = 1
  })
  .parseAsync()
