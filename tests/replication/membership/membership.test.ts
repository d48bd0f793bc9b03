/** Membership: who joins, who leaves and why, and what one node hears of its own name. */
import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { intervals } from '../../../engine/timing.js'
import type { ReplicationEvent } from '../../../replication/events.js'
import { NO_FAULTS } from '../../../replication/transport/in-process/faults.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { Membership } from '../../../replication/membership/membership.js'
import { Messenger } from '../../../replication/messages/messenger.js'
import { subjectsOf } from '../../../replication/messages/subjects.js'
import { timingWith } from '../../support/timing.js'
import { VirtualTime } from '../../support/virtual-time.js'

const subjects = subjectsOf('unit')
const timing = timingWith({ heartbeatMs: 100, failureTimeoutMs: 400 })

function world (seed = 1) {
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const events: string[] = []
  const open = (connection: string, id: string | undefined, incarnation = 1) => {
    const ports = time.ports(connection)
    const onEvent = (event: ReplicationEvent): void => {
      if (event.type === 'member-joined') {
        events.push(`${connection}: ${event.node} ${event.incarnation} joined`)
      } else if (event.type === 'member-left') {
        events.push(`${connection}: ${event.node} ${event.incarnation} left, ${event.why}`)
      } else if (event.type === 'name-taken') {
        events.push(`${connection}: ${event.node} taken by ${event.incarnation}`)
      } else events.push(event.type)
    }
    const transport = network.connect(connection)
    const messenger = new Messenger({ transport, ports, limits, onEvent })
    const context = { limits, timing, messenger, subjects, ports, onEvent }
    const membership = new Membership(
      context,
      id === undefined ? { paceFloor: { heartbeatMs: 0, failureTimeoutMs: 0 } } : {
        id,
        incarnation,
        describe: () => ({
          weight: 2,
          zone: 'z',
          caches: {
            prices: {
              shards: 4,
              groups: 2,
              replicas: 2,
              held: [[0, 7, 'root', 'cursors', 'ready']]
            }
          }
        })
      }
    )
    return { membership, messenger }
  }
  const take = (): string[] => events.splice(0).sort()
  return { time, network, open, take }
}

test('nodes learn of each other, and of what they hold, within a heartbeat', async t => {
  const { time, open, take } = world()
  const [a, b] = [open('a', 'a'), open('b', 'b', 2)]
  a.membership.start()
  b.membership.start()
  await time.advance(20)
  t.deepEqual(take(), ['a: b 2 joined', 'b: a 1 joined'])
  t.like(a.membership.members.get('b'), { id: 'b', incarnation: 2, weight: 2, zone: 'z' })
  t.deepEqual(a.membership.members.get('b')?.caches['prices']?.held.get(0), {
    sequence: 7,
    root: 'root',
    cursorRoot: 'cursors',
    phase: 'ready'
  })
  await time.advance(5000)
  t.deepEqual(take(), [])
})

test('a node that only listens is heard of by nobody, and gets an answer to its hello', async t => {
  const { time, open, take } = world()
  const a = open('a', 'a')
  a.membership.start()
  await time.advance(1030)
  const client = open('client', undefined)
  client.membership.hello()
  await time.advance(15)
  t.deepEqual(take(), ['client: a 1 joined'])
  t.is(a.membership.members.size, 0)
})

for (const apartMs of [0, 30]) {
  const when = apartMs === 0 ? 'at once' : 'one after the other'
  test(`of two processes begun ${when} under one name, the greater learns it is taken`, async t => {
    for (const [first, second] of [[5, 9], [9, 5]] as const) {
      const { time, open, take } = world()
      const one = open('one', 'a', first)
      one.membership.hello()
      await time.advance(apartMs)
      const two = open('two', 'a', second)
      two.membership.hello()
      await time.advance(50)
      t.deepEqual(take(), [`${first > second ? 'one' : 'two'}: a taken by 5`])
      t.deepEqual(
        [one.membership.takenBy, two.membership.takenBy],
        first > second ? [5, undefined] : [undefined, 5]
      )
    }
  })
}

test('a goodbye counts at once, silence after the failure timeout', async t => {
  const { time, network, open, take } = world()
  const nodes = ['a', 'b', 'c'].map((id, i) => open(id, id, i + 1))
  for (const { membership } of nodes) membership.start()
  await time.advance(200)
  take()
  nodes[1]?.membership.close()
  await time.advance(1)
  t.deepEqual(take(), ['a: b 2 left, goodbye', 'c: b 2 left, goodbye'])
  network.kill('c')
  time.kill('c')
  await time.advance(300)
  t.deepEqual(take(), [])
  await time.advance(250)
  t.deepEqual(take(), ['a: c 3 left, silent'])
})

test('a few lost heartbeats do not make a node leave', async t => {
  const { time, network, open, take } = world(7)
  const nodes = ['a', 'b'].map((id, i) => open(id, id, i + 1))
  for (const { membership } of nodes) membership.start()
  await time.advance(200)
  take()
  network.partition('a', 'b')
  await time.advance(290)
  network.heal()
  await time.advance(2000)
  t.deepEqual(take(), [])
})

test('a node that was started again under its name replaces its former life', async t => {
  const { time, network, open, take } = world()
  const a = open('a', 'a')
  a.membership.start()
  open('b', 'b', 2).membership.start()
  await time.advance(200)
  take()
  network.kill('b')
  time.kill('b')
  open('b', 'b', 3).membership.start()
  await time.advance(20)
  t.deepEqual(take(), ['a: b 2 left, replaced', 'a: b 3 joined', 'b: a 1 joined'])
  t.is(a.membership.members.get('b')?.incarnation, 3)
})

// Messages may be delayed and doubled. A life that ended never comes back, whatever still arrives
// of it.
test('a heartbeat that arrives after the goodbye of its life does not revive it', async t => {
  const { time, network, open, take } = world()
  const [a, b] = [open('a', 'a'), open('b', 'b', 2)]
  a.membership.start()
  b.membership.start()
  await time.advance(200)
  take()
  network.setFaults({ delayMs: [50, 50] })
  b.membership.beatSoon()
  await time.advance(15)
  network.setFaults(NO_FAULTS)
  b.membership.close()
  await time.advance(200)
  t.deepEqual(take(), ['a: b 2 left, goodbye'])
})

test('a late heartbeat of a former life does not replace the present one', async t => {
  const { time, open, take } = world()
  const a = open('a', 'a')
  a.membership.start()
  const b = open('b', 'b', 2)
  b.membership.start()
  await time.advance(200)
  take()
  const late = { incarnation: 1, leaving: false, weight: 1, caches: {} }
  a.messenger.send(subjects.heartbeat('c'), 'heartbeat', { ...late, incarnation: 8 })
  a.messenger.send(subjects.heartbeat('c'), 'heartbeat', { ...late, incarnation: 9 })
  a.messenger.send(subjects.heartbeat('c'), 'heartbeat', { ...late, incarnation: 8 })
  await time.advance(50)
  t.deepEqual(take().filter(line => line.startsWith('a:')), ['a: c 8 joined',
    'a: c 8 left, replaced', 'a: c 9 joined'])
})

test('a node that hears another process under its own name says so once', async t => {
  const { time, open, take } = world()
  const [a, twin] = [open('a', 'a', 1), open('twin', 'a', 2)]
  a.membership.start()
  await time.advance(10)
  twin.membership.start()
  await time.advance(500)
  t.deepEqual(take(), ['a: a taken by 2', 'twin: a taken by 1'])
  t.is(a.membership.takenBy, 2)
})

test('a heartbeat that is not shaped as one is refused', async t => {
  const { time, open, take } = world()
  const a = open('a', 'a')
  for (
    const bad of [null, 1, {}, { incarnation: 'x', leaving: false, weight: 1, caches: {} }, {
      incarnation: 1,
      leaving: false,
      weight: 1,
      caches: { p: { shards: 1 } }
    }]
  ) {
    a.messenger.send(subjects.heartbeat('x'), 'heartbeat', bad)
  }
  await time.advance(10)
  t.deepEqual(take(), Array.from({ length: 5 }, () => 'message-refused'))
  t.is(a.membership.members.size, 0)
})

const BEAT = { incarnation: 9, leaving: false, weight: 1, caches: {} }

test('the slowest timing in view counts, until its node has left (SPEC R13)', async t => {
  const { time, open, take } = world()
  const [a, b] = [open('a', 'a'), open('b', 'b', 2)]
  a.membership.start()
  b.membership.start()
  await time.advance(20)
  t.deepEqual(a.membership.pace, { heartbeatMs: 100, failureTimeoutMs: 400 })
  take()
  const beat = { ...BEAT, timing: { heartbeatMs: 300, failureTimeoutMs: 1000 } }
  b.messenger.send(subjects.heartbeat('x'), 'heartbeat', beat)
  await time.advance(900)
  t.deepEqual(a.membership.pace, { heartbeatMs: 300, failureTimeoutMs: 1000 })
  t.deepEqual(take(), ['a: x 9 joined', 'b: x 9 joined', 'timing-differs', 'timing-differs'])
  await time.advance(500)
  t.deepEqual(take(), ['a: x 9 left, silent', 'b: x 9 left, silent', 'timing-agrees',
    'timing-agrees'])
  t.deepEqual(a.membership.pace, { heartbeatMs: 100, failureTimeoutMs: 400 })
})

test('a faster timing than the own changes nothing, and is said to differ (SPEC R13)', async t => {
  const { time, open, take } = world()
  const a = open('a', 'a')
  a.membership.start()
  const beat = { ...BEAT, timing: { heartbeatMs: 20, failureTimeoutMs: 60 } }
  a.messenger.send(subjects.heartbeat('x'), 'heartbeat', beat)
  await time.advance(300)
  t.deepEqual(take(), ['a: x 9 joined', 'timing-differs'])
  t.deepEqual(a.membership.pace, { heartbeatMs: 100, failureTimeoutMs: 400 })
})

test('a heartbeat that is too old to say its timing has that of its reader (SPEC R13)', async t => {
  const { time, open, take } = world()
  const [a, client] = [open('a', 'a'), open('client', undefined)]
  a.messenger.send(subjects.heartbeat('x'), 'heartbeat', BEAT)
  await time.advance(10)
  t.deepEqual(take(), ['a: x 9 joined', 'client: x 9 joined'])
  for (const { membership } of [a, client]) {
    t.deepEqual(membership.pace, { heartbeatMs: 100, failureTimeoutMs: 400 })
  }
})

test('no heartbeat can set a timing that no configuration could (SPEC R13)', async t => {
  const { time, open, take } = world()
  const a = open('a', 'a')
  const absurd = { heartbeatMs: Number.MAX_VALUE, failureTimeoutMs: Infinity }
  a.messenger.send(subjects.heartbeat('x'), 'heartbeat', { ...BEAT, timing: absurd })
  await time.advance(10)
  t.deepEqual(a.membership.pace, { heartbeatMs: 60_000, failureTimeoutMs: 600_000 })
  take()
  for (const bad of [1, {}, { heartbeatMs: NaN, failureTimeoutMs: 1 }, { heartbeatMs: '1' }]) {
    a.messenger.send(subjects.heartbeat('y'), 'heartbeat', { ...BEAT, timing: bad })
  }
  await time.advance(10)
  t.deepEqual(take(), Array.from({ length: 4 }, () => 'message-refused'))
})

for (
  const [what, lives, timings] of [
    ['a node whose timing changes with every heartbeat', 1, [[110, 400], [111, 400]]],
    ['a node that starts again and again with another timing', 100, [[150, 450]]]
  ] as const
) {
  test(`${what} hides no silence, and is told of a few times (SPEC R13)`, async t => {
    const { time, open, take } = world()
    const [a, client] = [open('a', 'a'), open('client', undefined)]
    a.membership.start()
    const beat = (id: string, count: number): void => {
      const [heartbeatMs, failureTimeoutMs] = timings[count % timings.length] ?? [0, 0]
      a.messenger.send(subjects.heartbeat(id), 'heartbeat', {
        ...BEAT,
        incarnation: 9 + count % lives,
        timing: { heartbeatMs, failureTimeoutMs }
      })
    }
    a.messenger.send(subjects.heartbeat('ghost'), 'heartbeat', BEAT)
    for (let count = 0; count < 50; count++) {
      beat('x', count)
      await time.advance(60)
    }
    t.false(a.membership.members.has('ghost'))
    t.false(client.membership.members.has('ghost'))
    const told = take().filter(line => line.startsWith('timing-'))
    t.true(told.length > 0 && told.length <= 2 * intervals.timingToldTimes, told.join())
    await time.advance(2 * intervals.timingToldMs)
    t.like(a.membership.pace, { heartbeatMs: 100, failureTimeoutMs: 400 })
    t.true([...told, ...take()].includes('timing-agrees'), 'the end of it is told, if late')
  })
}

test('a view is of another version when a node joins, leaves, or changes a phase', async t => {
  const { time, open } = world()
  const [a, b] = [open('a', 'a'), open('b', 'b', 2)]
  a.membership.start()
  const alone = a.membership.viewVersion
  b.membership.start()
  await time.advance(20)
  const together = a.membership.viewVersion
  t.true(together > alone)
  await time.advance(1000)
  t.is(a.membership.viewVersion, together)
  b.membership.close()
  await time.advance(20)
  t.true(a.membership.viewVersion > together)
})

test('closing leaves no timer', async t => {
  const { time, open } = world()
  const a = open('a', 'a')
  a.membership.start()
  await time.advance(250)
  a.membership.beatSoon()
  a.membership.close()
  t.is(time.pending('a'), 0)
})
