/**
 * Events as log lines: JSON on standard error, one line each. pino is imported here and nowhere
 * else.
 *
 *   error   an operator has to act: two processes share a name, data is damaged, the disk refuses
 *   warn    something went wrong and is dealt with, or is well again; where it happens often, it is
 *           worth a look
 *   info    comings and goings, of nodes and of this process's consumers, to be read afterwards
 *   debug   routine that comes in bursts: phases of groups, repairs, compactions, dropped messages
 *   trace   routine that comes many times a second: commits of the store
 */
import pino from 'pino'
import type { MillpondEvent } from '../events.js'

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = typeof LOG_LEVELS[number]

export interface LoggerOptions {
  readonly level: LogLevel
  /**
   * Facts that stand in every line. An event's own `node` is another node, so this process's name
   * needs a different key.
   */
  readonly facts?: Readonly<Record<string, string>>
  /**
   * Takes the lines. Default: standard error, written at once, so that no line is lost in a crash.
   */
  readonly stream?: { write(line: string): void }
}

export interface Logger {
  onEvent(event: MillpondEvent): void
  info(facts: Readonly<Record<string, unknown>>, message: string): void
  error(facts: Readonly<Record<string, unknown>>, message: string): void
}

export function createLogger ({ level, facts = {}, stream }: LoggerOptions): Logger {
  const log = pino({
    level,
    base: facts,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: name => ({ level: name }) },
    serializers: { error: pino.stdSerializers.err }
  }, stream ?? pino.destination({ dest: 2, sync: true }))
  return {
    onEvent (event) {
      const severity = levelOf(event)
      const { type, ...rest } = event
      if (log.isLevelEnabled(severity)) log[severity](rest, type)
    },
    info: (more, message) => log.info(more, message),
    error: (more, message) => log.error(more, message)
  }
}

function levelOf (event: MillpondEvent): Exclude<LogLevel, 'silent'> {
  switch (event.type) {
    case 'data-lost':
    case 'drain-ended':
    case 'name-taken':
    case 'name-lost':
    case 'own-incarnation':
    case 'config-conflict':
    case 'shard-damaged':
    case 'handler-failed':
    case 'store-commit-failed':
    case 'newer-release':
      return 'error'
    case 'log-rebuilt':
    case 'update-refused':
    case 'clock-ahead':
    case 'field-kind-conflict':
    case 'shard-reset':
    case 'shard-large':
    case 'message-refused':
    case 'repair-failed':
    case 'upkeep-failed':
    case 'connection-problem':
    case 'write-failed':
    case 'timing-differs':
    case 'clock-differs':
    case 'consumer-behind':
    case 'consumer-unheld':
    case 'consumer-retrying':
    case 'commit-failed':
    // the ends of troubles: a log of this level that shows a loss shows the recovery
    case 'connection':
    case 'timing-agrees':
    case 'clock-agrees':
    case 'consumer-held':
    case 'store-recovered':
      return 'warn'
    case 'member-left':
      return event.why === 'silent' ? 'warn' : 'info'
    case 'consumer-reset':
      return event.why === 'patience' ? 'warn' : 'info'
    case 'consumer-ended':
      return event.why === 'error' ? 'warn' : 'info'
    case 'member-joined':
    case 'consumer-started':
      return 'info'
    case 'group-phase':
    case 'gap-repaired':
    case 'digest-repaired':
    case 'compacted':
    case 'tombstones-collected':
    case 'incarnations-retired':
    case 'hint-dropped':
    case 'confirmation-dropped':
      return 'debug'
    case 'store-committed':
      return 'trace'
  }
}
