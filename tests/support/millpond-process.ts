/**
 * The command line as a user starts it: real processes, run from source with tsx.
 *
 * A test that ends leaves none behind: the helpers that take the test's `t` end what still runs in
 * its teardown, and whatever remains dies with this process.
 */
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { ExecutionContext } from 'ava'

const root = resolve(import.meta.dirname, '../..')
const COMMAND = ['--import=tsx', join(root, 'cli/main.ts')]

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface MillpondProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  /** The output of the process so far. */
  readonly stdout: string
  readonly stderr: string
  readonly ended: Promise<Ended>
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Ended>
}

export function startMillpond (t: ExecutionContext, args: readonly string[]): MillpondProcess {
  // On Linux a colour or a terminal in our own environment must not change what it prints.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      !/^(?:FORCE_COLOR|NODE_OPTIONS|MILLPOND_)/.test(name)
    )
  )
  const child = spawn(process.execPath, [...COMMAND, ...args], {
    cwd: root,
    env,
    stdio: ['pipe', 'pipe', 'pipe']
  })
  running.add(child)
  const stdout: string[] = []
  const stderr: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout.push(text)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr.push(text)
  })
  child.stdin.on('error', () => {}) // it need not read what it is given
  const ended = once(child, 'close').then(([status, signal]): Ended => {
    running.delete(child)
    return {
      status: status as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: stdout.join(''),
      stderr: stderr.join('')
    }
  })
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> => {
    child.kill(signal)
    return await ended
  }
  t.teardown(() => end('SIGKILL'))
  return {
    child,
    ended,
    end,
    get stdout () {
      return stdout.join('')
    },
    get stderr () {
      return stderr.join('')
    }
  }
}

/** Runs a command to its end. @param input what it reads on standard input */
export async function millpond (
  t: ExecutionContext,
  args: readonly string[],
  input = ''
): Promise<Ended> {
  const started = startMillpond(t, args)
  started.child.stdin.end(input)
  return await started.ended
}

/** Runs a command that has to succeed, and gives what it printed. */
export async function output (
  t: ExecutionContext,
  args: readonly string[],
  input = ''
): Promise<string> {
  const { status, signal, stdout, stderr } = await millpond(t, args, input)
  if (status !== 0) {
    throw new Error(`millpond ${args.join(' ')} ended with ${status ?? signal}: ${stderr}`)
  }
  return stdout
}

/** Starts `millpond node` and waits until it says that it is ready. */
export async function startNode (
  t: ExecutionContext,
  args: readonly string[]
): Promise<MillpondProcess> {
  const node = startMillpond(t, ['node', ...args])
  const ready = new Promise<void>(done => {
    node.child.stdout.on('data', () => {
      if (node.stdout.includes('\n')) done()
    })
  })
  const early = node.ended.then(({ status, stderr }) => {
    throw new Error(
      `millpond node ${args.join(' ')} ended with ${status} before it was ready: ${stderr}`
    )
  })
  await Promise.race([ready, early])
  early.catch(() => {}) // from here on its end is the test's business
  return node
}

/** The lines of NDJSON text as objects. */
export function parseLines<T> (text: string): T[] {
  return text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as T)
}
