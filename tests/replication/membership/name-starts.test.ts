/** Which of two processes under one name gives way, and what a newcomer is told of the former. */
import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { memberOf } from '../../../replication/membership/heartbeat.js'
import { beginsMs, NameStarts } from '../../../replication/membership/name-starts.js'
import { OwnName } from '../../../replication/membership/own-name.js'

const member = (id: string, beganMs: number | undefined, incarnation = 1) =>
  memberOf(id, { incarnation, beganMs, leaving: false, weight: 1, caches: {} }, 0)

function startsOf (bounds: Partial<Record<'maxSilentNames' | 'maxNamesTold', number>> = {}) {
  const clock = { nowMs: 0 }
  const starts = new NameStarts({
    clock: { monotonicMs: () => clock.nowMs, wallMs: () => 0 },
    limits: { ...limits, ...bounds }
  })
  return { clock, starts }
}
const nobody = new Map()

/** Which of two processes give way, by their starts: each hears two heartbeats of the other. */
function givesWay (a: readonly [number, number], b: readonly [number, number]): string[] {
  const gone: string[] = []
  for (const [name, mine, other] of [['a', a, b], ['b', b, a]] as const) {
    const own = new OwnName({ id: 'x', incarnation: mine[1] }, () => {}, () => gone.push(name))
    own.begins(mine[0])
    own.heardBeat({ beganMs: other[0], incarnation: other[1] })
    if (gone.includes(name)) throw new Error('a single heartbeat may be of a life that has ended')
    own.heardBeat({ beganMs: other[0], incarnation: other[1] })
  }
  return gone
}

test('the earlier one gives way at the second heartbeat, and of equal ones one (SPEC R17)', t => {
  t.deepEqual(givesWay([100, 9], [101, 1]), ['a'])
  t.deepEqual(givesWay([101, 1], [100, 9]), ['b'])
  t.deepEqual(givesWay([100, 1], [100, 9]), ['a'], 'the smaller incarnation')
  t.deepEqual(givesWay([100, 9], [100, 1]), ['b'])
})

test('a node begins by its own clock, or after the last process of its name (SPEC R17)', t => {
  t.is(beginsMs(500, undefined), 500)
  t.is(beginsMs(500, 100), 500)
  t.is(beginsMs(500, 500), 501)
  t.is(beginsMs(500, 60_500), 60_501)
})

test('a newcomer is told when the last process of its name began (SPEC R17)', t => {
  const { clock, starts } = startsOf()
  t.is(starts.told(nobody, 100), undefined)
  starts.fellSilent(member('x', 700))
  starts.fellSilent(member('old', undefined))
  t.is(starts.told(nobody, 100), undefined, 'nobody asked')
  for (const id of ['x', 'old', 'new']) starts.greeted({ id, incarnation: 2 }, nobody)
  t.deepEqual(starts.told(nobody, 100), { x: 700 })
  clock.nowMs = 101
  t.is(starts.told(nobody, 100), undefined, 'it has joined by then')
  const inView = new Map([['y', member('y', 900)]])
  starts.greeted({ id: 'y', incarnation: 1 }, inView)
  t.is(starts.told(inView, 100), undefined, 'the same process, which connects anew')
  starts.greeted({ id: 'y', incarnation: 2 }, inView)
  t.deepEqual(starts.told(inView, 100), { y: 900 })
})

test('a name that fell silent twice began as late as it ever did (SPEC R17)', t => {
  const { starts } = startsOf()
  starts.fellSilent(member('x', 700))
  starts.fellSilent(member('x', 300, 2))
  starts.greeted({ id: 'x', incarnation: 3 }, nobody)
  t.deepEqual(starts.told(nobody, 100), { x: 700 })
})

test('names that are remembered and told have a bound; the oldest go (SPEC B1)', t => {
  const { starts } = startsOf({ maxSilentNames: 2, maxNamesTold: 1 })
  for (const id of ['x', 'y', 'z']) starts.fellSilent(member(id, 7))
  for (const id of ['z', 'y', 'x']) starts.greeted({ id, incarnation: 2 }, nobody)
  t.deepEqual(starts.told(nobody, 100), { y: 7 }, 'x is forgotten, z makes room')
})
