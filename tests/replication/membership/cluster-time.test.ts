/** The time that nodes agree on, from their heartbeats and the clock of one process. */
import test from 'ava'
import { HybridClock } from '../../../engine/base/hlc.js'
import { limits, limitsWith } from '../../../engine/limits.js'
import { intervals } from '../../../engine/timing.js'
import { ClusterTime } from '../../../replication/membership/cluster-time.js'

const NOW_MS = 1_700_000_000_000

function world ({ self }: { self: string | undefined } = { self: 'a' }) {
  const own = { nowMs: 5, wrongMs: 0, suspendedMs: 0 }
  const clock = {
    wallMs: () => NOW_MS + own.nowMs + own.suspendedMs + own.wrongMs,
    monotonicMs: () => own.nowMs,
    suspendedMs: () => own.suspendedMs
  }
  const time = new ClusterTime({ clock, limits, self })
  return {
    own,
    clock,
    time,
    hear: (id: string, wrongMs = 0) => time.heard(id, { wallMs: NOW_MS + own.nowMs + wrongMs }),
    /** By how much the time is off. */
    off: () => time.nowMs() - NOW_MS - own.nowMs
  }
}

test('a process that hears no other goes by its own clock, whatever it shows (SPEC T3)', t => {
  const { own, time, off } = world()
  t.false(time.isShared)
  for (const wrongMs of [0, 1e9, -1e9]) {
    own.wrongMs = wrongMs
    t.is(off(), wrongMs)
  }
  t.is(time.name, 'the clock of a, which hears no node')
})

test('one clock that is wrong moves nothing, whichever it is (SPEC T3)', t => {
  for (const wrongMs of [86_400_000, -120_000]) {
    const mine = world()
    mine.own.wrongMs = wrongMs
    mine.hear('b')
    mine.hear('c', 3)
    t.true(mine.off() >= 0 && mine.off() <= 3, 'its own')
    const theirs = world()
    theirs.hear('b', wrongMs)
    theirs.hear('c', 3)
    t.true(theirs.off() >= 0 && theirs.off() <= 3, 'of another node')
    t.is(theirs.time.name, 'the median clock of a, b, c')
  }
})

test('of two nodes the earlier clock counts, and a client does not count itself (SPEC T3)', t => {
  for (const wrongMs of [70_000, -70_000]) {
    const node = world()
    node.hear('b', wrongMs)
    t.is(node.off(), Math.min(0, wrongMs))
    const client = world({ self: undefined })
    client.own.wrongMs = -1e9
    client.hear('b', wrongMs)
    t.is(client.off(), wrongMs)
  }
})

test('a heartbeat that was late on its way does not make its clock slow', t => {
  const { hear, off } = world({ self: undefined })
  hear('b')
  hear('b', -5000)
  t.is(off(), 0)
  for (let i = 0; i < intervals.clockBeats; i++) hear('b', -5000)
  t.is(off(), -5000, 'a clock that was set back is followed')
})

test('time goes on between heartbeats, and a clock that was set counts with the next look', t => {
  const { own, time, hear, off } = world()
  hear('b')
  hear('c')
  own.nowMs += 400
  t.is(off(), 0)
  own.wrongMs = 1e9
  time.look()
  t.is(off(), 0)
})

test('a node that has left counts for a while, and not for ever (SPEC T3)', t => {
  const { own, time, hear, off } = world()
  own.wrongMs = 1e9
  hear('b')
  hear('c')
  own.nowMs += intervals.silentClockMs
  time.look()
  t.is(off(), 0, 'cut off, it does not begin to go by its own clock')
  own.nowMs += 1
  time.look()
  t.false(time.isShared)
  t.is(off(), 1e9)
})

test('no more clocks are kept than there are members, and few are named', t => {
  const { clock } = world()
  const time = new ClusterTime({ clock, limits: limitsWith({ maxMembers: 12 }), self: 'a' })
  for (let i = 0; i < 20; i++) time.heard(`n${i}`, { wallMs: NOW_MS })
  time.heard('old release', {})
  t.is(time.name, 'the median clock of a, n0, n1, n10, n11, n2, n3, n4 and 5 more')
})

test('a clock that is ahead of the others dates no write, and says by how much (SPEC T4)', t => {
  const { own, clock, time, hear } = world()
  const versions = new HybridClock(clock, limits, time)
  own.wrongMs = 86_400_000
  const alone = versions.next()
  t.true(alone > NOW_MS * 1000 + 86_399e6, 'alone it goes by itself')
  hear('b')
  hear('c')
  for (let i = 0; i < 2; i++) {
    t.throws(() => versions.next(), {
      code: 'VERSION_IN_FUTURE',
      message: /^the clock of a is 86400 s ahead of the median clock of a, b, c, so it dates/
    })
  }
  t.throws(() => versions.versionAt(clock.wallMs()), {
    code: 'VERSION_IN_FUTURE',
    message: /lies 86400 s in the future.*the clock of a is 86400 s ahead of it, too$/
  })
  const stamps = Array.from({ length: 5 }, () => versions.stamp())
  t.deepEqual(stamps.filter(stamp => stamp > versions.horizon()), [], 'they are taken elsewhere')
  t.deepEqual(stamps.filter((stamp, i) => stamp <= (stamps[i - 1] ?? 0)), [], 'in order (SPEC E10)')
  t.is(versions.versionAt(NOW_MS), NOW_MS * 1000)
  own.wrongMs = 0
  t.true(versions.next() <= versions.horizon(), 'set right it dates again, at once')
})

test('a clock that is behind dates writes as the others would (SPEC T2)', t => {
  const { own, clock, time, hear } = world()
  const versions = new HybridClock(clock, limits, time)
  own.wrongMs = -120_000
  hear('b')
  hear('c')
  const first = versions.next()
  t.is(first, (NOW_MS + own.nowMs) * 1000)
  own.wrongMs = -240_000
  t.is(versions.next(), first + 1)
  t.is(versions.stamp(), first + 2)
  own.wrongMs = 30_000
  t.is(versions.next(), first + 30_000_000, 'its own date counts where that is later')
})

test('a clock that is just within the horizon gives no version twice', t => {
  const { own, clock, time, hear } = world()
  const versions = new HybridClock(clock, limits, time)
  own.wrongMs = limits.maxFutureMs
  hear('b')
  hear('c')
  const given = Array.from({ length: 50 }, () => versions.next())
  t.deepEqual(given.filter((version, i) => version <= (given[i - 1] ?? 0)), [])
})

test('a process that was suspended for two hours knows the time before it is told (SPEC T1)', t => {
  const { own, clock, time, hear } = world()
  const versions = new HybridClock(clock, limits, time)
  hear('b')
  hear('c')
  own.suspendedMs = 7_200_000
  for (const look of [() => {}, () => time.look()]) {
    look()
    t.true(time.isShared)
    t.is(time.nowMs(), clock.wallMs())
    t.is(versions.versionAt(new Date(clock.wallMs())), clock.wallMs() * 1000)
    t.true(versions.next() >= clock.wallMs() * 1000)
  }
})

test('a client goes by what the nodes take the time to be, nodes by their clocks (SPEC T3)', t => {
  for (const self of [undefined, 'a']) {
    const { own, time, off } = world({ self })
    const nowMs = NOW_MS + own.nowMs
    time.heard('slow', { wallMs: nowMs - 120_000, timeMs: nowMs })
    t.is(off(), self === undefined ? 0 : -120_000)
    t.is(time.name, self === undefined ? 'the time of slow' : 'the median clock of a, slow')
  }
})
