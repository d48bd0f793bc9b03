/**
 * A run of tests that hangs ends by itself, says which test hung or what it waits for, and counts
 * as failed.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { type ExecutionContext } from 'ava'

const root = resolve(import.meta.dirname, '../..')

interface Ended {
  readonly status: number | null
  readonly output: string
  readonly counts: Record<string, unknown>
}

async function run (
  t: ExecutionContext,
  files: Record<string, string>,
  quietMs: number
): Promise<Ended> {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-watchdog-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  mkdirSync(join(directory, 'tests'))
  // As in this project: a process for each file, two at once, and a timeout that is usually there.
  const ava = { files: ['tests/*.mjs'], workerThreads: false, concurrency: 2, timeout: '2m' }
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'fixture', type: 'module', ava })
  )
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, 'tests', name), `import test from 'ava'\n${text}`)
  }
  const counts = join(directory, 'counts.json')
  const env = { ...process.env, AVA_COUNTS: counts, TEST_QUIET_MS: String(quietMs) }
  const options = { cwd: directory, env, timeout: 60_000, killSignal: 'SIGKILL' } as const
  return await new Promise(done => {
    const child = execFile(
      process.execPath,
      [join(root, 'scripts/ava.mjs')],
      options,
      (_, stdout, stderr) => {
        done({
          status: child.exitCode,
          output: stdout + stderr,
          counts: JSON.parse(readFileSync(counts, 'utf8')) as Record<string, unknown>
        })
      }
    )
  })
}

/** Longer than a process needs to start, also on a slow machine. */
const QUIET_MS = 6000
const PASSES = `test('nothing is wrong here', (t) => { t.pass() })`

test('watchdog: a busy loop no signal ends is named and ended, and passes count', async t => {
  const hangs = `
    process.on('SIGTERM', () => {})
    test('goes round and round', (t) => { t.timeout(300_000); for (;;) Math.sqrt(2) })`
  const { status, output, counts } = await run(
    t,
    { 'hangs.mjs': hangs, 'passes.mjs': PASSES },
    QUIET_MS
  )
  t.is(status, 1, output)
  t.like(counts, { passedTests: 1, remainingTests: 1 })
  t.regex(output, /The tests hang/)
  t.regex(output, /hangs\.mjs\n {2}goes round and round/)
  t.regex(output, /did not answer/)
})

test('watchdog: what a process waits for that does not end after its tests is named', async t => {
  const stays = `
    import { createServer } from 'node:net'
    test('opens a port and forgets it', async (t) => {
      await new Promise((resolve) => { createServer().listen(0, '127.0.0.1', resolve) })
      t.pass()
    })`
  const { status, output, counts } = await run(
    t,
    { 'stays.mjs': stays, 'passes.mjs': PASSES },
    QUIET_MS
  )
  t.is(status, 1, output)
  t.like(counts, { passedTests: 2, remainingTests: 0 })
  t.regex(output, /stays\.mjs/)
  t.regex(output, /"type":"tcp"/)
})

test('watchdog: a run in which nothing hangs is left alone', async t => {
  const { status, output, counts } = await run(t, { 'passes.mjs': PASSES }, 30_000)
  t.is(status, 0, output)
  t.like(counts, { passedTests: 1 })
  t.notRegex(output, /hang/)
})
