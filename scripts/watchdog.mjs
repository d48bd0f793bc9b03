/**
 * Ends a test run that hangs, and says what hung.
 *
 * ava's own timeout does not always come: t.timeout() in one file disarms it for all of them, and
 * it ends a process with SIGTERM, which a busy loop never hears when somebody listens for it. So
 * the test processes are watched from outside. Those that are left are asked for Node's diagnostic
 * report, which shows what they wait for, and then killed.
 */
import childProcess from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * No test was begun or ended for so long. More than ava's own timeout, and than any single test
 * takes.
 */
const QUIET_MS = 5 * 60_000
/** The whole run; it should take 8 minutes at most. */
const TOTAL_MS = 25 * 60_000
const REPORT_MS = 3000
const MAX_HANDLES = 20

/**
 * @param {{ describe: () => string, end: () => void, env?: NodeJS.ProcessEnv }} run
 *   describe: which tests were begun and never ended; end: called when the test processes are gone
 * @returns {{ heard: () => void, stop: () => void }} heard: to be called whenever a test is begun
 *   or ends
 */
export function watch ({ describe, end, env = process.env }) {
  const quietMs = Number(env.TEST_QUIET_MS ?? QUIET_MS)
  const reports = mkdtempSync(join(tmpdir(), 'millpond-reports-'))
  const processes = followForks(['--report-on-signal', '--report-exclude-network',
    '--report-compact', `--report-directory=${reports}`])
  const startMs = performance.now()
  let heardMs = startMs

  const timer = setInterval(() => {
    const nowMs = performance.now()
    if (nowMs - heardMs < quietMs && nowMs - startMs < TOTAL_MS) return
    clearInterval(timer)
    console.log(
      `\nThe tests hang: nothing was begun or ended for ${
        Math.round((nowMs - heardMs) / 1000)
      } s.\n${describe()}`
    )
    for (const child of processes) child.kill('SIGUSR2')
    setTimeout(() => {
      for (const { pid } of processes) console.log(describeProcess(pid, readReport(reports, pid)))
      for (const child of processes) child.kill('SIGKILL')
      stop()
      end()
    }, REPORT_MS)
  }, Math.min(1000, quietMs / 4)).unref()

  function stop () {
    clearInterval(timer)
    rmSync(reports, { recursive: true, force: true })
  }
  return {
    heard: () => {
      heardMs = performance.now()
    },
    stop
  }
}

/**
 * @returns the running ones of all processes forked from now on, each started with these options of
 * Node as well
 */
function followForks (options) {
  const running = new Set()
  const { fork } = childProcess
  childProcess.fork = (path, args, settings) => {
    const child = fork(path, args, {
      ...settings,
      execArgv: [...options, ...(settings?.execArgv ?? process.execArgv)]
    })
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }
  return running
}

function readReport (directory, pid) {
  const name = readdirSync(directory).find(found => found.includes(`.${pid}.`))
  try {
    return name === undefined ? undefined : JSON.parse(readFileSync(join(directory, name), 'utf8'))
  } catch {
    return undefined // it did not get to its end
  }
}

function describeProcess (pid, report) {
  if (report === undefined) {
    return `Process ${pid} did not answer: its code never ends, or waits for a process without ` +
      'letting anything else happen.'
  }
  const waitsFor = report.libuv.filter(handle =>
    handle.is_active && handle.is_referenced && handle.type !== 'loop'
  ).slice(0, MAX_HANDLES)
  return [`Process ${pid} waits for:`,
    ...waitsFor.map(handle => `  ${JSON.stringify({ ...handle, address: undefined })}`)].join('\n')
}
