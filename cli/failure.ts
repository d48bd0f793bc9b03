/**
 * How a command ends badly: one line on standard error that names the value and the fix, and an
 * exit status.
 *
 *   1    the command ran, and the answer is no: no such record, rows refused under --strict,
 *        replicas that differ, an output or input that broke off, a cluster that stopped answering
 *        on the way
 *   2    the command could not start: an unreachable server or cluster, a store that cannot be
 *        opened, settings that contradict the cluster's or the data directory's; or a flag cannot
 *        be, which may show only when the cluster was asked
 *   3    another process began later under the name of this node, which handed over and closed
 *   70   a mistake in this program; only that comes with a stack trace
 *
 * The same error may stop a command at its start or on the way, so each command says where it
 * begins: it awaits its node or client with `starting`.
 */
import { MillpondError } from '../engine/errors.js'

export const EXIT = { ok: 0, no: 1, unusable: 2, replaced: 3, internal: 70 } as const

/** Ends a command with a status, and a line on standard error that says why. */
export class CommandError extends Error {
  constructor (readonly status: number, message: string, cause?: unknown) {
    super(message, { cause })
  }
}

/** Codes of errors that say that a flag cannot be. */
const SETTINGS = new Set(['CONFIG_INVALID', 'CONFIG_CONFLICT'])

/** Waits for what a command needs before it can do anything. @throws CommandError of status 2 */
export async function starting<T> (begun: Promise<T>): Promise<T> {
  try {
    return await begun
  } catch (error) {
    if (!(error instanceof MillpondError)) throw error
    throw new CommandError(EXIT.unusable, inFlags(error.message), error)
  }
}

/** The line to print and the status to end with. */
export function failureOf (error: unknown): { readonly line: string, readonly status: number } {
  if (error instanceof CommandError) return { line: oneLine(error.message), status: error.status }
  if (error instanceof MillpondError) {
    return {
      line: oneLine(inFlags(error.message)),
      status: SETTINGS.has(error.code) ? EXIT.unusable : EXIT.no
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
const FLAGS: ReadonlyArray<readonly [setting: string | RegExp, flag: string]> = [
  ['correct the servers option', 'correct --nats'],
  ['check user and pass, or token', 'check --nats-user and --nats-pass, or --nats-token'],
  ['pass them as user and pass, or token', 'give --nats-user and --nats-pass, or --nats-token'],
  [/([Gg])ive the node (another|an empty) data directory/g, '$1ive $2 directory with --data'],
  ['not a NATS server URL:', '--nats: not a NATS server URL:']
]

function inFlags (message: string): string {
  return FLAGS.reduce((text, [setting, flag]) => text.replaceAll(setting, flag), message)
}

function oneLine (message: string): string {
  return message.replaceAll(/\s*\n\s*/g, '; ')
}
