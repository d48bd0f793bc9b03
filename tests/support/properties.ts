/**
 * Properties with fast-check, and for one that fails the command that shows it again: its seed and
 * path come in through MILLPOND_SEED and MILLPOND_PATH, and the path leads straight to the shrunk
 * example.
 */
import type { ExecutionContext } from 'ava'
import fc from 'fast-check'
import { describeSeed, pickSeed } from './ports.js'

/** Making a counterexample smaller may go on for hours; the smallest one found by then will do. */
const CHECK_MS = 90_000

/**
 * Fails the test when the property has a counterexample. `file` is the test's own, relative to the
 * repository.
 */
export function assertProperty<T> (
  t: ExecutionContext,
  file: string,
  property: fc.IProperty<T>,
  numRuns: number
): void {
  const path = process.env['MILLPOND_PATH']
  const seed = pickSeed() | 0 // fast-check's seeds have a sign
  t.log(describeSeed(seed >>> 0))
  const run = fc.check(property, {
    seed,
    numRuns,
    interruptAfterTimeLimit: CHECK_MS,
    markInterruptAsFailure: true,
    ...path === undefined || path === '' ? {} : { path }
  })
  if (!run.failed) {
    t.pass()
    return
  }
  const replay = `MILLPOND_SEED=${seed >>> 0} MILLPOND_PATH=${
    run.counterexamplePath ?? ''
  } npm run test:only -- ${file} --match '${t.title}'`
  t.fail(
    `${fc.defaultReportMessage(run) ?? 'failed'}\n\n${
      String(run.errorInstance)
    }\n\nreplay: ${replay}`
  )
}
