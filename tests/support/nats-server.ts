/**
 * A real nats-server for tests: its own process on 127.0.0.1, on a port of its own, gone when the
 * test is.
 *
 * A free port is found by binding it, which leaves a moment in which another process can take it.
 * The server itself says whether it got the port, so its log decides, not a connection attempt,
 * which would take any server for ours.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface NatsServerOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Text of a configuration file, such as 'max_payload: 1024'. */
  readonly config?: string
}

export interface NatsServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>
  /** Ends it without warning, as a power cut would. */
  kill(): Promise<void>
  /**
   * Sends a signal without waiting: SIGSTOP and SIGCONT freeze and thaw it, SIGUSR2 starts lame
   * duck mode.
   */
  signal(name: NodeJS.Signals): void
}

const ATTEMPTS = 10
const START_DEADLINE_MS = 20_000
const PORT_TAKEN = 'address already in use'
const READY = 'Server is ready'

const running = new Set<ChildProcess>()

function killAll (): void {
  for (const child of running) child.kill('SIGKILL')
}
process.on('exit', killAll)
for (const [name, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.once(name, () => process.exit(code))
}

/** @throws Error in one clear line when there is no nats-server on this machine */
export function natsServerPath (): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin',
    '/usr/local/sbin'].filter(folder => folder !== '')
  for (const folder of folders) {
    const path = join(folder, 'nats-server')
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here; the next folder may have it.
    }
  }
  throw new Error(
    'nats-server was not found on PATH or in /usr/sbin: install it (Debian: apt-get install ' +
      'nats-server)'
  )
}

export async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise<void>(resolve => {
    server.close(() => resolve())
  })
  return port
}

export async function startNatsServer (options: NatsServerOptions = {}): Promise<NatsServer> {
  const path = natsServerPath()
  let log = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = options.port ?? await freePort()
    const started = await start(path, port, options.config)
    if (typeof started !== 'string') return started
    log = started
    if (!log.includes(PORT_TAKEN)) break
    await sleep(50)
  }
  throw new Error(
    `nats-server did not start: ${log.trim().split('\n').at(-1) ?? 'it said nothing'}`
  )
}

/** @returns the server, or its log when it ended instead of starting */
async function start (
  path: string,
  port: number,
  config: string | undefined
): Promise<NatsServer | string> {
  const folder = config === undefined ? undefined : await mkdtemp(join(tmpdir(), 'millpond-nats-'))
  const args = ['-a', '127.0.0.1', '-p', String(port)]
  if (folder !== undefined && config !== undefined) {
    await writeFile(join(folder, 'nats.conf'), config)
    args.push('-c', join(folder, 'nats.conf'))
  }
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  const ended = new Promise<void>(resolve => {
    child.once('close', () => resolve()).once('error', () => resolve())
  })
  ended.then(() => {
    running.delete(child)
    return folder === undefined ? undefined : rm(folder, { recursive: true, force: true })
  }).catch(() => undefined)

  const { log, ready } = await startLog(child, ended)
  if (!ready || child.pid === undefined) {
    child.kill('SIGKILL')
    await ended
    return log
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await ended
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    signal: name => {
      child.kill(name)
    }
  }
}

/**
 * Reads the log up to the line that says the server takes connections. Afterwards it is read on,
 * and thrown away.
 */
async function startLog (
  child: ChildProcess,
  ended: Promise<void>
): Promise<{ log: string, ready: boolean }> {
  let log = ''
  const started = new Promise<void>(resolve => {
    child.stderr?.on('data', (chunk: Buffer) => {
      if (log.includes(READY)) return
      log += chunk.toString()
      if (log.includes(READY)) resolve()
    })
  })
  child.once('error', error => {
    log += error.message
  })
  const giveUp = new AbortController()
  const deadline = sleep(START_DEADLINE_MS, undefined, { signal: giveUp.signal }).catch(() =>
    undefined
  )
  await Promise.race([started, ended, deadline])
  giveUp.abort()
  return { log, ready: log.includes(READY) }
}
