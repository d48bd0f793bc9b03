/** When a cache is flushed: once for all that waits, later under load, and not after the end. */
import test from 'ava'
import { intervals } from '../../../engine/timing.js'
import { FlushSchedule } from '../../../replication/deltas/flush-schedule.js'
import { timingWith } from '../../support/timing.js'
import { VirtualTime } from '../../support/virtual-time.js'

/** `work` is called at each flush; it returns how long the flush takes. */
function scheduled (work: (flushes: FlushSchedule) => number = () => 0) {
  const time = new VirtualTime(1)
  const ports = time.ports('node')
  const flushedMs: number[] = []
  let tookMs = 0
  const clock = { ...ports.clock, monotonicMs: () => time.nowMs + tookMs }
  const flushes = new FlushSchedule(
    { ports: { ...ports, clock }, timing: timingWith({ flushIntervalMs: 5 }) },
    () => {
      flushedMs.push(time.nowMs)
      tookMs = 0
      tookMs = work(flushes)
      return true
    }
  )
  return { time, flushes, flushedMs }
}

test('everything that waits is flushed at once, one interval after the first', async t => {
  const { time, flushes, flushedMs } = scheduled()
  for (let i = 0; i < 3; i++) flushes.soon()
  await time.advance(100)
  t.deepEqual(flushedMs, [5])
  flushes.soon()
  flushes.now()
  await time.advance(100)
  t.deepEqual(flushedMs, [5, 100])
})

test('the longer a flush takes, the longer the next one is put off, within bounds', async t => {
  for (const tookMs of [0, 2, 1000]) {
    const { time, flushes, flushedMs } = scheduled(() => tookMs)
    flushes.soon()
    await time.advance(5)
    flushes.soon()
    await time.advance(1000)
    const rest = Math.min(intervals.maxFlushRestMs, tookMs * intervals.flushRestFactor)
    t.deepEqual(flushedMs, [5, 5 + Math.max(5, rest)])
  }
})

test('a flush that is under way says so, and also when it fails it ends', t => {
  const seen: boolean[] = []
  const { flushes } = scheduled(mine => {
    seen.push(mine.running)
    throw new Error('planned')
  })
  t.throws(() => flushes.now(), { message: 'planned' })
  t.deepEqual([...seen, flushes.running], [true, false])
})

test('after the end nothing is flushed by itself', async t => {
  const { time, flushes, flushedMs } = scheduled()
  flushes.soon()
  flushes.close()
  flushes.soon()
  await time.advance(100)
  t.deepEqual(flushedMs, [])
})

test('a long flush gives way when the turn is over, and goes on in the next (SPEC B6)', async t => {
  const time = new VirtualTime(1)
  const ports = time.ports('node')
  let workedMs = 0
  const clock = { ...ports.clock, monotonicMs: () => time.nowMs + workedMs }
  const order: string[] = []
  let left = 25
  const flushes = new FlushSchedule(
    { ports: { ...ports, clock }, timing: timingWith({ flushIntervalMs: 5 }) },
    isOver => {
      order.push(`flush ${left}`)
      while (left > 0) {
        left--
        workedMs++
        if (left > 0 && isOver()) return false
      }
      return true
    }
  )
  flushes.soon()
  t.is(flushes.dueMs, 5)
  ports.timers.after(5, () => order.push('another timer'))
  await time.advance(5)
  t.deepEqual(order, ['flush 25', 'another timer', 'flush 14', 'flush 3'])
  t.is(flushes.dueMs, Infinity)
  left = 25
  flushes.now()
  t.deepEqual(order.slice(4), ['flush 25'], 'whole, for a caller that waits for it')
  flushes.soon()
  t.is(flushes.dueMs, clock.monotonicMs() + intervals.maxFlushRestMs, 'all its turns count')
})
