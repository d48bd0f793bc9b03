/**
 * Runs a TypeScript file of this project: `node scripts/run.mjs cli/main.ts demo --events 1000`.
 * Installs first if needed.
 */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { ensureInstalled, root } from './install.mjs'

const [file, ...args] = process.argv.slice(2)
if (file === undefined) {
  console.error('usage: node scripts/run.mjs <file.ts> [arguments]')
  process.exit(2)
}
ensureInstalled()

const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), resolve(root, file),
  ...args], { stdio: 'inherit' })
// Ctrl-C reaches the child by itself, as it shares our terminal; it decides how to end, and we must
// outlive it to report its status. SIGTERM reaches only us.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('error', error => {
  console.error(error.message)
  process.exit(1)
})
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
