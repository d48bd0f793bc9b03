/** Times that are up, of many things at once. */
import test from 'ava'
import { Deadlines } from '../../../engine/calls/deadlines.js'
import { VirtualTime } from '../../support/virtual-time.js'

function open () {
  const time = new VirtualTime(1)
  const ports = time.ports('writer')
  let armed = 0
  const deadlines = new Deadlines({
    clock: ports.clock,
    timers: {
      after: (delayMs, fn) => {
        armed++
        return ports.timers.after(delayMs, fn)
      }
    }
  })
  return { time, deadlines, armed: () => armed }
}

test('each deadline expires once, in its own time', async t => {
  const { time, deadlines } = open()
  const expired: string[] = []
  deadlines.after(100, () => expired.push('a'))
  deadlines.after(30, () => expired.push('short'))
  await time.advance(50)
  t.deepEqual(expired, ['short'])
  deadlines.after(100, () => expired.push('b'))
  await time.advance(51)
  t.deepEqual(expired, ['short', 'a'])
  await time.advance(200)
  t.deepEqual(expired, ['short', 'a', 'b'])
})

test('a deadline that was taken away does not expire, and those behind it do', async t => {
  const { time, deadlines } = open()
  const expired: string[] = []
  const forget = deadlines.after(100, () => expired.push('a'))
  await time.advance(40)
  deadlines.after(100, () => expired.push('b'))
  forget()
  forget()
  await time.advance(300)
  t.deepEqual(expired, ['b'])
})

test('many deadlines of one length share a timer', async t => {
  const { time, deadlines, armed } = open()
  let expired = 0
  for (let i = 0; i < 1000; i++) deadlines.after(100, () => expired++)
  t.is(armed(), 1)
  await time.advance(101)
  t.is(expired, 1000)
})
