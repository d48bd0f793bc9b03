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
