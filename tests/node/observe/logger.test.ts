/** Events as log lines: one JSON object each, at a level that fits, with errors spelled out. */
import test from 'ava'
import { createLogger, type LogLevel } from '../../../node/observe/logger.js'

function logged (
  level: LogLevel,
  use: (logger: ReturnType<typeof createLogger>) => void
): Array<Record<string, unknown>> {
  const lines: string[] = []
  use(createLogger({
    level,
    facts: { self: 'a' },
    stream: {
      write: line => {
        lines.push(line)
      }
    }
  }))
  return lines.map(line => JSON.parse(line) as Record<string, unknown>)
}

test('a line says when, where, how bad and what', t => {
  const [line] = logged(
    'info',
    logger => logger.onEvent({ type: 'member-left', node: 'b', incarnation: 7, why: 'silent' })
  )
  t.like(line, {
    level: 'warn',
    self: 'a',
    node: 'b',
    incarnation: 7,
    why: 'silent',
    msg: 'member-left'
  })
  t.regex(String(line?.['time']), /^\d{4}-\d\d-\d\dT/)
})

test('errors come with their message and their code', t => {
  const [line] = logged(
    'info',
    logger =>
      logger.onEvent({
        type: 'handler-failed',
        subject: 's',
        error: Object.assign(new Error('broken'), { code: 'X' })
      })
  )
  t.like(line, { level: 'error', self: 'a', error: { message: 'broken', code: 'X' } })
})

test('a consumer that cannot go on is a warning, its comings and goings are not (SPEC C13)', t => {
  const of = { cache: 'c', consumerGroup: 'g', shards: [1], unlistedShards: 0 }
  const lines = logged('debug', logger => {
    logger.onEvent({ ...of, type: 'consumer-started', shards: 4, committedShards: 0 })
    logger.onEvent({ ...of, type: 'consumer-behind', forMs: 20 })
    logger.onEvent({ ...of, type: 'consumer-reset', why: 'patience' })
    logger.onEvent({ ...of, type: 'consumer-reset', why: 'floor' })
    logger.onEvent({ ...of, type: 'commit-failed', error: new Error('no') })
    logger.onEvent({ cache: 'c', consumerGroup: 'g', type: 'consumer-ended', why: 'idle' })
    logger.onEvent({
      cache: 'c',
      consumerGroup: 'g',
      type: 'consumer-ended',
      why: 'error',
      error: new Error('no')
    })
    logger.onEvent({ type: 'hint-dropped', cache: 'c', count: 9 })
  })
  t.deepEqual(lines.map(({ level }) => level), ['info', 'warn', 'warn', 'info', 'warn', 'info',
    'warn', 'debug'])
})

test('events that come many times a second are only logged at level trace', t => {
  const chatter = (logger: ReturnType<typeof createLogger>): void => {
    logger.onEvent({ type: 'store-committed', cache: 'c', bytes: 1 })
    logger.onEvent({ type: 'gap-repaired', cache: 'c', node: 'b', batches: 1 })
    logger.onEvent({ type: 'group-phase', cache: 'c', group: 1, phase: 'ready' })
  }
  t.deepEqual(logged('info', chatter), [])
  t.deepEqual(logged('debug', chatter).map(({ msg }) => msg), ['gap-repaired', 'group-phase'])
  t.deepEqual(logged('trace', chatter).map(({ level }) => level), ['trace', 'debug', 'debug'])
  t.deepEqual(logged('silent', logger => logger.error({}, 'loud')), [])
})

test('the end of a trouble is logged where the trouble was', t => {
  const of = { cache: 'c', consumerGroup: 'g' }
  const lines = logged('warn', logger => {
    logger.onEvent({ type: 'connection', connected: false })
    logger.onEvent({ type: 'connection', connected: true })
    logger.onEvent({ type: 'timing-agrees', heartbeatMs: 500, failureTimeoutMs: 3000 })
    logger.onEvent({ ...of, type: 'consumer-held', forMs: 9 })
    logger.onEvent({ cache: 'c', type: 'store-recovered', failures: 3 })
  })
  t.deepEqual(lines.map(({ msg, connected }) => [msg, connected]), [['connection', false], [
    'connection',
    true
  ], ['timing-agrees', undefined], ['consumer-held', undefined], ['store-recovered', undefined]])
})
