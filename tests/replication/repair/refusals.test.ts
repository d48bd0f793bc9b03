/**
 * A replica that refuses what its peer has of one shard, again and again: repair rests instead of
 * fetching the same difference with every heartbeat, and everything else goes on (SPEC R14).
 */
import test, { type ExecutionContext } from 'ava'
import { limits } from '../../../engine/limits.js'
import { Topology } from '../../../engine/topology/topology.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { describeSeed, pickSeed } from '../../support/ports.js'
import { alike, openReplica, type Replica } from '../../support/replica.js'
import { VirtualTime } from '../../support/virtual-time.js'

const SHAPE = { shards: 16, groups: 4, replicas: 2 }
const topology = new Topology(SHAPE)
const MINUTE = 60_000
const KEY = 'bad'
const REFUSED = topology.shardOf(KEY)
const GROUP = topology.groupOf(REFUSED)
const keyWhere = (fits: (shard: number) => boolean): string => {
  let i = 0
  while (!fits(topology.shardOf(`k${i}`))) i++
  return `k${i}`
}
/** In another shard of the same placement group, and in another group. */
const NEIGHBOUR = keyWhere(shard => shard !== REFUSED && topology.groupOf(shard) === GROUP)
const ELSEWHERE = keyWhere(shard => topology.groupOf(shard) !== GROUP)

async function open (t: ExecutionContext) {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const [writer, refuser] = ['writer', 'refuser'].map(name =>
    openReplica(network, time, name, SHAPE)
  ) as [Replica, Replica]
  const { shards } = refuser.replicator
  const merge = shards.merge.bind(shards)
  let refusals = 0
  shards.merge = (shard, update) => {
    if (shard !== REFUSED) return merge(shard, update)
    refusals++
    return { outcome: 'refused', reason: 'malformed' }
  }
  await time.advance(3000)
  return {
    time,
    writer,
    refuser,
    heal: () => {
      shards.merge = merge
    },
    refusals: () => refusals,
    /** Questions of the one that refuses, which each may bring the whole difference. */
    asked: () => refuser.sent.filter(subject => subject.includes('.ae.')).length,
    told: (type: string) => refuser.events.filter(event => event.type === type)
  }
}

const CASES: ReadonlyArray<readonly [title: string, key: string | undefined]> = [
  ['nothing is written', undefined],
  ['another shard of its placement group is written to', NEIGHBOUR],
  ['another placement group is written to', ELSEWHERE],
  ['the shard itself is written to', KEY]
]
for (const [title, key] of CASES) {
  test(`repair rests where a refusal lasts, while ${title} (SPEC R14)`, async t => {
    const { time, writer, refuser, refusals, asked, told } = await open(t)
    await writer.put(KEY, 1)
    await time.advance(5000)
    const before = { asked: asked(), refusals: refusals() }
    for (let second = 0; second < 120; second++) {
      if (key !== undefined) await writer.put(key, second)
      await time.advance(1000)
      if (key !== undefined && key !== KEY) t.is(refuser.get(key), second)
    }
    const perMinute = (asked() - before.asked) / 2
    t.log(`${perMinute} questions a minute, ${refusals() - before.refusals} refusals`)
    t.true(perMinute < 60, `${perMinute} questions a minute`)
    t.true(perMinute > 1, 'it is looked at now and then')
    t.deepEqual(told('gap-repaired'), [], 'nothing was')
    t.deepEqual(told('repair-failed'), [])
  })
}

test('a shard that no longer refuses catches up after the rest (SPEC R14)', async t => {
  const { time, writer, refuser, heal } = await open(t)
  await writer.put(KEY, 1)
  await time.advance(25_000)
  t.is(refuser.get(KEY), undefined)
  heal()
  await time.until(() => alike([writer, refuser]), 'equal replicas', 15_000)
  t.is(refuser.get(KEY), 1)
  await time.advance(1000)
  t.is(refuser.replicator.inbox.lag, 0)
})

test('a gap in a neighbour of a shard that refuses is mended at once (SPEC R14)', async t => {
  const { time, writer, refuser, told } = await open(t)
  await writer.put(KEY, 1)
  await time.advance(5000)
  await writer.put(NEIGHBOUR, 1)
  await time.advance(100)
  writer.lose = subject => subject.includes('.d.')
  await writer.put(NEIGHBOUR, 2)
  await time.advance(50)
  writer.lose = () => false
  await writer.put(NEIGHBOUR, 3)
  await time.advance(300)
  t.is(refuser.get(NEIGHBOUR), 3)
  await time.advance(MINUTE)
  t.true(told('digest-repaired').length <= 1)
})
