/**
 * Runs ava and writes what it counted to the file named in AVA_COUNTS.
 *
 * ava's own report leaves out how many tests passed when one failed, and its TAP report (7.0.0) crashes on a timeout or
 * a process.exit() in a test, which is when a count matters most. So take the numbers from where the reporter has them.
 * This reaches into ava, whose exact version package.json pins; if a later one has no such file, no counts appear and
 * the run fails.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './install.mjs'

const ava = (path) => pathToFileURL(join(root, 'node_modules', 'ava', path)).href

const { default: Reporter } = await import(ava('lib/reporters/default.js'))
const { endRun } = Reporter.prototype
Reporter.prototype.endRun = function () {
  endRun.call(this)
  writeFileSync(process.env.AVA_COUNTS, JSON.stringify(this.stats))
}
await import(ava('entrypoints/cli.mjs'))
