/**
 * Two replicas of different releases: the newer one writes a kind of field that the older one does
 * not know (SPEC E26). The older one is of this release, too, but its shards are handed every
 * update with the kind renumbered.
 */
import test, { type ExecutionContext } from 'ava'
import { limits } from '../../../engine/limits.js'
import { Topology } from '../../../engine/topology/topology.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { withUnknownKind } from '../../engine/newer-release.js'
import { describeSeed, pickSeed } from '../../support/ports.js'
import { alike, openReplica, type Replica } from '../../support/replica.js'
import { VirtualTime } from '../../support/virtual-time.js'

const SHAPE = { shards: 16, groups: 4, replicas: 2 }
const topology = new Topology(SHAPE)
const MINUTE = 60_000
/** A key of a shard, and one of another shard of its placement group. */
const KEY = 'new'
const BLOCKED = topology.shardOf(KEY)
const GROUP = topology.groupOf(BLOCKED)
const NEIGHBOUR = keyWhere(shard => shard !== BLOCKED && topology.groupOf(shard) === GROUP)

function keyWhere (fits: (shard: number) => boolean): string {
  let i = 0
  while (!fits(topology.shardOf(`k${i}`))) i++
  return `k${i}`
}

/** Makes a replica one of an older release. @returns how it is upgraded in place */
function age ({ replicator: { shards } }: Replica): () => void {
  const merge = shards.merge.bind(shards)
  const reset = shards.reset.bind(shards)
  shards.merge = (shard, update) => merge(shard, withUnknownKind(update))
  shards.reset = (shard, update, floor) => reset(shard, withUnknownKind(update), floor)
  return () => {
    shards.merge = merge
    shards.reset = reset
  }
}

function writer ({ replicator }: Replica, key = KEY) {
  let version = 0
  return {
    /** Writes a field of the kind that is new. */
    write: (): void => {
      version++
      void replicator.writes.take(
        topology.shardOf(key),
        {
          key,
          version,
          stamp: version,
          fields: null,
          operations: [{ kind: 'sequenced', field: 'price', sequence: version, value: version }]
        },
        'buffered',
        1000
      )
    }
  }
}

function questionsOf ({ sent }: Replica): number {
  return sent.filter(subject => subject.includes('.ae.')).length
}

async function open (t: ExecutionContext) {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const [newer, older] = ['newer', 'older'].map(name =>
    openReplica(network, time, name, SHAPE)
  ) as [Replica, Replica]
  const upgrade = age(older)
  await time.advance(3000)
  return {
    time,
    newer,
    older,
    upgrade,
    ...writer(newer),
    price: (replica: Replica): unknown => replica.replicator.shards.record(BLOCKED, KEY)?.['price'],
    told: () => older.events.filter(event => event.type === 'newer-release'),
    /** Questions the older one asked so far. */
    asked: (): number => questionsOf(older),
    /** Questions that both asked so far. */
    askedInAll: (): number => questionsOf(newer) + questionsOf(older)
  }
}

test('a shard that cannot be read is told of once a minute, whatever is written', async t => {
  const { time, write, told, older, newer, price } = await open(t)
  for (let i = 0; i < 240; i++) {
    write()
    await time.advance(500)
  }
  t.is(price(newer), 240)
  t.is(price(older), undefined)
  t.true(told().length >= 2 && told().length <= 4, `told ${told().length} times in two minutes`)
  t.like(told()[0], {
    cache: 'prices',
    shard: BLOCKED,
    key: KEY,
    field: 'price',
    code: 4711,
    incarnation: newer.incarnation
  })
  t.deepEqual(older.events.filter(({ type }) => type === 'update-refused'), [])
  t.is(older.replicator.shards.standsBefore(BLOCKED)?.field, 'price')
})

test('repair rests: a shard that cannot be read is not fetched with every heartbeat', async t => {
  const { time, write, asked, older } = await open(t)
  write()
  await time.advance(5000)
  const before = asked()
  for (let i = 0; i < 10; i++) {
    write()
    await time.advance(MINUTE)
  }
  const perMinute = (asked() - before) / 10
  t.true(perMinute < 30, `${perMinute} questions a minute`)
  t.true(perMinute > 1, 'it is looked at now and then')
  t.deepEqual(older.events.filter(({ type }) => type === 'repair-failed'), [])
})

test('repair rests on both sides while nothing is written (SPEC R5)', async t => {
  const { time, write, askedInAll } = await open(t)
  write()
  await time.advance(30_000)
  const before = askedInAll()
  await time.advance(10 * MINUTE)
  const perMinute = (askedInAll() - before) / 10
  t.log(`${perMinute} questions a minute`)
  t.true(perMinute < 60, `${perMinute} questions a minute`)
})

test('other shards of the placement group go on, and their gaps are mended at once', async t => {
  const { time, write, newer, older } = await open(t)
  write()
  await time.advance(5000)
  await newer.put(NEIGHBOUR, 1)
  await time.advance(100)
  t.is(older.get(NEIGHBOUR), 1)
  newer.lose = subject => subject.includes('.d.')
  await newer.put(NEIGHBOUR, 2)
  await time.advance(50)
  newer.lose = () => false
  t.is(older.get(NEIGHBOUR), 1)
  await newer.put(NEIGHBOUR, 3)
  await time.advance(200)
  t.is(older.get(NEIGHBOUR), 3, 'the next batch shows the gap')
  await older.put(NEIGHBOUR, 4)
  await time.advance(100)
  t.is(newer.get(NEIGHBOUR), 4, 'its own writes leave')
})

test('a node is not ready for a placement group that it takes on and cannot read', async t => {
  const time = new VirtualTime(1)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const [newer, other, late] = ['newer', 'other', 'late'].map(name =>
    openReplica(network, time, name, SHAPE)
  ) as [Replica, Replica, Replica]
  const upgrade = age(late)
  await time.advance(10_000)
  const phase = (group: number): unknown => late.replicator.held.phase(group)
  const groups = [...topology.allGroups()]
  const group = groups.find(each => phase(each) === undefined)
  if (group === undefined) throw new Error('late holds every group')
  const keys = topology.shardsOf(group).map(shard => keyWhere(each => each === shard))
  const [blocked, readable] = keys as [string, string]
  writer(newer, blocked).write()
  await newer.put(readable, 1)
  await time.advance(1000)
  other.close()
  await time.advance(20_000)
  t.deepEqual(
    groups.map(phase),
    groups.map(each => each === group ? 'syncing' : 'ready')
  )
  t.is(late.get(readable), 1, 'it has what it could read')
  upgrade()
  await time.advance(MINUTE + 15_000)
  t.deepEqual(groups.map(phase), groups.map(() => 'ready'))
})

test('once it can read the kind a shard catches up, and repair goes on as ever', async t => {
  const { time, write, upgrade, newer, older, price, told } = await open(t)
  write()
  await time.advance(5000)
  upgrade()
  write()
  await time.until(() => alike([newer, older]), 'equal replicas', MINUTE + 15_000)
  t.is(price(older), 2)
  t.is(older.replicator.shards.standsBefore(BLOCKED), null)
  const before = told().length
  write()
  await time.advance(1000)
  t.true(alike([newer, older]))
  t.is(told().length, before)
})

test('once the field was deleted a shard of an older release catches up', async t => {
  const { time, write, newer, older } = await open(t)
  write()
  await time.advance(5000)
  t.false(alike([newer, older]))
  void newer.replicator.writes.take(
    BLOCKED,
    {
      key: KEY,
      version: 1e15,
      stamp: 1e15,
      fields: null
    },
    'buffered',
    1000
  )
  await time.until(() => alike([newer, older]), 'equal replicas', MINUTE + 15_000)
  t.is(older.replicator.shards.standsBefore(BLOCKED), null)
})
