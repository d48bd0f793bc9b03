/**
 * Installs the dependencies when they are missing or differ from package-lock.json; says nothing
 * when they do not.
 *
 * Node built-ins only: this is what runs first on a fresh clone.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

function readJson (path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * npm writes what it really installed to node_modules/.package-lock.json, as the last step of an
 * install. Comparing it entry by entry needs no stamp of our own, so an `npm ci` run by hand counts
 * as well.
 * @returns {string | undefined} why an install is needed
 */
export function reasonToInstall (directory = root) {
  const wanted = readJson(join(directory, 'package-lock.json'))
  if (wanted?.packages === undefined) throw new Error('package-lock.json is missing or unreadable')
  const installed = readJson(join(directory, 'node_modules', '.package-lock.json'))
  if (installed?.packages === undefined) return 'not installed yet'

  const manifest = readJson(join(directory, 'package.json'))
  for (const kind of ['dependencies', 'devDependencies']) {
    const locked = JSON.stringify(sorted(wanted.packages['']?.[kind]))
    if (JSON.stringify(sorted(manifest?.[kind])) !== locked) {
      return `package.json and package-lock.json differ in ${kind}`
    }
  }
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '') continue
    const found = installed.packages[path]
    // Optional packages are mostly binaries for other platforms.
    if (found === undefined && entry.optional === true) continue
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) {
      return `${path} is missing or out of date`
    }
  }
  for (const path of Object.keys(installed.packages)) {
    if (wanted.packages[path] === undefined) return `${path} is no longer wanted`
  }
  return undefined
}

function sorted (record = {}) {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}

function requireNode () {
  const wanted = readJson(join(root, 'package.json')).engines.node.replace('>=', '')
  const [major, minor] = wanted.split('.').map(Number)
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number)
  if (ownMajor < major || (ownMajor === major && ownMinor < minor)) {
    fail(`Millpond needs Node ${wanted} or newer; this is ${process.versions.node}.`)
  }
}

function fail (message, status = 1) {
  console.error(message)
  process.exit(status)
}

/** Ends the process with a message when it cannot install. */
export function ensureInstalled () {
  requireNode()
  const reason = reasonToInstall()
  if (reason === undefined) return
  console.log(
    `== install: npm ci (${reason}; better-sqlite3 may be compiled, which takes about a minute)`
  )
  // The npm that runs us, if there is one. Dev dependencies whatever NODE_ENV says: tsx runs
  // everything here.
  const npm = process.env.npm_execpath
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }
  const done = npm !== undefined && /npm-cli\.c?js$/.test(npm)
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
      ...options,
      shell: process.platform === 'win32'
    })
  if (done.status !== 0) {
    fail(
      `npm ci failed: ${done.error?.message ?? done.signal ?? `status ${done.status}`}`,
      done.status ?? 1
    )
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureInstalled()
