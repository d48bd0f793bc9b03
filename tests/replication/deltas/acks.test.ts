/** Acks: who is told when, what was reached, and what is bounded. */
import test from 'ava'
import type { WriteConcernError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { Acks } from '../../../replication/deltas/acks.js'
import type { WriteConcern } from '../../../replication/deltas/write-concern.js'
import { VirtualTime } from '../../support/virtual-time.js'

function open () {
  const time = new VirtualTime(1)
  const acks = new Acks({
    ports: time.ports('node'),
    limits,
    shape: { shards: 4, groups: 2, replicas: 3 }
  })
  const settled: string[] = []
  const wait = (name: string, group: number, concern: WriteConcern, timeoutMs = 1000): void => {
    acks.confirmed(group, concern, timeoutMs).then(
      () => settled.push(`${name} done`),
      (error: unknown) => {
        const { code, reached } = error as WriteConcernError
        settled.push(`${name} ${code} ${reached}`)
      }
    )
  }
  const take = async (): Promise<string[]> => {
    await time.advance(0)
    return settled.splice(0)
  }
  return { time, acks, wait, take }
}

test('one confirmation of a later batch serves every writer before it, and none after', async t => {
  const { acks, wait, take } = open()
  wait('first', 0, 2)
  acks.published(0, 1)
  wait('second', 0, 2)
  acks.published(0, 2)
  wait('third', 0, 2)
  acks.published(0, 3)
  wait('unpublished', 0, 2)
  t.deepEqual([...acks.groupsWaiting()], [{ group: 0, isDurable: false }])
  acks.confirm('b', 0, 2, false)
  t.deepEqual(await take(), ['first done', 'second done'])
  acks.confirm('b', 0, 9, false)
  t.deepEqual(await take(), ['third done'])
  acks.close()
  t.deepEqual(await take(), ['unpublished WRITE_CONCERN 1'])
})

test('stores alone serve a writer who waits for stores, and the others too', async t => {
  const { acks, wait, take } = open()
  wait('memory', 0, 2)
  wait('stores', 0, { durable: 2 })
  wait('all stores', 0, { durable: 'all' })
  t.deepEqual([...acks.groupsWaiting()], [{ group: 0, isDurable: true }])
  acks.published(0, 1)
  acks.confirm('b', 0, 1, false)
  t.deepEqual(await take(), ['memory done'])
  acks.confirm('b', 0, 1, true)
  t.deepEqual(await take(), ['stores done'])
  acks.confirm('c', 0, 1, false)
  t.deepEqual(await take(), [])
  acks.close()
  t.deepEqual(await take(), ['all stores WRITE_CONCERN 2'])
})

test('the same receiver counts once, whatever it repeats, and other groups do not', async t => {
  const { acks, wait, take, time } = open()
  wait('w', 0, 3)
  acks.published(0, 1)
  acks.confirm('b', 0, 1, false)
  acks.confirm('b', 0, 1, false)
  acks.confirm('c', 1, 1, false)
  acks.confirm('c', 0, 0, false)
  t.deepEqual(await take(), [])
  await time.advance(1000)
  t.deepEqual(await take(), ['w WRITE_CONCERN 2'])
  acks.confirm('c', 0, 1, false)
  t.deepEqual(await take(), [])
  t.is(time.pending('node'), 0)
})

test('waiters are bounded, and whoever left makes room', async t => {
  const { acks, time } = open()
  const waiting = Array.from(
    { length: limits.maxAckWaiters },
    () => acks.confirmed(0, 2, 10).catch(() => {})
  )
  t.throws(() => acks.assertRoom(), { code: 'TOO_BUSY' })
  await t.throwsAsync(acks.confirmed(0, 2, 10), { code: 'TOO_BUSY' })
  acks.published(0, 1)
  acks.confirm('b', 0, 1, false)
  await time.wait(Promise.all(waiting))
  t.notThrows(() => acks.assertRoom())
})
