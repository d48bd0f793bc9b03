/** Many events are told as one number a second, and none of them is lost. */
import test from 'ava'
import { Tally } from '../../../engine/base/tally.js'
import { VirtualTime } from '../../support/virtual-time.js'

test('events of one second are told together, those of the next ones apart', async t => {
  const time = new VirtualTime(1)
  const told: Array<[atMs: number, count: number]> = []
  const ports = time.ports('tally')
  const startMs = ports.clock.monotonicMs()
  const tally = new Tally(ports.timers, count => {
    told.push([Math.round(ports.clock.monotonicMs() - startMs), count])
  })
  for (let i = 0; i < 1000; i++) tally.add()
  t.deepEqual(told, [])
  await time.advance(1500)
  t.deepEqual(told, [[1000, 1000]])
  await time.advance(5000)
  t.is(told.length, 1, 'nothing is told of nothing')
  tally.add()
  await time.advance(1001)
  t.deepEqual(told.map(([, count]) => count), [1000, 1])
})

test('what was not told is told at the end, and nothing after it', async t => {
  const time = new VirtualTime(1)
  const told: number[] = []
  const tally = new Tally(time.ports('tally').timers, count => {
    told.push(count)
  })
  tally.add()
  tally.add()
  tally.close()
  tally.add()
  tally.close()
  await time.advance(2000)
  t.deepEqual(told, [2])
})
