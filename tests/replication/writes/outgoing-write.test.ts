/** One write through its attempts: what its writer is told at the end. */
import test from 'ava'
import { ClosedError, TimeoutError } from '../../../engine/errors.js'
import { OutgoingWrite } from '../../../replication/writes/outgoing-write.js'

const outgoing = (): OutgoingWrite =>
  new OutgoingWrite({
    group: 0,
    write: { key: 'k', version: 1, stamp: 1, fields: { n: 1 } },
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
  t.not(write.failed(new TimeoutError('batch', 100), 100, false), null)
  write.abandon(new ClosedError('connection'))
  t.like(await t.throwsAsync(write.done), { code: 'CLOSED', changed: 'maybe' })
})
