/** The time of a call, and its end by its caller. */
import { getEventListeners } from 'node:events'
import test from 'ava'
import { beginCall, checkCall, unlessAborted } from '../../../engine/calls/call.js'

const clock = { monotonicMs: () => 1000 }

test('times and signals that cannot be are refused by name (SPEC B3)', t => {
  for (const timeoutMs of [-1, NaN, Infinity, 3_600_001, '5', null] as number[]) {
    t.throws(() => checkCall({ timeoutMs }), {
      instanceOf: TypeError,
      message: /^timeoutMs must be a number of milliseconds from 0 to 3600000, got /
    })
  }
  for (const signal of [null, {}, 'abort', new AbortController()] as AbortSignal[]) {
    t.throws(() => checkCall({ signal }), {
      instanceOf: TypeError,
      message: /^signal must be an AbortSignal, got /
    })
  }
  t.notThrows(() => checkCall({ timeoutMs: 0, signal: new AbortController().signal }))
})

test('a call has the time that its caller gives, or the usual one', t => {
  t.like(beginCall({}, 3000, clock), { timeoutMs: 3000, deadlineMs: 4000 })
  t.like(beginCall({ timeoutMs: 0 }, 3000, clock), { timeoutMs: 0, deadlineMs: 1000 })
})

test('a call that was ended before it began does not begin, and says why', t => {
  const reason = new Error('the request went away')
  const error = t.throws(() => beginCall({ signal: AbortSignal.abort(reason) }, 3000, clock), {
    code: 'ABORTED'
  })
  t.like(error, { changed: 'no', retryable: true, cause: reason })
})

test('what is waited for ends with the signal, or leaves no listener behind', async t => {
  const controller = new AbortController()
  const { signal } = controller
  t.is(await unlessAborted(Promise.resolve(1), signal, 'no'), 1)
  await t.throwsAsync(unlessAborted(Promise.reject(new Error('broken')), signal, 'no'), {
    message: 'broken'
  })
  t.is(getEventListeners(signal, 'abort').length, 0)
  const never = unlessAborted(new Promise(() => {}), signal, 'maybe')
  controller.abort()
  t.like(await t.throwsAsync(never, { code: 'ABORTED' }), { changed: 'maybe' })
  await t.throwsAsync(unlessAborted(new Promise(() => {}), signal, 'no'), { code: 'ABORTED' })
})
