/**
 * Reading dirty shards from a holder that answers as told; whole clusters of holders are in
 * consumer.test.ts.
 */
import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { encodeCursor, startOf, decodeCursor } from '../../../engine/cursor.js'
import { UnavailableError } from '../../../engine/errors.js'
import { Topology } from '../../../engine/topology/topology.js'
import type { RequestClient } from '../../../pubsub/requests/ask/request-client.js'
import type { PollPage } from '../../../pubsub/requests/request-protocol.js'
import { scopeOf } from '../../../pubsub/consumer/scope.js'
import { ShardReader } from '../../../pubsub/consumer/shard-reader.js'
import type { ConsumerContext } from '../../../pubsub/context.js'
import type { PubsubEvent } from '../../../pubsub/events.js'
import type { Router } from '../../../replication/membership/router.js'

const SHAPE = { shards: 4, groups: 2, replicas: 2 }

/**
 * A reader of shards that are all dirty, and two holders that answer each poll with the next of
 * `answers`.
 */
function reading (answers: ReadonlyArray<PollPage[] | Error>) {
  let nowMs = 0
  const asked: string[] = []
  const left = [...answers]
  const topology = new Topology(SHAPE)
  const router = { cache: 'prices', topology, holders: () => ['a', 'b'] } as unknown as Router
  const requests = {
    begin: () => undefined,
    ask: (holder: string) => {
      asked.push(holder)
      const answer = left.shift() ?? []
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    }
  } as unknown as RequestClient
  const events: PubsubEvent[] = []
  const ending = new AbortController()
  const scope = scopeOf(
    {
      router,
      requests,
      ports: { clock: { wallMs: () => nowMs, monotonicMs: () => nowMs } },
      limits,
      pace: () => ({ heartbeatMs: 100, failureTimeoutMs: 400 }),
      onEvent: event => {
        events.push(event)
      }
    } as ConsumerContext,
    'test',
    ending.signal
  )
  const { positions } = scope
  for (const shard of router.topology.allShards()) positions.markDirty(shard)
  const reader = new ShardReader(scope)
  return {
    reader,
    scope,
    positions,
    events,
    asked,
    wait: (ms: number) => {
      nowMs += ms
    }
  }
}

const page = (shard: number, parts: Partial<PollPage> = {}): PollPage => ({
  shard,
  behind: false,
  reset: false,
  changes: [],
  cursor: encodeCursor(startOf(shard)),
  more: false,
  ...parts
})
const whole = (parts: Partial<PollPage> = {}): PollPage[] =>
  [0, 1, 2, 3].map(shard => page(shard, parts))

test('a shard with dropped tombstones is read anew in a new generation (SPEC C11)', async t => {
  const { reader, positions } = reading([[page(0), page(1, { reset: true }), page(2), page(3)], [
    page(1)
  ]])
  const { resets, isStalled } = await reader.read(10)
  t.deepEqual(resets, [1])
  t.false(isStalled)
  t.deepEqual([...positions.dirty()], [1])
  t.is(decodeCursor(positions.cursor(1) as Uint8Array, 1, limits).generation, 0)
  t.deepEqual(await reader.read(10), { changes: [], resets: [], isStalled: false })
  t.true(positions.isClean)
})

test('shards the answer left out, and those that have more, stay dirty', async t => {
  const { reader, positions } = reading([[page(0, { more: true }), page(1)]])
  await reader.read(10)
  t.deepEqual([...positions.dirty()].sort((a, b) => a - b), [0, 2, 3])
})

test('where a holder cannot answer, the next is asked for all it was listened to for', async t => {
  const { reader, positions, asked } = reading([new UnavailableError('not here'), whole()])
  t.true((await reader.read(10)).isStalled)
  t.deepEqual([...positions.dirty()].sort((a, b) => a - b), [0, 1, 2, 3])
  t.false((await reader.read(10)).isStalled)
  t.deepEqual(asked, ['a', 'b'])
  t.true(positions.isClean)
})

test('an error that trying again does not mend is thrown', async t => {
  const { reader } = reading([new TypeError('a mistake')])
  await t.throwsAsync(reader.read(10), { instanceOf: TypeError })
})

test('a shard no replica can continue starts over in the end, named once (SPEC C12)', async t => {
  const { reader, wait } = reading([whole({ behind: true, cursor: null }),
    whole({ behind: true, cursor: null }), whole(), whole()])
  t.deepEqual(await reader.read(10), { changes: [], resets: [], isStalled: true })
  wait(1199)
  t.deepEqual((await reader.read(10)).resets, [])
  wait(1)
  t.deepEqual([...(await reader.read(10)).resets].sort((a, b) => a - b), [0, 1, 2, 3])
  t.deepEqual((await reader.read(10)).resets, [])
})

test('two holders that are behind in one shard mean a pause every time (SPEC C12)', async t => {
  const behind = [page(0, { behind: true, cursor: null }), page(1), page(2), page(3)]
  const { reader, asked } = reading([behind, behind, behind])
  for (let i = 0; i < 3; i++) {
    t.deepEqual(await reader.read(10), { changes: [], resets: [], isStalled: true })
  }
  t.deepEqual(asked, ['a', 'b', 'a'])
})

test('cursors that moved since the last commit are those to commit', async t => {
  const { reader } = reading([[page(0), page(1)]])
  await reader.read(10)
  const cursors = reader.readSoFar()
  t.deepEqual(cursors.map(([shard]) => shard), [0, 1])
  reader.committed(cursors.slice(0, 1))
  t.deepEqual(reader.readSoFar().map(([shard]) => shard), [1])
})

test('that all holders are behind is said once, and why it starts over (SPEC C13)', async t => {
  const behind = [page(0, { behind: true, cursor: null }), page(1), page(2), page(3)]
  const { reader, events, wait } = reading([behind, behind, behind, behind, whole()])
  const of = { cache: 'prices', consumerGroup: 'test' }
  await reader.read(10)
  t.deepEqual(events, [], 'another holder may go on')
  t.is(reader.behindCount, 1)
  wait(50)
  await reader.read(10)
  const told = [{
    type: 'consumer-behind',
    ...of,
    shards: [0],
    unlistedShards: 0,
    forMs: 50
  }] as const
  t.deepEqual(events, [...told])
  await reader.read(10)
  t.deepEqual(events, [...told])
  wait(1200)
  await reader.read(10)
  const reset = {
    type: 'consumer-reset',
    ...of,
    shards: [0],
    unlistedShards: 0,
    why: 'patience'
  } as const
  t.deepEqual(events, [...told, reset])
  await reader.read(10)
  t.is(reader.behindCount, 0)
})

test('a consumer says which shards it reads again for dropped tombstones (SPEC C13)', async t => {
  const { reader, events } = reading([[page(0), page(1, { reset: true }), page(2, { reset: true }),
    page(3)]])
  await reader.read(10)
  t.deepEqual(events, [{
    type: 'consumer-reset',
    cache: 'prices',
    consumerGroup: 'test',
    shards: [1, 2],
    unlistedShards: 0,
    why: 'floor'
  }])
})

test('errors that trying again mends are kept for the status (SPEC C13)', async t => {
  const { reader, scope, wait } = reading([new UnavailableError('not here'), whole()])
  t.is(scope.log.status().lastError, null)
  await reader.read(10)
  wait(30)
  t.deepEqual(scope.log.status().lastError, {
    code: 'UNAVAILABLE',
    message: 'not here',
    agoMs: 30
  })
})
