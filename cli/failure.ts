/**
 * How a command ends badly: one line on standard error that names the value and the fix, and an
 * exit status.
 *
 *   1    the command ran, and the answer is no: no such record, rows refused under --strict,
 *        replicas that differ, an output or input that broke off, a cluster that stopped answering
 *        on the way
 *   2    the command could not start: a wrong flag, an unreachable server or cluster, settings that
 *        contradict the cluster's or the data directory's
 *   70   a mistake in this program; only that comes with a stack trace
 */
import { MillpondError } from '../engine/errors.js'

export const EXIT = { ok: 0, no: 1, unusable: 2, internal: 70 } as const

/** Ends a command with a status, and a line on standard error that says why. */
export class CommandError extends Error {
  constructor (readonly status: number, message: string) {
    super(message)
  }
}

const UNUSABLE = new Set(['CONFIG_INVALID', 'CONFIG_CONFLICT', 'CONNECTION', 'UNAVAILABLE',
  'STORE'])

/** The line to print and the status to end with. */
export function failureOf (error: unknown): { readonly line: string, readonly status: number } {
  if (error instanceof CommandError) return { line: oneLine(error.message), status: error.status }
  if (error instanceof MillpondError) {
    return {
      line: oneLine(inFlags(error.message)),
      status: UNUSABLE.has(error.code) ? EXIT.unusable : EXIT.no
    }
  }
  return {
    line: error instanceof Error ? error.stack ?? error.message : String(error),
    status: EXIT.internal
  }
}

/**
 * Messages name the settings of a program. On the command line each has a flag, and its name is
 * what helps there.
 */
const FLAGS: ReadonlyArray<readonly [setting: string, flag: string]> = [
  ['correct the servers option', 'correct --nats'],
  ['check user and pass, or token', 'check --nats-user and --nats-pass, or --nats-token'],
  ['pass them as user and pass, or token', 'give --nats-user and --nats-pass, or --nats-token'],
  ['Give the node another data directory', 'Give another directory with --data'],
  ['give the node another data directory', 'give another directory with --data'],
  ['give this node a data directory of its own',
    'give this node a directory of its own with --data'],
  ['not a NATS server URL:', '--nats: not a NATS server URL:']
]

function inFlags (message: string): string {
  return FLAGS.reduce((text, [setting, flag]) => text.replaceAll(setting, flag), message)
}

function oneLine (message: string): string {
  return message.replaceAll(/\s*\n\s*/g, '; ')
}
