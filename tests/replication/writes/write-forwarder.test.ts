/**
 * Writes on their way to an owner that refuses, hears twice or died meanwhile; whole clusters of
 * them are in tests/node.
 */
import { limits, limitsWith } from '../../../engine/limits.js'
import test from 'ava'
import { BusyError, ClosedError, type MillpondError, StoreError, UnavailableError,
  WriteConcernError } from '../../../engine/errors.js'
import { HybridClock } from '../../../engine/base/hlc.js'
import type { Write } from '../../../engine/write/write.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { Topology } from '../../../engine/topology/topology.js'
import { Messenger } from '../../../replication/messages/messenger.js'
import type { Router } from '../../../replication/membership/router.js'
import { subjectsOf } from '../../../replication/messages/subjects.js'
import { WriteForwarder } from '../../../replication/writes/write-forwarder.js'
import { WriteServer } from '../../../replication/writes/write-server.js'
import { timingWith } from '../../support/timing.js'
import { VirtualTime } from '../../support/virtual-time.js'

const topology = new Topology({ shards: 4, groups: 2 })

/**
 * A forwarder that believes that life 1 of the owner runs, and an owner that takes a write as
 * `take` says.
 */
function forwarding (
  take: (write: Write, timeoutMs: number) => Promise<boolean>,
  { duplicate = 0, life = 1, clock = {}, holders = ['owner'], above = () => 0 }: {
    duplicate?: number,
    life?: number,
    clock?: { skewMs?: number },
    holders?: readonly string[],
    above?: (write: Write) => number
  } = {}
) {
  const time = new VirtualTime(1)
  const ports = time.ports('both')
  const network = new InProcessNetwork({ limits, ...ports, faults: { duplicate, delayMs: [0, 3] } })
  const subjects = subjectsOf('test')
  const messengerOf = (name: string) =>
    new Messenger({ transport: network.connect(name), ports, limits, onEvent: () => {} })
  const ownClock = { ...ports.clock, wallMs: () => ports.clock.wallMs() + (clock.skewMs ?? 0) }
  const server = new WriteServer({
    incarnation: life,
    replicatorOf: () => ({
      topology,
      writes: {
        take: (_, write, __, timeoutMs) => take(write, timeoutMs),
        standingAbove: (_, write) => above(write)
      }
    }),
    clock: new HybridClock(ownClock, limits),
    limits
  })
  messengerOf('owner').serve(
    subjects.writes('owner'),
    (batch, _, request) => server.take(batch, request)
  )
  let silent = 0
  messengerOf('silent').serve(subjects.writes('silent'), () => {
    silent++
    return new Promise(() => {})
  })
  const router = {
    topology,
    holders: () => holders,
    incarnationOf: () => 1,
    onLeft: () => {}
  } as unknown as Router
  const forwarder = new WriteForwarder(
    {
      cache: 'prices',
      limits,
      timing: timingWith({ requestTimeoutMs: 1000 }),
      ports,
      messenger: messengerOf('writer'),
      subjects,
      onEvent: () => {}
    },
    router,
    new HybridClock(ports.clock, limits),
    1
  )
  return { time, nowMs: ports.clock.wallMs(), forwarder, silent: () => silent }
}
const put: Write = { key: 'k', version: 1, stamp: 1, fields: { n: 1 } }
const increment: Write = {
  key: 'k',
  version: 1,
  stamp: 1,
  fields: null,
  operations: [{ kind: 'increment', field: 'n', by: 1 }]
}

test('an increment its owner could not take yet is taken by the same owner later', async t => {
  let attempts = 0
  const { time, forwarder } = forwarding(() =>
    ++attempts < 3
      ? Promise.reject(new UnavailableError('not held here yet'))
      : Promise.resolve(true)
  )
  await time.wait(forwarder.submit(0, increment, 'buffered', 5000))
  t.is(attempts, 3)
})

test('a batch that arrives twice is taken once, refused or not (SPEC R11, R12)', async t => {
  let [calls, counted] = [0, 0]
  const { time, forwarder } = forwarding(() => {
    if (++calls % 2 === 1) return Promise.reject(new UnavailableError('not held here yet'))
    counted++
    return Promise.resolve(true)
  }, { duplicate: 1 })
  for (let i = 0; i < 20; i++) await time.wait(forwarder.submit(0, increment, 'buffered', 5000))
  await time.advance(1000)
  t.deepEqual([calls, counted], [40, 20])
})

test('a write refused as too far ahead is not taken by a later copy of it (SPEC R12)', async t => {
  let taken = 0
  const clock = { skewMs: -120_000 }
  const { time, nowMs, forwarder } = forwarding(() => {
    taken++
    return Promise.resolve(true)
  }, { duplicate: 1, clock })
  const version = nowMs * 1000
  const refused = t.throwsAsync(
    forwarder.submit(0, { key: 'k', version, stamp: version, fields: { n: 1 } }, 'buffered', 5000),
    {
      code: 'VERSION_IN_FUTURE',
      message: /the clock of its writer is [\d.]+ s ahead of the clock of this process/
    }
  )
  await time.wait(refused.then(() => {
    clock.skewMs = 0
  }))
  await time.advance(1000)
  t.is(taken, 0)
})

test('a batch for an earlier life of its owner is left alone as uncertain (SPEC R11)', async t => {
  let taken = 0
  const { time, forwarder } = forwarding(() => {
    taken++
    return Promise.resolve(true)
  }, { life: 2 })
  await time.wait(
    t.throwsAsync(forwarder.submit(0, increment, 'buffered', 100), { code: 'OUTCOME_UNKNOWN' })
  )
  t.is(taken, 0)
})

test('a write ends when its time is up, though its owner is silent (SPEC K1)', async t => {
  const { time, forwarder } = forwarding(() => new Promise(() => {}))
  const begunMs = time.nowMs
  for (const concern of ['buffered', 'durable', 'all'] as const) {
    const late = forwarder.submit(0, put, concern, 300)
    t.like(await time.wait(t.throwsAsync(late)), { code: 'TIMEOUT', changed: 'maybe' })
  }
  t.is(time.nowMs - begunMs, 900)
})

test('a silent owner leaves the next one its part of the time (SPEC K1)', async t => {
  const { time, forwarder, silent } = forwarding(() => Promise.resolve(true), {
    holders: ['silent', 'owner']
  })
  const begunMs = time.nowMs
  await time.wait(forwarder.submit(0, put, 'buffered', 600))
  t.is(silent(), 1)
  t.true(time.nowMs - begunMs < 600)
})

test('an increment that nobody is there to take has changed nothing (SPEC K3)', async t => {
  const { time, forwarder } = forwarding(() => Promise.resolve(true), { holders: [] })
  const begunMs = time.nowMs
  const error = await time.wait(
    t.throwsAsync(forwarder.submit(0, increment, 'buffered', 300), {
      code: 'TIMEOUT',
      message: /no node that holds/
    })
  )
  t.like(error, { changed: 'no' })
  t.is(time.nowMs - begunMs, 300)
})

test('the replicas get less time than the writer has, so that it hears how far it got', async t => {
  const { time, forwarder } = forwarding((_, timeoutMs) =>
    new Promise((_resolve, reject) => {
      time.ports('owner').timers.after(
        timeoutMs,
        () => reject(new WriteConcernError('all', 1, 3, timeoutMs))
      )
    })
  )
  t.like(await time.wait(t.throwsAsync(forwarder.submit(0, put, 'all', 300))), {
    code: 'WRITE_CONCERN',
    timeoutMs: 300
  })
})

test('a writer that never pauses does not put the sending of its writes off', async t => {
  const armed: number[] = []
  const time = new VirtualTime(1)
  const ports = time.ports('both')
  const network = new InProcessNetwork({ limits, ...ports })
  const timers = {
    after: (delayMs: number, fn: () => void) => {
      armed.push(delayMs)
      return time.ports('forwarder').timers.after(delayMs, fn)
    }
  }
  const forwarder = new WriteForwarder(
    {
      cache: 'prices',
      limits: limitsWith({ maxWritesPerBatch: 4 }),
      timing: timingWith({ requestTimeoutMs: 1000 }),
      ports: { ...ports, timers },
      messenger: new Messenger({
        transport: network.connect('w'),
        ports,
        limits,
        onEvent: () => {}
      }),
      subjects: subjectsOf('test'),
      onEvent: () => {}
    },
    { topology, holders: () => [], onLeft: () => {} } as unknown as Router,
    new HybridClock(
      ports.clock,
      limits
    ),
    1
  )
  for (let i = 0; i < 50; i++) forwarder.submit(0, increment, 'buffered', 1000).catch(() => {})
  t.deepEqual(armed, [1000, 2, 0])
  forwarder.close()
  await time.advance(10)
})

test('a write that failed here says so when it cannot be sent elsewhere either (SPEC K4)', t => {
  const { forwarder } = forwarding(async () => true)
  const triedHere = new StoreError('the disk is full')
  while (forwarder.onTheirWay < limits.maxWritesInFlight) {
    void forwarder.submit(0, put, 'durable', 1000).catch(() => {})
  }
  const submit = (options: object) => () => forwarder.submit(0, put, 'durable', 1000, options)
  t.throws(submit({}), { instanceOf: BusyError })
  t.is(t.throws(submit({ triedHere })), triedHere)
  forwarder.close()
  t.throws(submit({}), { instanceOf: ClosedError })
  t.is(t.throws(submit({ triedHere })), triedHere)
})

test('a write that was overtaken is dated above what stands there, and sent again', async t => {
  const taken: Write[] = []
  const asked: number[] = []
  const { time, nowMs, forwarder } = forwarding(write => {
    taken.push(write)
    return Promise.resolve(true)
  }, {
    above: ({ version }) => {
      asked.push(version)
      return version < standing ? standing : 0
    }
  })
  const standing = (nowMs + 30_000) * 1000
  await time.wait(forwarder.submit(0, put, 'majority', 5000))
  t.deepEqual(asked, [1, standing + 1])
  t.deepEqual(taken, [{ ...put, version: standing + 1, stamp: standing + 1 }])
  const dated = { ...put, stamp: 2 }
  await time.wait(forwarder.submit(0, dated, 'buffered', 5000))
  t.deepEqual(taken.slice(1), [dated], 'an event time is taken as it is (SPEC T2)')
  await time.wait(forwarder.submit(
    0,
    { ...increment, entered: { writer: 1, sequence: 5 } },
    'buffered',
    5000
  ))
  t.like(
    taken[2],
    { version: standing + 2, stamp: standing + 2, entered: { writer: 1, sequence: 5 } },
    'an operation stays the same one (SPEC E9)'
  )
})

test('what stands far in the future is told at once, and nothing changes (SPEC T2)', async t => {
  let taken = 0
  const { time, nowMs, forwarder } = forwarding(() => {
    taken++
    return Promise.resolve(true)
  }, { above: () => (nowMs + 86_400_000) * 1000 })
  const refused = t.throwsAsync(forwarder.submit(0, put, 'buffered', 5000), {
    code: 'SHADOWED',
    message: /^"k": the record has a version [\d.]+ s ahead of the clock of this process;/
  })
  const error = await time.wait(refused) as MillpondError | undefined
  t.is(error?.changed, 'no')
  t.is(taken, 0)
})

test('a signal that throws as it is listened to ends the call before anything is sent', t => {
  const { forwarder, time } = forwarding(() => Promise.resolve(true))
  const signal = {
    aborted: false,
    addEventListener: () => {
      throw new Error('no listeners here')
    },
    removeEventListener: () => {}
  } as unknown as AbortSignal
  const submit = (): unknown => forwarder.submit(0, put, 'buffered', 1000, { signal })
  t.throws(submit, { message: 'no listeners here' })
  t.throws(submit, { message: 'no listeners here' }, 'nor is it taken for listened to')
  t.is(forwarder.onTheirWay, 0)
  t.is(time.pending('writer'), 0)
})
