/** Acks: who is told when, what was reached, and what is bounded. */
import test from 'ava'
import type { WriteConcernError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { Acks, replicasNeeded } from '../../../replication/deltas/acks.js'
import { VirtualTime } from '../../support/virtual-time.js'

function open () {
  const time = new VirtualTime(1)
  const acks = new Acks({ ports: time.ports('node'), limits })
  const settled: string[] = []
  const wait = (name: string, group: number, needed: number, timeoutMs = 1000): void => {
    acks.confirmed(group, needed, needed, timeoutMs).then(
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

test('each write concern needs its number of replicas', t => {
  t.deepEqual(
    (['buffered', 'durable', 'majority', 'all', 1, 2, 3] as const).map(concern =>
      replicasNeeded(concern, 3)
    ),
    [1, 1, 2, 3, 1, 2, 3]
  )
  t.deepEqual([1, 2, 3, 4, 5].map(replicas => replicasNeeded('majority', replicas)), [1, 2, 2, 3,
    3])
  for (const concern of [0, 4, 1.5, NaN, -1]) {
    t.throws(() => replicasNeeded(concern, 3), {
      code: 'CONFIG_INVALID',
      message: new RegExp(String(concern))
    })
  }
})

test('one confirmation of a later batch serves every writer before it, and none after', async t => {
  const { acks, wait, take } = open()
  wait('first', 0, 2)
  acks.published(0, 1)
  wait('second', 0, 2)
  acks.published(0, 2)
  wait('third', 0, 2)
  acks.published(0, 3)
  wait('unpublished', 0, 2)
  t.deepEqual([...acks.groupsWaiting()], [0])
  acks.confirm('b', 0, 2)
  t.deepEqual(await take(), ['first done', 'second done'])
  acks.confirm('b', 0, 9)
  t.deepEqual(await take(), ['third done'])
  acks.close()
  t.deepEqual(await take(), ['unpublished WRITE_CONCERN 1'])
})

test('the same receiver counts once, whatever it repeats, and other groups do not', async t => {
  const { acks, wait, take, time } = open()
  wait('w', 0, 3)
  acks.published(0, 1)
  acks.confirm('b', 0, 1)
  acks.confirm('b', 0, 1)
  acks.confirm('c', 1, 1)
  acks.confirm('c', 0, 0)
  t.deepEqual(await take(), [])
  await time.advance(1000)
  t.deepEqual(await take(), ['w WRITE_CONCERN 2'])
  acks.confirm('c', 0, 1)
  t.deepEqual(await take(), [])
  t.is(time.pending('node'), 0)
})

test('waiters are bounded, and whoever left makes room', async t => {
  const { acks, time } = open()
  const waiting = Array.from(
    { length: limits.maxAckWaiters },
    () => acks.confirmed(0, 'all', 2, 10).catch(() => {})
  )
  t.throws(() => acks.assertRoom(), { code: 'TOO_BUSY' })
  await t.throwsAsync(acks.confirmed(0, 'all', 2, 10), { code: 'TOO_BUSY' })
  acks.published(0, 1)
  acks.confirm('b', 0, 1)
  await time.wait(Promise.all(waiting))
  t.notThrows(() => acks.assertRoom())
})
