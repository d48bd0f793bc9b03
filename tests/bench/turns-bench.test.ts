/** The turns benchmark runs and reports what it should; nothing here depends on the machine. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import test from 'ava'
import type { TurnsReport } from '../../bench/turns.js'

/** Far above what it takes; a process that hangs must not keep this one. */
const PROCESS_MS = 300_000

test('the turns benchmark tells the longest turn of each kind of work', t => {
  const done = spawnSync(process.execPath, ['--import=tsx', 'bench/main.ts', 'turns', '--quick',
    '--json'], {
    cwd: resolve(import.meta.dirname, '../..'),
    encoding: 'utf8',
    timeout: PROCESS_MS
  })
  t.is(done.status, 0, done.stderr)
  const { suite, rows, targets, pass } = JSON.parse(done.stdout) as TurnsReport
  t.is(suite, 'turns')
  t.deepEqual(rows.map(({ work }) => work), ['awaited puts of new keys', 'awaited puts of old keys',
    'awaited puts of 100 keys', 'awaited gets', 'scan', 'query', 'consume', 'load'])
  for (const { items, itemsPerSecond, wholeMs, ownMs, work } of rows) {
    t.is(items, 2_000, work)
    t.true(itemsPerSecond > 0 && wholeMs >= ownMs && ownMs >= 0, work)
  }
  t.deepEqual(targets, [], 'a small run has none')
  t.true(pass)
})
