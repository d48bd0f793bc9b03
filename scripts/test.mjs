/**
 * `npm test`: the checks, then all tests but the long ones. `npm run test:real`: the long ones, of
 * real processes under faults. `npm run test:only -- <files>`: only the tests in those files.
 *
 * The last line is always `N passed, N failed`, with what ava counted.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChecks } from './checks.mjs'
import { pathWithNatsServer } from './ensure-nats-server.mjs'
import { ensureInstalled, root } from './install.mjs'

const [mode, ...given] = process.argv.slice(2)
const only = mode === '--only'
const real = mode === '--real'
if ((only && given.length === 0) || (!only && !real && mode !== undefined)) {
  console.error(
    'usage: npm test, npm run test:real, or: npm run test:only -- <files or patterns> [ava options]'
  )
  process.exit(2)
}
// A cluster of real processes has the machine for itself, and takes longer than other tests may.
const REAL = ['tests/real/*.real.ts', '--concurrency=1', '--timeout=5m']
const files = only ? given : real ? [...REAL, ...given] : ['tests/**/*.test.ts']

ensureInstalled()
if (!only && !real) {
  const failed = await runChecks()
  if (failed.length > 0) stop(`No test was run: ${failed.join('; ')} failed.`)
}
let PATH
try {
  PATH = pathWithNatsServer()
} catch (error) {
  stop(error.message)
}

console.log(`== tests: ava ${files.join(' ')}`)
const started = performance.now()
const { code, counts } = await runAva()
const {
  passedTests = 0,
  passedKnownFailingTests = 0,
  failedTests = 0,
  failedHooks = 0,
  remainingTests = 0,
  uncaughtExceptions = 0,
  unhandledRejections = 0,
  skippedTests = 0,
  todoTests = 0,
  declaredTests = 0,
  selectedTests = 0,
  files: filesRun = 0
} = counts ?? {}

const passed = passedTests + passedKnownFailingTests
// Remaining tests were begun and never ended: a timeout, or the end of their process.
let failed = failedTests + failedHooks + remainingTests + uncaughtExceptions + unhandledRejections
const notes = []
if (skippedTests + todoTests > 0) {
  notes.push(`Not run: ${skippedTests} skipped, ${todoTests} to do.`)
}
if (!only && declaredTests > selectedTests) {
  notes.push(
    `${
      declaredTests - selectedTests
    } tests were left out by a test.only; that counts as one failure.`
  )
  failed++
}
if (code !== 0 && failed === 0 && filesRun > 0) {
  // For instance a test file without tests: no single test is to blame.
  notes.push(`ava ended with status ${code}; see above. That counts as one failure.`)
  failed++
}
if (passed + failed === 0) notes.push('No test was run.')
for (const note of notes) console.log(note)
console.log(
  `== tests: ${failed === 0 && passed > 0 ? 'ok' : 'FAILED'} (${
    ((performance.now() - started) / 1000).toFixed(1)
  } s)`
)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

async function runAva () {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-test-'))
  const file = join(directory, 'counts.json')
  try {
    const ava = spawn(process.execPath, [join(root, 'scripts', 'ava.mjs'), ...files], {
      cwd: root,
      env: { ...process.env, PATH, AVA_COUNTS: file },
      stdio: ['ignore', 'inherit', 'inherit']
    })
    // A run that is cancelled must not leave test processes behind.
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => ava.kill(signal))
    const status = await new Promise(resolve => {
      ava.on('error', () => resolve(1))
      ava.on('close', ended => resolve(ended ?? 1))
    })
    return { code: status, counts: readCounts(file) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function readCounts (file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    console.log('ava ended without saying what it counted.')
    return undefined
  }
}

function stop (message) {
  console.log(message)
  console.log('0 passed, 0 failed')
  process.exit(1)
}
