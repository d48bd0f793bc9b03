/** The queue of events under every simulated world. */
import test from 'ava'
import { Scheduler } from '../../../sim/world/scheduler.js'

const scheduler = (): Scheduler => new Scheduler({ onEvent: () => {}, afterEvent: () => {} })

test('events run in order of time, then of scheduling, and cancelled ones do not run', async t => {
  const world = scheduler()
  const ran: string[] = []
  const at = (ms: number, name: string) =>
    world.at(ms, name, () => {
      ran.push(`${name} ${world.nowMs}`)
    })
  at(20, 'c')
  at(10, 'a')
  at(10, 'b')
  at(15, 'never').cancel()
  world.at(20, 'late', () => {
    at(5, 'd')
  }) // what is scheduled for the past happens now
  await world.run(() => false)
  t.deepEqual(ran, ['a 10', 'b 10', 'c 20', 'd 20'])
  t.is(world.count, 5)
})

test('all that an event promised has settled before the next one', async t => {
  const world = scheduler()
  const order: string[] = []
  world.at(1, 'first', () => {
    void (async () => {
      for (let i = 0; i < 10; i++) await Promise.resolve()
      order.push('promised')
    })()
  })
  world.at(1, 'second', () => {
    order.push('second')
  })
  await world.run(() => false)
  t.deepEqual(order, ['promised', 'second'])
})

test('a world in which time stands still comes to an end', async t => {
  const world = scheduler()
  const again = (): void => {
    world.after(0, 'poll', again)
  }
  world.at(7, 'poll', again)
  await t.throwsAsync(world.run(() => false), {
    message: 'time stands still at 7 virtual ms, where "poll" happens again and again'
  })
})
