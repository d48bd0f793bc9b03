/**
 * The tests start real NATS servers of their own. This makes sure that there is a `nats-server` to
 * start: nothing is skipped when there is none.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Debian puts it into /usr/sbin, which an ordinary user's PATH does not contain. */
const EXTRA_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin']
const NAME = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'

function find (name) {
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), ...EXTRA_DIRECTORIES]) {
    if (directory === '') continue
    try {
      const path = join(directory, name)
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // look in the next one
    }
  }
  return undefined
}

function install () {
  const apt = find('apt-get')
  if (apt === undefined || process.getuid?.() !== 0) return 'nats-server is not installed'
  console.log('== nats-server: apt-get install nats-server')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (
    const args of [['update', '-qq'], ['install', '-y', '-qq', '--no-install-recommends',
      'nats-server']]
  ) {
    const done = spawnSync(apt, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    if (done.status !== 0) {
      console.error(`${done.stdout ?? ''}${done.stderr ?? ''}`)
      return `apt-get ${args[0]} failed`
    }
  }
  return 'apt-get installed nats-server, but it is nowhere to be found'
}

/**
 * @returns {string} the path of nats-server
 * @throws an Error whose message is one line that says how to get it, when there is none to be had
 */
export function ensureNatsServer () {
  let path = find(NAME)
  if (path === undefined) {
    const problem = install()
    path = find(NAME)
    if (path === undefined) {
      throw new Error(
        `${problem}: the tests start NATS servers of their own. Install it (Debian, Ubuntu: ` +
          'apt-get install nats-server; ' +
          'macOS: brew install nats-server; others: ' +
          'https://github.com/nats-io/nats-server/releases) and put it on the PATH.'
      )
    }
  }
  return path
}

/** PATH with the directory of nats-server in it, for processes that start it by its bare name. */
export function pathWithNatsServer () {
  const directory = dirname(ensureNatsServer())
  const path = process.env.PATH ?? ''
  return path.split(delimiter).includes(directory) ? path : `${path}${delimiter}${directory}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(ensureNatsServer())
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
