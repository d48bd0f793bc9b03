/** One write through its attempts: what its writer is told at the end. */
import test from 'ava'
import { ClosedError, TimeoutError, UnavailableError } from '../../../engine/errors.js'
import type { Write } from '../../../engine/write/write.js'
import { OutgoingWrite } from '../../../replication/writes/outgoing-write.js'

const outgoing = (
  write: Write = { key: 'k', version: 1, stamp: 1, fields: { n: 1 } }
): OutgoingWrite =>
  new OutgoingWrite({
    group: 0,
    write,
    concern: 'buffered',
    timeoutMs: 1000,
    deadlineMs: 1000
  })

test('a write that was never sent is given up as unchanged', async t => {
  const write = outgoing()
  write.abandon(new ClosedError('connection'))
  await t.throwsAsync(write.done, { instanceOf: ClosedError })
})

test('a write given up after an attempt without an answer may stand (SPEC R12)', async t => {
  const write = outgoing()
  t.not(write.failed(new TimeoutError('batch', 100), 100, { isLast: false }), null)
  write.abandon(new ClosedError('connection'))
  t.like(await t.throwsAsync(write.done), { code: 'CLOSED', changed: 'maybe' })
})

test('a write whose time is up before a holder was asked changed nothing (SPEC K3)', async t => {
  const write = outgoing()
  t.not(write.failed(new UnavailableError('nobody holds it'), 100, { isLast: false }), null)
  write.expire(false)
  const error = await t.throwsAsync(write.done, {
    code: 'TIMEOUT',
    message: /nobody holds it.* within 1000 ms/
  })
  t.like(error, { changed: 'no' })
})

test('an increment that is late is unknown only where a holder was asked (SPEC K3)', async t => {
  for (const isAsked of [true, false]) {
    const write = outgoing({
      key: 'k',
      version: 1,
      stamp: 1,
      fields: null,
      operations: [{ kind: 'increment', field: 'n', by: 1 }]
    })
    write.failed(new UnavailableError('nobody holds it'), 100, { isLast: false })
    write.expire(isAsked)
    t.like(
      await t.throwsAsync(write.done),
      isAsked ? { code: 'OUTCOME_UNKNOWN', changed: 'maybe' } : { code: 'TIMEOUT', changed: 'no' }
    )
  }
})

test('what comes after the time was up changes nothing for the writer', async t => {
  const write = outgoing()
  write.expire(true)
  t.is(write.answered(null, 1100, { isLast: false, holders: 1 }), null)
  t.is(write.failed(new UnavailableError('late'), 1100, { isLast: false }), null)
  t.like(await t.throwsAsync(write.done), { code: 'TIMEOUT', changed: 'maybe' })
})

const STORE_FAILED = {
  code: 'STORE',
  message: 'disk full',
  changed: 'maybe',
  retryable: true
} as const

test('a failed store is followed by the other holders, each once (SPEC K4)', async t => {
  const write = outgoing()
  const others = { isLast: false, holders: 3 }
  t.not(write.answered(STORE_FAILED, 10, others), null)
  t.not(write.answered(STORE_FAILED, 20, others), null)
  t.is(write.answered(STORE_FAILED, 30, others), null)
  t.like(await t.throwsAsync(write.done), { code: 'STORE', changed: 'maybe' })
})

test('an operation is not tried elsewhere when the store of an owner failed (SPEC K4)', async t => {
  const write = outgoing({
    key: 'k',
    version: 1,
    stamp: 1,
    fields: null,
    operations: [{ kind: 'add', field: 'tags', element: 'x' }]
  })
  t.is(write.answered(STORE_FAILED, 10, { isLast: false, holders: 3 }), null)
  t.like(await t.throwsAsync(write.done), { code: 'STORE' })
})
