/**
 * The messenger: values over an unkind transport, and requests that always end, with an answer or
 * an error that says enough.
 */
import test, { type ExecutionContext } from 'ava'
import { ConfigError, RemoteError, WriteConcernError,
  type MillpondError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { encodeParts } from '../../../replication/messages/envelope.js'
import type { ReplicationEvent } from '../../../replication/events.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { Messenger } from '../../../replication/messages/messenger.js'
import type { RequestKind } from '../../../replication/messages/pending-requests.js'
import { describeSeed, pickSeed } from '../../support/ports.js'
import { VirtualTime } from '../../support/virtual-time.js'

function pair (t: ExecutionContext, maxMessageBytes = limits.maxPartBytes) {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network'), maxMessageBytes })
  const events: ReplicationEvent[] = []
  const open = (name: string): Messenger =>
    new Messenger({
      transport: network.connect(name),
      ports: time.ports(name),
      limits,
      onEvent: event => {
        events.push(event)
      }
    })
  return { time, network, events, a: open('a'), b: open('b') }
}

/** A request that may change something, as a write does. */
const kind = (what: string, more: Partial<RequestKind> = {}): RequestKind => ({
  what,
  changes: true,
  ...more
})

test('a question is answered, large or small, whatever the order and number of parts', async t => {
  const { a, b, time, network } = pair(t, 2000)
  b.serve('ask', value => ({ echo: value }))
  network.setFaults({ duplicate: 0.3, reorder: 0.5, delayMs: [0, 5] })
  for (
    const value of [null, 0, 'x', { deep: [1, { x: true }] },
      Uint8Array.from({ length: 30_000 }, (_, i) => i)]
  ) {
    t.deepEqual(await time.wait(a.request('ask', value, 1000, kind('ask'))), { echo: value })
  }
})

test('a question without an answer fails in time, and a late answer harms nobody', async t => {
  const { a, b, time } = pair(t)
  b.serve('slow', () =>
    new Promise(resolve => {
      time.ports('b').timers.after(300, () => resolve('late'))
    }))
  await t.throwsAsync(time.wait(a.request('slow', 1, 100, kind('slow'))), {
    code: 'TIMEOUT',
    message: /slow.*100 ms/
  })
  await time.advance(1000)
  t.is(await time.wait(a.request('slow', 1, 400, kind('slow'))), 'late')
})

test('a question that nobody listens for fails at once', async t => {
  const { a, time } = pair(t)
  const startMs = time.nowMs
  await t.throwsAsync(time.wait(a.request('nobody', 1, 10_000, kind('nobody'))), {
    code: 'UNAVAILABLE'
  })
  t.is(time.nowMs, startMs)
})

test('a refusal carries its code, its message, any change made and whether to retry', async t => {
  const { a, b, time, events } = pair(t)
  b.serve('config', () => {
    throw new ConfigError('x must be 3')
  })
  b.serve('concern', async () => {
    throw new WriteConcernError('all', 1, 3, 50)
  })
  b.serve('bug', () => {
    throw new TypeError('oops')
  })
  const errors = await Promise.all(
    ['config', 'concern', 'bug'].map(subject =>
      time.wait(a.request(subject, 1, 100, kind(subject)).catch((error: unknown) => error))
    )
  )
  t.like(errors[0], {
    code: 'CONFIG_INVALID',
    message: 'x must be 3',
    changed: 'no',
    retryable: false
  })
  t.like(errors[1], { code: 'WRITE_CONCERN', changed: 'yes', retryable: true })
  t.like(errors[2], { code: 'INTERNAL', message: 'oops', changed: 'maybe', retryable: false })
  t.true(errors.every(error => error instanceof RemoteError))
  t.deepEqual(events.map(({ type }) => type), ['handler-failed'])
})

test('a question while disconnected fails at once', async t => {
  const { a, b, time, network } = pair(t)
  b.serve('ask', () => 1)
  network.disconnect('a')
  await t.throwsAsync(time.wait(a.request('ask', 1, 1000, kind('ask'))), { code: 'UNAVAILABLE' })
  network.reconnect('a')
  t.is(await time.wait(a.request('ask', 1, 1000, kind('ask'))), 1)
})

test('a question fails when the node asked leaves, and others wait on (SPEC K2)', async t => {
  const { a, b, time } = pair(t)
  b.serve('never', () => new Promise(() => {}))
  const failed = t.throwsAsync(a.request('never', 1, 60_000, kind('never', { node: 'b' })), {
    code: 'UNAVAILABLE',
    message: /b left/
  })
  const others = [{ node: 'c' }, {}].map(node => a.request('never', 1, 500, kind('never', node)))
  const late = Promise.all(others.map(other => t.throwsAsync(other, { code: 'TIMEOUT' })))
  await time.advance(10)
  a.nodeLeft('b')
  t.like(await failed, { changed: 'maybe', retryable: true })
  t.is(a.requestsWaiting, 2)
  await time.wait(late)
})

test('what waits for an answer fails when the connection is lost (SPEC K2)', async t => {
  const { a, b, time, network } = pair(t)
  b.serve('never', () => new Promise(() => {}))
  const failed = t.throwsAsync(a.request('never', 1, 60_000, kind('never')), {
    code: 'UNAVAILABLE'
  })
  await time.advance(10)
  network.disconnect('a')
  t.like(await failed, { changed: 'maybe', retryable: true })
  t.is(time.pending('a'), 0)
})

test('a question that changes nothing says so, however it ends (SPEC K2)', async t => {
  const { a, b, time, network } = pair(t)
  b.serve('never', () => new Promise(() => {}))
  for (const changes of [true, false]) {
    const changed = changes ? 'maybe' : 'no'
    const late = a.request('never', 1, 99.5, kind('late', { changes }))
    t.like(await time.wait(t.throwsAsync(late)), {
      message: 'late: no answer within 100 ms',
      changed
    })
    const left = t.throwsAsync(a.request('never', 1, 60_000, kind('left', { changes, node: 'b' })))
    await time.advance(10)
    a.nodeLeft('b')
    t.like(await left, { code: 'UNAVAILABLE', changed })
    const lost = t.throwsAsync(a.request('never', 1, 60_000, kind('lost', { changes })))
    await time.advance(10)
    network.disconnect('a')
    t.like(await lost, { code: 'UNAVAILABLE', changed })
    network.reconnect('a')
  }
  const closed = [true, false].map(changes =>
    t.throwsAsync(a.request('never', 1, 60_000, kind('closed', { changes })))
  )
  await time.advance(10)
  a.close()
  t.deepEqual((await Promise.all(closed)).map(error => (error as MillpondError).changed), [
    'maybe',
    'no'
  ])
})

test('closing rejects what waits, and leaves no timer', async t => {
  const { a, b, time } = pair(t)
  b.serve('never', () => new Promise(() => {}))
  const waiting = a.request('never', 1, 60_000, kind('never'))
  const failed = t.throwsAsync(waiting, { code: 'CLOSED' })
  await time.advance(10)
  a.close()
  a.close()
  await failed
  t.is(time.pending('a'), 0)
  await t.throwsAsync(a.request('never', 1, 10, kind('never')), { code: 'CLOSED' })
  t.false(a.send('x', 'hint', {}))
})

test('requests in flight are bounded', async t => {
  const { a, b, time } = pair(t)
  b.serve('never', () => new Promise(() => {}))
  const waiting = Array.from(
    { length: limits.maxRequestsInFlight },
    () => a.request('never', 1, 1000, kind('never')).catch(() => {})
  )
  await t.throwsAsync(a.request('never', 1, 1000, kind('never')), { code: 'TOO_BUSY' })
  await time.wait(Promise.all(waiting))
})

test('bytes that are no message are refused, counted and do not stop the others', async t => {
  const { a, b, time, events } = pair(t)
  const got: unknown[] = []
  b.on('in', 'hint', value => {
    if (value === 'bang') throw new Error('handler')
    got.push(value)
  })
  a.transport.publish('in', Uint8Array.of(1, 2, 3))
  a.send('in', 'ack', 'another kind')
  a.send('in', 'hint', 'bang')
  a.send('in', 'hint', 'fine')
  await time.advance(10)
  t.deepEqual(got, ['fine'])
  t.deepEqual(events.map(({ type }) => type), ['message-refused', 'handler-failed'])
})

test('a large request of which a part is lost fails in time and is not carried out', async t => {
  const { a, b, time, network } = pair(t, 2000)
  let served = 0
  b.serve('ask', () => ++served)
  network.setFaults({ loss: 0.5 })
  await t.throwsAsync(time.wait(a.request('ask', new Uint8Array(60_000), 500, kind('ask'))), {
    code: 'TIMEOUT'
  })
  t.is(served, 0)
})

test('two listeners on one subject both get a message that comes in parts', async t => {
  const { a, b, time } = pair(t, 2000)
  const got: string[] = []
  b.on('news', 'hint', value => {
    got.push(`first ${String((value as Uint8Array).length)}`)
  })
  b.on('news', 'hint', value => {
    got.push(`second ${String((value as Uint8Array).length)}`)
  })
  a.send('news', 'hint', new Uint8Array(9000))
  await time.advance(10)
  t.deepEqual(got, ['first 9000', 'second 9000'])
})

test('an answer of nothing is an answer', async t => {
  const { a, b, time } = pair(t)
  b.serve('ask', () => undefined)
  t.is(await time.wait(a.request('ask', 1, 100, kind('ask'))), undefined)
})

test('an answer of another shape is refused and counted, and the wait ends in time', async t => {
  for (
    const answer of [{ error: null }, { error: 5 }, { error: {} }, {
      error: { code: 'X', message: 'y', changed: 'perhaps', retryable: true }
    }, 'text', null, 7]
  ) {
    const { a, b, time, events } = pair(t)
    b.transport.subscribe('ask', ({ replyTo = '' }) => {
      b.send(replyTo, 'reply', answer)
    })
    await t.throwsAsync(
      time.wait(a.request('ask', 1, 100, kind('ask'))),
      { code: 'TIMEOUT' },
      JSON.stringify(answer)
    )
    t.is(a.requestsWaiting, 0)
    t.deepEqual(events.map(({ type }) => type), ['message-refused'], JSON.stringify(answer))
  }
})

test('content other than plain CBOR is refused unread despite its checksum (SPEC R1)', async t => {
  const { a, b, time, events } = pair(t)
  const got: unknown[] = []
  b.on('in', 'hint', value => {
    got.push(value)
  })
  const contents = ['f7', '9affffffff', '9f01ff', 'd81c81d81d00', `${'81'.repeat(100)}00`, '8100ff',
    'c11a00000001', 'a161'].map(hex => Uint8Array.from(Buffer.from(hex, 'hex')))
  for (const content of contents) {
    for (const part of encodeParts('hint', 1, content, 1024, 'in', limits)) {
      a.transport.publish('in', part)
    }
  }
  await time.advance(10)
  t.deepEqual(got, [])
  t.deepEqual(
    events,
    contents.map(() => ({ type: 'message-refused', subject: 'in', reason: 'content' }))
  )
})
