/** The time that whole clusters of tests run on. */
import test from 'ava'
import { VirtualTime } from './virtual-time.js'

test('virtual time that stands still fails the test instead of keeping it for ever', async t => {
  const time = new VirtualTime(1)
  const { timers } = time.ports('spinner')
  const again = (): void => {
    timers.after(0, again)
  }
  timers.after(3, again)
  await t.throwsAsync(time.advance(10), {
    message: /time stands still at 3 virtual ms, where spinner sets one timer after the other/
  })
})

test('many timers of different moments are no loop', async t => {
  const time = new VirtualTime(1)
  const { timers } = time.ports('walker')
  let fired = 0
  const again = (): void => {
    if (++fired < 20_000) timers.after(0.01, again)
  }
  again()
  await time.advance(1000)
  t.is(fired, 20_000)
})
