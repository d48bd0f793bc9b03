/**
 * Queries over a whole cache, asked by somebody who holds nothing: of three nodes that hold two
 * thirds of the shards each, and whose deltas get lost.
 */
import test, { type ExecutionContext } from 'ava'
import type { IndexDeclaration, Where } from '../../../../engine/query/query.js'
import { limits } from '../../../../engine/limits.js'
import { Topology } from '../../../../engine/topology/topology.js'
import { SecondaryIndexes } from '../../../../engine/query/secondary-index.js'
import type { Fields } from '../../../../engine/base/values.js'
import type { ReadContext } from '../../../../pubsub/context.js'
import { findPage, findRecords,
  type FindPosition } from '../../../../pubsub/requests/ask/find-records.js'
import { RequestClient } from '../../../../pubsub/requests/ask/request-client.js'
import { RequestServer } from '../../../../pubsub/requests/answer/request-server.js'
import { InProcessNetwork } from '../../../../replication/transport/in-process/network.js'
import { Membership } from '../../../../replication/membership/membership.js'
import { Messenger } from '../../../../replication/messages/messenger.js'
import { Router } from '../../../../replication/membership/router.js'
import { subjectsOf } from '../../../../replication/messages/subjects.js'
import { describeSeed, pickSeed } from '../../../support/ports.js'
import { openReplica, type Replica } from '../../../support/replica.js'
import { timingWith } from '../../../support/timing.js'
import { VirtualTime } from '../../../support/virtual-time.js'

const CACHE = 'prices'
const SHAPE = { shards: 12, groups: 4, replicas: 2 }
const topology = new Topology(SHAPE)
const COUNTRIES = ['France', 'Spain', 'Malta', 'Chad']

async function open (
  t: ExecutionContext,
  indexes: IndexDeclaration = { country: 'equality', price: 'range' }
) {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const time = new VirtualTime(seed)
  const below = (end: number): number => time.random.uint32() % end
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const subjects = subjectsOf('unit')
  const asked: string[] = []
  const replicas = ['a', 'b', 'c'].map(name => {
    const replica = openReplica(network, time, name, SHAPE, indexes)
    const server = new RequestServer({
      replicatorOf: () => replica.replicator,
      status: () => {
        throw new Error('nobody asks')
      },
      limits
    })
    replica.messenger.serve(subjects.requests(name), request => {
      asked.push(name)
      return server.answer(request)
    })
    return replica
  })
  const ports = time.ports('reader')
  const messenger = new Messenger({
    transport: network.connect('reader'),
    ports,
    limits,
    onEvent: () => {}
  })
  const membership = new Membership(
    { limits, timing: timingWith(), messenger, subjects, ports, onEvent: () => {} },
    { paceFloor: { heartbeatMs: 0, failureTimeoutMs: 0 } }
  )
  const reader: ReadContext = {
    router: new Router({ membership, cache: CACHE }),
    requests: new RequestClient({ messenger, ports, subjects, timeoutMs: 1000 }),
    ports,
    limits
  }
  const records = new Map<string, Fields>()
  let version = 0
  const write = async (key: string, fields: Fields | null): Promise<void> => {
    const shard = topology.shardOf(key)
    const holder = replicas.find(({ replicator }) =>
      replicator.held.phase(topology.groupOf(shard)) === 'ready'
    ) as Replica
    version++
    await time.wait(
      holder.replicator.writes.take(
        shard,
        { key, version, stamp: version, fields },
        'buffered',
        1000
      )
    )
    if (fields === null) records.delete(key)
    else records.set(key, { ...records.get(key), ...fields })
  }
  const holdersOf = (group: number): Replica[] =>
    replicas.filter(({ replicator }) => replicator.held.has(group))
  const settled = (group: number): boolean => {
    const holders = holdersOf(group)
    return holders.length === SHAPE.replicas &&
      holders.every(({ replicator: { held, shards } }) =>
        held.phase(group) === 'ready' &&
        shards.root(group) === holders[0]?.replicator.shards.root(group)
      )
  }
  const settle = (): Promise<void> =>
    time.until(() => [0, 1, 2, 3].every(settled), 'replicas that agree')
  const all = async (
    where: Where,
    options?: Parameters<typeof findRecords>[2]
  ): Promise<Array<[string, Fields]>> => {
    const collect = async (): Promise<Array<[string, Fields]>> => {
      const found: Array<[string, Fields]> = []
      for await (const { key, fields } of findRecords(reader, where, options)) {
        found.push([key, fields])
      }
      return found
    }
    return await time.wait(collect())
  }
  /** Some writes, of which some deltas get lost, and what they end in. */
  const fill = async (writes: number): Promise<void> => {
    for (const replica of replicas) {
      replica.lose = subject => subject.includes('.d.') && below(4) === 0
    }
    for (let i = 0; i < writes; i++) {
      const key = `k${below(200)}`
      await write(
        key,
        below(6) === 0
          ? null
          : { country: COUNTRIES[below(COUNTRIES.length)] as string, price: below(40) / 10, n: i }
      )
      if (below(10) === 0) await time.advance(below(30))
    }
    for (const replica of replicas) replica.lose = () => false
    await time.advance(100)
    await settle()
  }
  await time.advance(3000)
  membership.hello()
  await settle()
  await time.advance(1000)
  return {
    time,
    network,
    replicas,
    reader,
    membership,
    records,
    write,
    below,
    asked,
    all,
    fill,
    settle,
    holdersOf
  }
}

const byKey = (records: Iterable<[string, Fields]>): Array<[string, Fields]> =>
  [...records].sort(([a], [b]) => a < b ? -1 : 1)

test('a reader holding nothing finds what a filter over all records finds (SPEC C9)', async t => {
  const { fill, all, records } = await open(t)
  await fill(1200)
  const filter = (holds: (fields: Fields) => boolean): Array<[string, Fields]> =>
    byKey([...records].filter(([, fields]) => holds(fields)))
  const expected = filter(({ country, price }) => country === 'France' && Number(price) < 2)
  t.true(expected.length > 5)
  t.deepEqual(byKey(await all({ country: 'France', price: { lt: 2 } })), expected)
  t.deepEqual(
    byKey(await all({ price: { gte: 1, lt: 3.5 }, n: { gt: 300 } })),
    filter(({ price, n }) => Number(price) >= 1 && Number(price) < 3.5 && Number(n) > 300)
  )
  t.deepEqual(byKey(await all({ country: { in: COUNTRIES } })), byKey(records))
  t.deepEqual(await all({ country: 'Peru' }), [])
  t.is((await all({ country: { in: COUNTRIES } }, { limit: 37 })).length, 37)
})

test('the indexes of every replica match its records, whatever was lost (SPEC E20)', async t => {
  const { fill, replicas } = await open(t)
  await fill(1200)
  let compared = 0
  for (const { replicator: { shards } } of replicas) {
    for (const shard of shards.residents()) {
      const indexes = shards.indexes.of(shard.shard) as SecondaryIndexes
      const fresh = new SecondaryIndexes({
        declaration: indexes.declaration,
        limits,
        read: key => shard.get(key)
      })
      for (const key of shard.index.keys()) fresh.touch(key)
      t.deepEqual(indexes.dump(), fresh.dump())
      compared += fresh.dump()['country']?.length ?? 0
    }
  }
  t.true(compared > 24)
})

test('pages of any size join without a gap, whoever answers the next one (SPEC C9)', async t => {
  const { fill, reader, time, records, replicas, network, membership } = await open(t)
  await fill(800)
  const expected = byKey(records)
  for (const limit of [1, 7, 50]) {
    const found: Array<[string, Fields]> = []
    let after: FindPosition | null = null
    let killed = limit !== 50
    do {
      const page: Awaited<ReturnType<typeof findPage>> = await time.wait(
        findPage(reader, { price: { gte: 0 } }, { limit, after })
      )
      t.true(page.records.length <= limit)
      found.push(...page.records.map(({ key, fields }): [string, Fields] => [key, fields]))
      after = page.next
      if (killed) continue
      killed = true
      const [a] = replicas as [Replica]
      a.close()
      network.kill('a')
      await time.until(() => !membership.members.has('a'), 'a to be gone')
    } while (after !== null)
    t.deepEqual(byKey(found), expected, `limit ${limit}`)
    t.is(new Set(found.map(([key]) => key)).size, found.length, 'no record twice')
  }
})

test('records come by key within a shard, with their version', async t => {
  const { write, reader, time } = await open(t)
  for (const key of ['{x}c', '{x}a', '{x}d', '{x}b']) await write(key, { country: 'France' })
  const { records, next } = await time.wait(findPage(reader, { country: 'France' }))
  t.deepEqual(records.map(({ key, version }) => [key, version]), [['{x}a', 2], ['{x}b', 4], ['{x}c',
    1], ['{x}d', 3]])
  t.is(next, null)
})

test('one node can be asked for what it holds itself', async t => {
  const { fill, all, records, replicas, asked } = await open(t)
  await fill(300)
  asked.length = 0
  const held = replicas[1]?.replicator.held as Replica['replicator']['held']
  t.deepEqual(
    byKey(await all({ price: { gte: 0 } }, { node: 'b' })),
    byKey(
      [...records].filter(([key]) => held.has(topology.groupOfKey(key)))
    )
  )
  t.deepEqual(new Set(asked), new Set(['b']))
  await t.throwsAsync(all({ price: 1 }, { node: 'nobody' }), {
    code: 'UNAVAILABLE',
    message: /nobody is not a node/
  })
})

test('a query that cannot be asked is refused before any node is asked', async t => {
  const { all, reader, asked } = await open(t)
  await t.throwsAsync(all({}), { code: 'QUERY_REFUSED' })
  await t.throwsAsync(all({ price: { below: 2 } } as Where), { code: 'QUERY_REFUSED' })
  await t.throwsAsync(all(undefined as unknown as Where), { instanceOf: TypeError })
  for (const limit of [0, -1, 1.5, NaN, '5']) {
    await t.throwsAsync(all({ price: 1 }, { limit: limit as number }), {
      instanceOf: TypeError,
      message: /limit must be a whole number/
    })
  }
  await t.throwsAsync(findPage(reader, { price: 1 }, { limit: limits.maxQueryPage + 1 }), {
    code: 'LIMIT_EXCEEDED',
    message: /limit 10001 is more than the 10000/
  })
  for (
    const after of [{ shard: 12, after: null }, { shard: -1, after: null }, { shard: 0 }, 'page 2']
  ) {
    await t.throwsAsync(findPage(reader, { price: 1 }, { after: after as FindPosition }), {
      instanceOf: TypeError,
      message: /after must be the `next`/
    })
  }
  t.deepEqual(asked, [])
})

test('a field that no holder indexes is a typed error, records or not (SPEC E20)', async t => {
  const { all } = await open(t)
  await t.throwsAsync(all({ n: 5 }), {
    code: 'NOT_INDEXED',
    message: /indexed are country \(equality\), price \(range\)/
  })
})

test('a cache without indexes keeps none, and says so when it is asked', async t => {
  const { all, fill, replicas } = await open(t, {})
  await fill(50)
  for (const { replicator: { shards } } of replicas) {
    for (let shard = 0; shard < SHAPE.shards; shard++) {
      t.is(shards.indexes.of(shard), undefined)
    }
  }
  await t.throwsAsync(all({ country: 'France' }), {
    code: 'NOT_INDEXED',
    message: /no field is indexed.*indexes: \{ "country": 'equality' \}/
  })
})

test('a broken query is refused as a message, not as a mistake of the node', async t => {
  const { replicas: [a], holdersOf } = await open(t)
  const { replicator } = a as Replica
  const server = new RequestServer({
    replicatorOf: () => replicator,
    status: () => {
      throw new Error('nobody asks')
    },
    limits
  })
  const group = [0, 1, 2, 3].find(each => holdersOf(each).includes(a as Replica)) as number
  const ask = (query: object): unknown =>
    server.answer({
      op: 'find',
      cache: CACHE,
      where: { price: 1 },
      shards: [group],
      after: null,
      limit: 10,
      ...query
    })
  t.deepEqual(ask({}), { records: [], next: null, looked: 0 })
  for (
    const query of [{ where: 5 }, { where: null }, { where: { price: [1] } }, { where: [] }, {
      limit: 0
    }, { limit: limits.maxQueryPage + 1 }, { shards: ['a'] }, { after: 5 }]
  ) t.throws(() => ask(query), { code: 'ENVELOPE_REFUSED' }, JSON.stringify(query))
  t.throws(() => ask({ where: {} }), { code: 'QUERY_REFUSED' })
  const other = [0, 1, 2, 3].find(each => !holdersOf(each).includes(a as Replica)) as number
  t.throws(() => ask({ shards: [group, other] }), {
    code: 'UNAVAILABLE',
    message: /does not hold shard/
  })
})

test('a reply ends after the shard that cost enough, and the query goes on from there', async t => {
  const { write, replicas, reader, time, settle } = await open(t)
  const many = limits.maxQueryCandidates + 1
  const [a] = replicas as [Replica]
  const group = a.replicator.held.all.find(each =>
    a.replicator.held.phase(each) === 'ready'
  ) as number
  const [first, second] = topology.shardsOf(group) as [number, number]
  for (let i = 0; i < many; i++) {
    a.replicator.shards.write(first, {
      key: `k${i}`,
      version: 1,
      stamp: 1,
      fields: { price: 1, n: i }
    }, false)
  }
  a.replicator.shards.write(second, {
    key: 'last',
    version: 1,
    stamp: 1,
    fields: { price: 1, n: -1 }
  }, false)
  const server = new RequestServer({
    replicatorOf: () => a.replicator,
    status: () => {
      throw new Error('nobody asks')
    },
    limits
  })
  t.deepEqual(
    server.answer({
      op: 'find',
      cache: CACHE,
      where: { price: 1, n: -1 },
      shards: [first, second],
      after: null,
      limit: 10
    }),
    { records: [], next: { shard: second, after: null }, looked: many }
  )
  await write('elsewhere', { country: 'France' })
  await settle()
  t.deepEqual(
    (await time.wait(findPage(reader, { price: 1, n: -1 }))).records.map(({ key }) => key),
    ['last']
  )
})

test('a holder that leads a query back is not followed for ever', async t => {
  const { reader, time } = await open(t)
  const lying = {
    ...reader,
    requests: {
      begin: () => ({}),
      ask: () => {},
      askHolder: async () => ({ records: [], next: { shard: 0, after: null }, looked: 0 })
    } as unknown as RequestClient
  }
  await t.throwsAsync(time.wait(findPage(lying, { price: 1 })), {
    code: 'ENVELOPE_REFUSED',
    message: /leads back/
  })
})

test('a group of more shards than one request may name is asked in parts (SPEC B1)', async t => {
  const shape = { shards: limits.maxShardsPerRequest * 2 + 3, groups: 2, replicas: 1 }
  const asked: number[][] = []
  const requests = {
    begin: () => ({}),
    askHolder: async (
      _router: Router,
      _group: number,
      _op: string,
      { shards }: { shards: number[] }
    ) => {
      asked.push(shards)
      return { records: [], next: null, looked: 0 }
    }
  } as unknown as RequestClient
  const source = {
    router: { cache: CACHE, topology: new Topology(shape) } as Router,
    requests,
    ports: new VirtualTime(1).ports('reader'),
    limits
  }
  t.deepEqual(await findPage(source, { price: 1 }), { records: [], next: null })
  t.deepEqual(asked.map(shards => shards.length), [limits.maxShardsPerRequest, 2,
    limits.maxShardsPerRequest, 1])
  t.deepEqual(
    asked.flat().sort((a, b) => a - b),
    Array.from({ length: shape.shards }, (_, shard) => shard)
  )
})

test('the time of a page is one time, over however many placement groups (SPEC K5)', async t => {
  let begun = 0
  const asked: unknown[] = []
  const context = {
    router: { topology, cache: CACHE },
    ports: new VirtualTime(1).ports('reader'),
    limits,
    requests: {
      begin: () => ++begun,
      askHolder: (...question: unknown[]) => {
        asked.push(question.at(-1))
        return Promise.resolve({ records: [], next: null, looked: 0 })
      }
    }
  }
  const page = await findPage(context as unknown as ReadContext, { country: 'Chad' })
  t.deepEqual(page, { records: [], next: null })
  t.deepEqual(asked, [1, 1, 1, 1])
})
