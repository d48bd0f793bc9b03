/**
 * `npm test`: the checks, then all tests. `npm run test:only -- <files>`: only the tests in those files.
 *
 * The last line is always `N passed, N failed`, with what ava counted. ava reports in TAP, which keeps what tests
 * print apart from what it says about them.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { runChecks } from './checks.mjs'
import { pathWithNatsServer } from './ensure-nats-server.mjs'
import { ensureInstalled, root } from './install.mjs'

const args = process.argv.slice(2)
const only = args[0] === '--only'
const files = only ? args.slice(1) : args
if (only && files.length === 0) {
  console.error('usage: npm run test:only -- <files or patterns> [ava options]')
  process.exit(2)
}

ensureInstalled()
if (!only) {
  const failed = await runChecks()
  if (failed.length > 0) stop(`No test was run: ${failed.join('; ')} failed.`)
}
let PATH
try {
  PATH = pathWithNatsServer()
} catch (error) {
  stop(error.message)
}

console.log(`== tests: ava${only ? ` ${files.join(' ')}` : ''}`)
const started = performance.now()
const ava = spawn(process.execPath, [join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs'), '--tap', ...files], {
  cwd: root,
  env: { ...process.env, PATH },
  stdio: ['ignore', 'pipe', 'inherit']
})
// A run that is cancelled must not leave test processes behind.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => ava.kill(signal))
const ended = new Promise((resolve) => {
  ava.on('error', (error) => {
    console.error(error.message)
    resolve(1)
  })
  ava.on('close', (code) => resolve(code ?? 1))
})

const counts = { pass: 0, fail: 0, skip: 0, todo: 0 }
const failures = []
for await (const line of createInterface({ input: ava.stdout })) {
  const test = /^(not )?ok \d+ - (.*)$/.exec(line)
  const count = /^# (pass|fail|skip|todo) (\d+)$/.exec(line)
  if (test !== null) {
    const [, not, title] = test
    const passed = not === undefined || / # (?:TODO|SKIP)\b/.test(title)
    console.log(`${passed ? '  ok' : 'FAIL'}  ${title}`)
    if (!passed) failures.push(title)
  } else if (count !== null) {
    counts[count[1]] = Number(count[2])
  } else if (!/^(?:TAP version|\d+\.\.\d+|# tests |\s+(?:---|\.\.\.)$|$)/.test(line)) {
    console.log(`      ${line.trimEnd()}`)
  }
}
const code = await ended

if (failures.length > 0) console.log(`\nFailed:\n${failures.map((title) => `  ${title}`).join('\n')}`)
const unseen = counts.fail - failures.length
if (unseen > 0) console.log(`\n${unseen} more did not run to their end (test.only, or their process ended early).`)
const notRun = [counts.skip > 0 ? `${counts.skip} skipped` : '', counts.todo > 0 ? `${counts.todo} to do` : ''].filter(Boolean)
if (notRun.length > 0) console.log(`\nNot run: ${notRun.join(', ')}.`)
const trouble = counts.fail > 0 || counts.pass === 0
if (code !== 0 && !trouble) console.log(`\nava ended with status ${code} although no test failed.`)
if (counts.pass + counts.fail === 0) console.log('\nNo test was run.')
console.log(`\n== tests: ${((performance.now() - started) / 1000).toFixed(1)} s`)
console.log(`${counts.pass} passed, ${counts.fail} failed`)
process.exitCode = trouble || code !== 0 ? 1 : 0

function stop(message) {
  console.log(message)
  console.log('0 passed, 0 failed')
  process.exit(1)
}
