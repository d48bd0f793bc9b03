/**
 * Runs ava and writes what it counted to the file named in AVA_COUNTS.
 *
 * ava's own report leaves out how many tests passed when one failed, and its TAP report (7.0.0)
 * crashes on a timeout or a process.exit() in a test, which is when a count matters most. So take
 * the numbers from where the reporter has them. This reaches into ava, whose exact version
 * package.json pins; if a later one has no such file, no counts appear and the run fails. A run
 * that hangs is ended by watchdog.mjs.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './install.mjs'
import { watch } from './watchdog.mjs'

const ava = path => pathToFileURL(join(root, 'node_modules', 'ava', path)).href

const { default: Reporter } = await import(ava('lib/reporters/default.js'))
const { startRun, consumeStateChange, endRun } = Reporter.prototype
/** What ava knows of the run. */
let status = { pendingTests: new Map(), stats: undefined }

const watchdog = watch({
  describe: () =>
    [...status.pendingTests].map(([file, tests]) => [file, ...tests].join('\n  ')).join('\n'),
  end: () => {
    writeCounts(status.stats)
    process.exit(1)
  }
})

Reporter.prototype.startRun = function (plan) {
  status = plan.status
  startRun.call(this, plan)
}
Reporter.prototype.consumeStateChange = function (event) {
  // What a test prints does not count: it may well print for ever.
  if (event.testFile !== undefined && !event.type.startsWith('worker-std')) watchdog.heard()
  consumeStateChange.call(this, event)
}
Reporter.prototype.endRun = function () {
  watchdog.stop()
  endRun.call(this)
  writeCounts(this.stats)
}
await import(ava('entrypoints/cli.mjs'))

function writeCounts (counts) {
  writeFileSync(process.env.AVA_COUNTS, JSON.stringify(counts ?? {}))
}
