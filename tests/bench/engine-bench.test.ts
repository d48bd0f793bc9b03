/**
 * The engine benchmark runs and reports what it should. Nothing here depends on how fast the
 * machine is: of its targets only the size of the encoding is asserted.
 */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import test from 'ava'
import type { EngineReport } from '../../bench/engine-report.js'

const root = resolve(import.meta.dirname, '../..')
/** Far above what it takes; a process that hangs must not keep this one. */
const PROCESS_MS = 300_000

test('the engine benchmark prints one JSON object with speeds, sizes and targets', t => {
  const done = spawnSync(process.execPath, ['--import=tsx', 'bench/main.ts', 'engine', '--quick',
    '--json'], { cwd: root, encoding: 'utf8', timeout: PROCESS_MS })
  t.is(done.status, 0, done.stderr)
  const report = JSON.parse(done.stdout) as EngineReport
  t.is(report.suite, 'engine')
  t.true(report.quick)
  for (const speeds of [...report.overwrites, ...report.merges]) {
    t.is(speeds.live, 1_000)
    for (const side of ['millpond', 'yMap', 'plainMap'] as const) {
      t.true(speeds.perCpuSecond[side] > 0, side)
    }
    t.true(speeds.millpondToYMap > 0)
  }
  t.is(report.overwrites.length, 1)
  t.is(report.merges.length, 1)
  const { millpond, yMap } = report.metadata.sides
  t.true(
    millpond.encodedToLive > 1 && millpond.encodedToLive <= 1.3,
    `encoded / live: ${millpond.encodedToLive}`
  )
  t.true(yMap.encodedBytes > millpond.encodedBytes)
  t.is(report.targets.length, 1)
  t.true(report.pass)
})

test('the benchmark refuses a suite it does not know', t => {
  const done = spawnSync(process.execPath, ['--import=tsx', 'bench/main.ts', 'nothing'], {
    cwd: root,
    encoding: 'utf8',
    timeout: PROCESS_MS
  })
  t.is(done.status, 1)
  t.regex(done.stderr, /nothing/)
})
