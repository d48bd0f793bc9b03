/**
 * The checks that run nothing of the product: types, lint, format, imports. `npm run check` runs
 * these alone.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureInstalled, root } from './install.mjs'

const bin = (packageName, path) => join(root, 'node_modules', packageName, path)

const CHECKS = [
  {
    heading: 'types: tsc',
    args: [bin('typescript', 'bin/tsc'), '--pretty', 'false', '-p', 'tsconfig.json']
  },
  {
    heading: 'lint: oxlint with type-aware rules',
    args: [bin('oxlint', 'bin/oxlint'), '--type-aware', '--deny-warnings',
      '--report-unused-disable-directives', '--format=unix']
  },
  { heading: 'format: dprint', args: [join(root, 'scripts', 'format.mjs'), '--check'] },
  { heading: 'imports: dependency-cruiser', args: [join(root, 'scripts', 'check-imports.mjs')] }
]

/** Runs Node with `args`, keeps what it prints. */
function capture (args) {
  return new Promise(resolve => {
    const started = performance.now()
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => (output += text))
    child.stderr.setEncoding('utf8').on('data', text => (output += text))
    child.on('error', error => resolve({ ok: false, output: error.message, seconds: 0 }))
    child.on(
      'close',
      code => resolve({ ok: code === 0, output, seconds: (performance.now() - started) / 1000 })
    )
  })
}

/**
 * All at once: they share nothing, and each takes a second or two. The output comes in the order of
 * the list.
 * @returns {Promise<string[]>} the headings of those that failed
 */
export async function runChecks () {
  const failed = []
  const running = CHECKS.map(check => ({ ...check, result: capture(check.args) }))
  for (const { heading, result } of running) {
    const { ok, output, seconds } = await result
    console.log(`== ${heading} ${ok ? 'ok' : 'FAILED'} (${seconds.toFixed(1)} s)`)
    if (!ok) {
      console.log(output.trimEnd())
      failed.push(heading)
    }
  }
  return failed
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled()
  const failed = await runChecks()
  if (failed.length > 0) process.exitCode = 1
}
