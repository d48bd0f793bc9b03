/**
 * Two or three replicators: batches and their numbers, what is lost on the way and how it is
 * repaired, and how quiet a cluster in sync is.
 */
import test, { type ExecutionContext } from 'ava'
import { LogError, type MillpondError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import { Topology } from '../../engine/topology/topology.js'
import { encodeStateVector } from '../../engine/base/state-vector.js'
import { InProcessNetwork } from '../../replication/transport/in-process/network.js'
import { describeSeed, pickSeed } from '../support/ports.js'
import { alike, openReplica, type Replica } from '../support/replica.js'
import { VirtualTime } from '../support/virtual-time.js'

const SHAPE = { shards: 16, groups: 4, replicas: 2 }
const topology = new Topology(SHAPE)

async function open (t: ExecutionContext, names: readonly string[] = ['a', 'b'], shape = SHAPE) {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const replicas = names.map(name =>
    openReplica(network, time, name, { ...shape, replicas: names.length })
  )
  await time.advance(2000)
  for (const { replicator } of replicas) {
    if (replicator.held.all.some(group => replicator.held.phase(group) !== 'ready')) {
      throw new Error('not every group is ready')
    }
  }
  const [a, b] = replicas as [Replica, Replica]
  const repairs = (): string[] =>
    replicas.flatMap(({ events }) =>
      events.map(({ type }) => type).filter(type => type.includes('repair'))
    )
  const untilAlike = async (limitMs = 20_000): Promise<void> => {
    await time.until(() => alike(replicas), 'equal replicas', limitMs)
  }
  const write = async (replica: Replica, count: number, offset = 0): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await replica.put(`k${i % 50}`, offset + i)
      await time.advance(10)
    }
  }
  return { time, network, replicas, a, b, repairs, untilAlike, write }
}

/** Counts the flushes of a replica's shards from here on. */
function countFlushes ({ replicator: { shards } }: Replica): () => number {
  const flush = shards.flush.bind(shards)
  let count = 0
  shards.flush = isOver => {
    count++
    return flush(isOver)
  }
  return () => count
}

const isDelta = (subject: string): boolean => subject.includes('.d.')

test('batches are numbered from 1 without gaps, one per group and flush (SPEC R2)', async t => {
  const { a, b, time, write, untilAlike, repairs } = await open(t)
  await write(a, 100)
  for (let i = 0; i < 50; i++) void a.put(`k${i}`, 1000 + i)
  const before = a.batches.length
  await time.advance(10)
  t.is(a.batches.length - before, SHAPE.groups)
  for (let group = 0; group < SHAPE.groups; group++) {
    const sequences = a.batches.filter(each => each.group === group).map(({ batch }) =>
      batch.sequence
    )
    t.deepEqual(sequences, sequences.map((_, i) => i + 1))
  }
  await untilAlike(100)
  t.is(b.get('k49'), 1049)
  t.deepEqual(repairs(), [])
})

for (const concern of ['buffered', 'durable', 'all'] as const) {
  test(`one put is one flush, one batch and one commit (${concern})`, async t => {
    const { a, b, time, untilAlike } = await open(t)
    const flushes = countFlushes(a)
    const before = { batches: a.batches.length, commits: a.commits(), peer: b.commits() }
    await time.wait(a.put('k', 1, concern))
    await time.advance(1000)
    await untilAlike()
    t.deepEqual(
      {
        flushes: flushes(),
        batches: a.batches.length - before.batches,
        commits: a.commits() - before.commits,
        peer: b.commits() - before.peer
      },
      { flushes: 1, batches: 1, commits: 1, peer: 1 }
    )
  })
}

test('a delta that is logged outside of a flush is published by a flush of its own', async t => {
  const { a, b, time } = await open(t)
  const flushes = countFlushes(a)
  const shard = topology.shardOf('k')
  a.replicator.shards.open(shard).write({ key: 'k', version: 1, stamp: 1, fields: { n: 7 } }, false)
  await time.advance(1000)
  t.is(flushes(), 0) // nothing asked for one: the shard was written to behind the cache's back
  a.replicator.shards.open(shard).flush()
  await time.advance(100)
  t.is(flushes(), 1)
  t.is(b.get('k'), 7)
})

test('a delta that is left over by a flush that failed is published by the next', async t => {
  const { a, b, time } = await open(t)
  const { shards } = a.replicator
  const flush = shards.flush.bind(shards)
  shards.flush = () => {
    shards.flush = flush
    flush()
    throw new Error('planned')
  }
  await a.put('k', 1)
  t.throws(() => a.replicator.flush(), { message: 'planned' })
  await time.advance(100)
  t.is(b.get('k'), 1)
  t.false(a.replicator.queues.unpublished)
})

/** Makes the log of the key's shard take nothing. @returns how it is mended */
function breakLog ({ replicator: { shards } }: Replica, key: string): () => void {
  const shard = shards.open(topology.shardOf(key))
  const flush = shard.flush.bind(shard)
  shard.flush = () => {
    throw new LogError('planned', undefined)
  }
  return () => {
    shard.flush = flush
  }
}

test('a durable write that the log does not take may take effect later (SPEC R12)', async t => {
  const { a, b, time } = await open(t)
  const mend = breakLog(a, 'k')
  const error = await t.throwsAsync<MillpondError>(a.put('k', 1, 'durable'), { code: 'LOG_FAILED' })
  t.is(error?.changed, 'maybe')
  mend()
  await time.advance(100)
  t.is(b.get('k'), 1)
})

test('a write that the log does not take is held by no other replica (SPEC R8)', async t => {
  const { a, b, time } = await open(t)
  const mend = breakLog(a, 'k')
  await time.wait(
    t.throwsAsync(a.put('k', 1, 'all', 3000), { code: 'WRITE_CONCERN', message: /1 of 2/ })
  )
  t.is(b.get('k'), undefined)
  mend()
  await time.wait(a.put('k', 2, 'all', 3000))
  t.is(b.get('k'), 2)
})

test('where one log takes nothing, heartbeats and other shards go on (SPEC E24)', async t => {
  const { a, b, time } = await open(t)
  const neighbour = [...Array(1000).keys()].map(i => `n${i}`).find(key =>
    topology.groupOfKey(key) === topology.groupOfKey('k') &&
    topology.shardOf(key) !== topology.shardOf('k')
  ) as string
  const mend = breakLog(a, 'k')
  await a.put('k', 1)
  for (let i = 0; i < 10; i++) {
    await a.put(neighbour, i)
    await time.advance(500)
  }
  t.is(b.get(neighbour), 9)
  t.true(b.membership.members.has('a'))
  mend()
  await time.advance(100)
  t.is(b.get('k'), 1)
})

for (const which of ['first', 'middle', 'last'] as const) {
  test(`a ${which} batch that is lost is asked for again (SPEC R2)`, async t => {
    const { a, b, time, untilAlike, replicas } = await open(t)
    const at = { first: 0, middle: 4, last: 8 }[which]
    for (let i = 0; i < 9; i++) {
      a.lose = isDelta
      if (i !== at) a.lose = () => false
      await a.put('k', i)
      await time.advance(10)
    }
    a.lose = () => false
    await untilAlike(2000)
    t.is(b.get('k'), 8)
    await time.advance(3000)
    t.is(b.replicator.inbox.lag, 0)
    const repaired = b.events.filter(({ type }) => type === 'gap-repaired')
    t.is(repaired.length, 1)
    t.deepEqual(
      replicas.flatMap(({ events }) =>
        events.filter(({ type }) => type === 'digest-repaired' || type === 'repair-failed')
      ),
      []
    )
  })
}

test('more batches lost than are kept are repaired by digests', async t => {
  const { a, b, time, untilAlike } = await open(t)
  a.lose = subject => isDelta(subject) || subject.includes('.hb.')
  for (let i = 0; i < limits.maxResendBatches + 10; i++) {
    await a.put('k', i)
    await a.put(`k${i}`, i)
    await time.advance(10)
  }
  a.lose = () => false
  await untilAlike()
  t.is(b.get('k'), limits.maxResendBatches + 9)
  await time.advance(3000)
  t.true(b.events.some(({ type }) => type === 'digest-repaired'))
  t.is(b.replicator.inbox.lag, 0)
})

test('a difference that no gap shows is found by digests (SPEC R4)', async t => {
  const { a, b, time, write, untilAlike } = await open(t)
  await write(a, 60)
  await untilAlike(100)
  b.replicator.shards.drop(2)
  t.false(alike([a, b]))
  await untilAlike(5000)
  await time.advance(5000)
  t.is(b.events.filter(({ type }) => type === 'digest-repaired').length, 1)
})

test('a cluster in sync sends heartbeats and nothing else (SPEC R5)', async t => {
  const { replicas, write, time, a, untilAlike } = await open(t, ['a', 'b', 'c'])
  await write(a, 100)
  await untilAlike(500)
  await time.advance(2000)
  for (const { sent } of replicas) sent.length = 0
  await time.advance(10_000)
  for (const { name, sent } of replicas) {
    t.deepEqual([...new Set(sent)], [`mp.unit.hb.${name}`])
    t.is(sent.length, 20)
  }
})

test('the size of a heartbeat does not depend on the number of records', async t => {
  const { a, write, time } = await open(t)
  let bytes = 0
  a.lose = (subject, message) => {
    if (subject.includes('.hb.')) bytes = message.length
    return false
  }
  await time.advance(1000)
  const empty = bytes
  for (let i = 0; i < 2000; i++) void a.put(`many${i}`, i)
  await write(a, 1)
  await time.advance(1000)
  t.true(empty > 0)
  t.true(bytes - empty < 100, `${bytes - empty} bytes more`)
})

test('a flood of lost batches costs few questions', async t => {
  const { a, b, network, write, untilAlike } = await open(t)
  network.setFaults({ loss: 0.5 })
  await write(a, 200)
  network.setFaults({ loss: 0 })
  await untilAlike()
  const questions = b.sent.filter(subject => subject.includes('.ae.')).length
  t.true(questions < 250, `${questions} questions for 200 writes`)
})

test('a repair that fails is reported and tried again', async t => {
  const { a, b, time, untilAlike } = await open(t)
  a.lose = subject => isDelta(subject)
  await a.put('k', 1)
  await time.advance(10)
  a.lose = subject => subject.startsWith('_INBOX_b')
  await time.until(() => b.events.some(({ type }) => type === 'repair-failed'), 'the failure')
  a.lose = () => false
  await untilAlike(5000)
  t.is(b.get('k'), 1)
})

test('a confirmation that is lost is made up for by the next heartbeat', async t => {
  const { a, b, time } = await open(t)
  b.lose = subject => subject.includes('.ack.')
  await t.notThrowsAsync(time.wait(a.put('k', 1, 'all'), 'the confirmation', 2000))
})

test('a batch that comes in many parts is merged whole', async t => {
  const { a, b, time, untilAlike } = await open(t, ['a', 'b'], {
    shards: 2,
    groups: 1,
    replicas: 2
  })
  const version = Date.UTC(2024, 0, 1) * 1000
  for (let i = 0; i < 40; i++) {
    const key = `large${i}`
    void a.replicator.writes.take(
      a.replicator.topology.shardOf(key),
      {
        key,
        version: version + i,
        stamp: version + i,
        fields: { n: i, text: `${i}`.repeat(50_000) }
      },
      'buffered',
      1000
    )
  }
  await untilAlike(3000)
  await time.advance(100)
  t.is(b.get('large39'), 39)
})

// A node with other settings puts the same key into another shard. Whatever it sends must not get
// in.
test('nodes with other settings do not replicate, in either direction (SPEC R9)', async t => {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const a = openReplica(network, time, 'a', { shards: 16, groups: 4, replicas: 2 })
  const b = openReplica(network, time, 'b', { shards: 12, groups: 4, replicas: 2 })
  await time.advance(2000)
  for (let i = 0; i < 60; i++) {
    void a.put(`a${i}`, i)
    void b.put(`b${i}`, i)
    await time.advance(10)
  }
  await time.advance(5000)
  const keysOf = ({ replicator }: Replica): string[] =>
    [...replicator.shards.residents()].flatMap(shard => [...shard.index.keys()])
  t.deepEqual(keysOf(a).filter(key => key.startsWith('b')), [])
  t.deepEqual(keysOf(b).filter(key => key.startsWith('a')), [])
  t.like(a.events.find(({ type }) => type === 'config-conflict'), {
    node: 'b',
    detail: 'shards 16 here, 12 there'
  })
})

test('a writer is told that a group is not held, and nothing changed', async t => {
  const { a } = await open(t)
  a.close()
  await t.throwsAsync(a.put('k', 1), { code: 'UNAVAILABLE' })
  t.is(a.get('k'), undefined)
})

// Two nodes that each take the other for an owner and themselves for none must not both let go.
test('a node that is about to give a group up does not vouch for it', async t => {
  const { a, b, time, write, untilAlike } = await open(t)
  await write(a, 20)
  await untilAlike(100)
  const group = topology.groupOfKey('k1')
  const lacking = async (): Promise<number> => {
    const sv = b.replicator.shards.open(topology.shardOf('k1'))
    const answer = b.messenger.request(
      'mp.unit.ae.a.b',
      {
        op: 'covers',
        cache: 'prices',
        to: a.incarnation,
        shards: [[topology.shardOf('k1'), encodeStateVector(sv.stateVector)]],
        cursors: []
      },
      1000,
      { what: 'covers', changes: false }
    )
    return (await time.wait(answer) as { lacking: number[] }).lacking.length
  }
  t.is(await lacking(), 0)
  // As a sees it, a better owner came along.
  const strangers = ['x', 'y', 'z', 'u', 'v', 'w'].map(name => ({ id: name }))
  for (const { id } of strangers) {
    b.messenger.send(`mp.unit.hb.${id}`, 'heartbeat', {
      incarnation: 7,
      leaving: false,
      weight: 100,
      caches: { prices: { ...SHAPE, held: [] } }
    })
  }
  await time.advance(100)
  if (a.replicator.held.phase(group) === 'leaving') t.is(await lacking(), 1)
  else t.fail(`group ${group} is ${a.replicator.held.phase(group)}`)
})
