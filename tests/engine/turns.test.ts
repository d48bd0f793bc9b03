import test from 'ava'
import { intervals } from '../../engine/timing.js'
import { Turns, turnsOf } from '../../engine/turns.js'
import type { Ports, Random } from '../../engine/ports.js'
import { VirtualTime } from '../support/virtual-time.js'

/** Ports whose clock goes on only as work says, and whose timers fire only when the loop turns. */
function loop () {
  const waiting: Array<() => void> = []
  let nowMs = 0
  const ports = {
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    timers: {
      after: (_: number, fn: () => void) => {
        waiting.push(fn)
        return { cancel: () => {} }
      }
    }
  }
  return {
    ports,
    work: (ms: number) => {
      nowMs += ms
    },
    turn: () => {
      for (const fn of waiting.splice(0)) fn()
    },
    timers: () => waiting.length
  }
}

const settled = (): Promise<void> =>
  new Promise(resolve => {
    setImmediate(resolve)
  })

test('a turn is over once its work has taken the budget, and then begins anew (SPEC B6)', t => {
  const { ports, work, turn, timers } = loop()
  const turns = new Turns(ports)
  work(1000) // of others, before anything asked
  t.false(turns.isOver())
  work(intervals.turnBudgetMs - 1)
  t.false(turns.isOver())
  work(1)
  t.true(turns.isOver())
  t.is(timers(), 1, 'one timer for each turn, however often it is asked')
  turn()
  t.false(turns.isOver())
})

test('a turn is over when a timer that must not be late is due (SPEC B6)', t => {
  const { ports, work } = loop()
  const turns = new Turns(ports)
  t.false(turns.isOver(5))
  work(5)
  t.true(turns.isOver(5))
  t.false(turns.isOver())
})

test('small pieces look at the clock now and then, and see that the turn is over', t => {
  const { ports, work } = loop()
  const turns = new Turns(ports)
  const ask = () => Array.from({ length: 100 }, () => turns.isOverAtLast()).filter(Boolean).length
  t.is(ask(), 0)
  work(intervals.turnBudgetMs)
  t.true(ask() > 0)
})

test('those that wait go on in their order, as many in one turn as there is room for', async t => {
  const { ports, work, turn } = loop()
  const turns = new Turns(ports)
  const done: number[] = []
  const pieces = Array.from({ length: 5 }, (_, i) =>
    turns.run(() => {
      work(intervals.turnBudgetMs / 2)
      done.push(i)
    }))
  await settled()
  t.deepEqual(done, [0, 1])
  turn()
  await settled()
  t.deepEqual(done, [0, 1, 2, 3])
  turn()
  await Promise.all(pieces)
  t.deepEqual(done, [0, 1, 2, 3, 4])
})

test('all work of one event loop shares its turns', t => {
  const { ports } = loop()
  t.is(turnsOf(ports), turnsOf(ports))
  t.not(turnsOf(ports), turnsOf(loop().ports))
})

test('on simulated time timers fire between pieces of a long loop (SPEC B6)', async t => {
  const time = new VirtualTime(1)
  const ports = time.ports('a')
  let workMs = 0 // the loop works for so long beyond the simulated time
  const busy: Pick<Ports, 'clock' | 'timers'> & { readonly random?: Random } = {
    clock: { ...ports.clock, monotonicMs: () => time.nowMs + workMs },
    timers: ports.timers
  }
  const turns = turnsOf(busy)
  let beats = 0
  const beat = (): void => {
    beats++
    ports.timers.after(0, beat)
  }
  beat()
  const long = (async () => {
    for (let i = 0; i < 1000; i++) await turns.run(() => workMs++)
  })()
  await time.wait(long)
  t.true(beats >= 1000 / intervals.turnBudgetMs - 1, `${beats} beats`)
})
