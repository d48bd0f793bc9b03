/** Repair, hand-over and upkeep of shards that are in the store only (SPEC S5). */
import test, { type ExecutionContext } from 'ava'
import { decodeStateVector, digestOf, encodeStateVector } from '../../engine/base/state-vector.js'
import { limits } from '../../engine/limits.js'
import { isGoing } from '../../replication/groups/phases.js'
import { InProcessNetwork } from '../../replication/transport/in-process/network.js'
import { ColdShardError } from '../../storage/residency/residency.js'
import { coldRow, cool } from '../support/cold-shard.js'
import { describeSeed, pickSeed } from '../support/ports.js'
import { openReplica, type Replica } from '../support/replica.js'
import { VirtualTime } from '../support/virtual-time.js'

const SHAPE = { shards: 8, groups: 4, replicas: 1 }

async function open (t: ExecutionContext) {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const join = (name: string): Replica => openReplica(network, time, name, SHAPE)
  const a = join('a')
  await time.until(
    () => [0, 1, 2, 3].every(group => a.replicator.held.phase(group) === 'ready'),
    'a node that is ready',
    10_000
  )
  return { time, a, join }
}

const ask = ({ replicator, incarnation }: Replica, question: object): Promise<unknown> =>
  replicator.peerServer.answer({ cache: 'prices', to: incarnation, ...question })

const coldFailures = ({ events }: Replica) =>
  events.filter(event => event.type === 'upkeep-failed' && event.error instanceof ColdShardError)

test('a group is not given up while its owner lacks what a cold shard has (SPEC S5)', async t => {
  const { time, a, join } = await open(t)
  const { topology, shards, held } = a.replicator
  for (const shard of topology.allShards()) {
    // As an empty shard to digests, so that the new node has nothing to fetch and becomes ready.
    const seen = new Map([[7, 5]])
    shards.cool(coldRow(shard, { stateVector: seen, digest: digestOf(new Map()) }))
  }
  const b = join('b')
  const readyAtB = () =>
    [...topology.allGroups()].filter(group => b.replicator.held.phase(group) === 'ready')
  await time.until(() => readyAtB().length > 0, 'a group that moves', 20_000)
  await time.advance(20_000)
  for (const group of readyAtB()) t.true(isGoing(held.phase(group)))
  t.is(held.all.length, SHAPE.groups)
})

test('a group with cold shards is given up once its owner has all of them (SPEC S5)', async t => {
  const { time, a, join } = await open(t)
  const { topology, shards, held } = a.replicator
  for (const shard of topology.allShards()) shards.cool(coldRow(shard))
  const b = join('b')
  await time.until(
    () => held.all.length < SHAPE.groups && b.replicator.held.all.length > 0,
    'a group that moved',
    20_000
  )
  t.pass()
})

test('a cold shard that a peer cannot fetch stays, and the peer says so (SPEC S5)', async t => {
  const { time, a, join } = await open(t)
  for (let i = 0; i < 40; i++) await a.put(`k${i}`, i)
  const { topology, shards, held } = a.replicator
  for (const shard of topology.allShards()) cool(shards, shard)
  const b = join('b')
  await time.advance(20_000)
  t.is(held.all.length, SHAPE.groups)
  t.true(b.replicator.held.all.length > 0)
  t.true(b.events.some(({ type }) => type === 'repair-failed'))
})

test('peers are answered from the row of a cold shard, without its records (SPEC S5)', async t => {
  const { time, a } = await open(t)
  for (let i = 0; i < 40; i++) await a.put(`k${i}`, i)
  a.replicator.flush()
  const { shards, topology } = a.replicator
  const shard = topology.shardOf('k1')
  const group = topology.groupOf(shard)
  const questions = [
    { op: 'digests', groups: [[group, 'another']] },
    { op: 'vectors', shards: [shard] },
    { op: 'covers', shards: [[shard, encodeStateVector(shards.known(shard))]], cursors: [] },
    { op: 'diffs', shards: [[shard, encodeStateVector(shards.known(shard))]] }
  ]
  const inMemory = await time.wait(Promise.all(questions.map(question => ask(a, question))))
  const row = cool(shards, shard)
  const cold = await time.wait(Promise.all(questions.map(question => ask(a, question))))
  t.deepEqual(cold, inMemory)
  t.deepEqual(
    decodeStateVector((cold[1] as Array<[number, Uint8Array]>)[0]?.[1] as Uint8Array, limits),
    new Map(row.known)
  )
  const lacks = encodeStateVector(new Map())
  await t.throwsAsync(ask(a, { op: 'diffs', shards: [[shard, lacks]] }), {
    instanceOf: ColdShardError
  })
})

test('tombstones of a cold shard are looked for in its row', async t => {
  const { time, a } = await open(t)
  a.replicator.shards.cool(coldRow(0))
  await time.advance(5000)
  t.deepEqual(coldFailures(a), [])
  a.replicator.shards.cool(coldRow(0, { oldestTombstone: 1 }))
  await time.advance(5000)
  t.true(coldFailures(a).length > 0)
})
