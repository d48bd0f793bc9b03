/**
 * When replicas drop tombstones: on virtual time, with tombstones that have to be 5 s old and go
 * after a minute in any case.
 */
import test, { type ExecutionContext } from 'ava'
import { limits } from '../../../engine/limits.js'
import { changesSince } from '../../../engine/changes.js'
import { startOf, type Cursor } from '../../../engine/cursor.js'
import { isMute } from '../../../engine/garbage/garbage.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { describeSeed, pickSeed } from '../../support/ports.js'
import { alike, openReplica, type Replica } from '../../support/replica.js'
import { VirtualTime } from '../../support/virtual-time.js'

const SHAPE = { shards: 1, groups: 1, replicas: 2 }

async function open (t: ExecutionContext) {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const [a, b] = ['a', 'b'].map(name => openReplica(network, time, name, SHAPE)) as [
    Replica,
    Replica
  ]
  await time.advance(2000)
  await a.put('stays', 1)
  await a.put('goes', 1)
  await time.until(() => alike([a, b]), 'equal replicas', 5000)
  return { time, a, b, remove: (replica: Replica, key: string) => deleteAt(time, replica, key) }
}

async function deleteAt (time: VirtualTime, { replicator }: Replica, key: string): Promise<void> {
  const version = Math.floor(time.ports('deletes').clock.wallMs() * 1000)
  await replicator.writes.take(0, { key, version, stamp: version, fields: null }, 'buffered', 1000)
}

function tombstones ({ replicator }: Replica): number {
  return [...replicator.shards.open(0).index.values()].filter(isMute).length
}

function readAll ({ replicator }: Replica): Cursor {
  const page = changesSince(replicator.shards.open(0), startOf(0), 100)
  if (page.outcome !== 'changes') throw new Error(page.outcome)
  return page.cursor
}

test('each replica drops a tombstone that is old enough and seen by all (SPEC E21)', async t => {
  const { time, a, b, remove } = await open(t)
  await remove(a, 'goes')
  await time.advance(4000)
  t.deepEqual([tombstones(a), tombstones(b)], [1, 1], 'late events may still be on their way')
  await time.until(() => tombstones(a) + tombstones(b) === 0, 'no tombstones', 5000)
  t.is(a.get('goes'), undefined)
  t.is(b.get('stays'), 1)
  t.true(alike([a, b]))
})

test('a missing replica keeps a tombstone until too old, and is then reset (SPEC E21)', async t => {
  const { time, a, b, remove } = await open(t)
  b.lose = () => true
  a.lose = () => true
  await time.advance(4000)
  await remove(a, 'goes')
  await time.advance(40_000)
  t.is(tombstones(a), 1, 'b has not seen it')
  await time.until(() => tombstones(a) === 0, 'no tombstone', 30_000)
  t.is(b.get('goes'), 1)
  a.lose = b.lose = () => false
  await time.until(() => b.get('goes') === undefined && alike([a, b]), 'what a holds at b', 20_000)
  t.is(a.get('goes'), undefined, 'it does not come back')
  t.is(b.get('stays'), 1)
  t.true(b.replicator.shards.open(0).floor.newest > 0)
})

test('a committed cursor that has not come to a tombstone holds it back (SPEC E21)', async t => {
  const { time, a, b, remove } = await open(t)
  a.replicator.writes.commitCursor(0, 'slow', readAll(a))
  await time.advance(100)
  await remove(b, 'goes')
  await time.advance(20_000)
  t.deepEqual([tombstones(a), tombstones(b)], [1, 1])
  b.replicator.writes.commitCursor(0, 'slow', readAll(b))
  await time.until(() => tombstones(a) + tombstones(b) === 0, 'no tombstones', 5000)
})

test('a cluster that is in sync asks nobody anything to drop its tombstones (SPEC R5)', async t => {
  const { time, a, b, remove } = await open(t)
  await remove(a, 'goes')
  await time.advance(3000)
  const sent = (): number =>
    [a, b].flatMap(replica => replica.sent).filter(subject => subject.includes('.ae.')).length
  const before = sent()
  await time.until(() => tombstones(a) + tombstones(b) === 0, 'no tombstones', 8000)
  t.is(sent(), before)
})
