import { limits } from '../../engine/limits.js'
import test, { type ExecutionContext } from 'ava'
import { changesSince, type Change, type ChangePage } from '../../engine/changes.js'
import { decodeCursor, encodeCursor, joinCursors, startOf,
  type Cursor } from '../../engine/cursor.js'
import type { Shard } from '../../engine/shard.js'
import { covers, sameVector } from '../../engine/base/state-vector.js'
import type { Fields } from '../../engine/base/values.js'
import { describeSeed, pickSeed, seededRandom } from '../support/ports.js'
import { del, dump, openShard, put, replace } from './shards.js'

type Changes = ChangePage & { outcome: 'changes' }

function poll (
  t: ExecutionContext,
  shard: Shard,
  cursor: Cursor,
  limit = 100,
  maxBytes?: number
): Changes {
  const page = changesSince(shard, cursor, limit, maxBytes)
  if (page.outcome !== 'changes') {
    t.fail(`the replica answered ${page.outcome}`)
    throw new Error(page.outcome)
  }
  return page
}

/** A consumer who keeps a copy of the shard from what polls tell him. */
class Consumer {
  readonly view = new Map<string, Fields>()
  readonly versions = new Map<string, number>()
  cursor = startOf(0)

  constructor (readonly t: ExecutionContext) {}

  take ({ changes, cursor }: Changes): void {
    for (const change of changes) {
      if (change.deleted) this.view.delete(change.key)
      else this.view.set(change.key, change.fields)
      this.t.true(change.version >= (this.versions.get(change.key) ?? 0), `${change.key} went back`)
      this.versions.set(change.key, change.version)
    }
    this.t.true(
      covers(cursor.seen, this.cursor.seen) && covers(cursor.witness, this.cursor.witness),
      'the cursor went back'
    )
    // As over the wire: a cursor must survive being written and read.
    this.cursor = decodeCursor(encodeCursor(cursor), 0, limits)
  }

  drain (shard: Shard, limit = 100, maxBytes?: number): Change[] {
    const all: Change[] = []
    for (let rounds = 0; rounds < 10_000; rounds++) {
      const page = poll(this.t, shard, this.cursor, limit, maxBytes)
      this.take(page)
      all.push(...page.changes)
      if (!page.more) return all
      this.t.true(page.changes.length > 0, 'a page that is not the last one holds something')
    }
    this.t.fail('draining does not end')
    return all
  }

  records (): Record<string, Fields> {
    return Object.fromEntries(
      [...this.view].sort(([a], [b]) => a < b ? -1 : 1).map((
        [key, fields]
      ) => [key, Object.fromEntries(Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1))])
    )
  }
}

const fill = (shard: Shard, count: number, prefix = 'k'): void => {
  for (let i = 0; i < count; i++) shard.write(put(`${prefix}${i}`, i + 1, { n: i }))
}

test('nothing has changed in an empty shard, nor since the end', t => {
  const shard = openShard(1)
  t.deepEqual(poll(t, shard, startOf(0)), {
    outcome: 'changes',
    changes: [],
    cursor: startOf(0),
    more: false
  })
  fill(shard, 3)
  const { cursor } = poll(t, shard, startOf(0))
  t.deepEqual(poll(t, shard, cursor).changes, [])
})

test('a change says what a record is now, and which fields were written since', t => {
  const shard = openShard(1)
  shard.write(put('a', 1, { x: 1, y: 1 }))
  const first = poll(t, shard, startOf(0))
  t.deepEqual(first.changes, [{
    key: 'a',
    shard: 0,
    deleted: false,
    fields: { x: 1, y: 1 },
    changed: ['x', 'y'],
    version: 1
  }])
  shard.write(put('a', 2, { y: 2 }))
  shard.write(del('b', 3))
  t.deepEqual(poll(t, shard, first.cursor).changes, [
    { key: 'a', shard: 0, deleted: false, fields: { x: 1, y: 2 }, changed: ['y'], version: 2 },
    { key: 'b', shard: 0, deleted: true, fields: {}, changed: [], version: 3 }
  ])
})

test('each changed record comes once, however many writers changed it how often', t => {
  const shard = openShard(9)
  for (const incarnation of [1, 2, 3]) {
    const other = openShard(incarnation)
    for (let i = 0; i < 50; i++) {
      other.write(put(`k${i % 5}`, i, { [`f${incarnation}`]: i }))
      other.flush()
    }
    shard.merge(other.encode())
  }
  const { changes, more } = poll(t, shard, startOf(0))
  t.deepEqual(changes.map(change => change.key).sort(), ['k0', 'k1', 'k2', 'k3', 'k4'])
  t.false(more)
  for (const change of changes) t.deepEqual([...change.changed].sort(), ['f1', 'f2', 'f3'])
})

test('the backlog of a consumer never exceeds the live records, however far behind it is', t => {
  const shard = openShard(1)
  fill(shard, 20)
  const { cursor } = poll(t, shard, startOf(0))
  for (let i = 0; i < 20_000; i++) {
    shard.write(put(`k${i % 20}`, 1000 + i, { n: i }))
    if (i % 50 === 0) shard.flush()
  }
  t.is(poll(t, shard, cursor, 10_000).changes.length, 20)
})

test('pages end at the limit, and together they are everything', t => {
  const shard = openShard(1)
  fill(shard, 95)
  for (const limit of [1, 7, 94, 95, 96]) {
    const consumer = new Consumer(t)
    let pages = 0
    for (let more = true; more; pages++) {
      const page = poll(t, shard, consumer.cursor, limit)
      t.true(page.changes.length <= limit)
      consumer.take(page)
      more = page.more
    }
    t.is(pages, Math.ceil(95 / limit), `limit ${limit}`)
    t.deepEqual(consumer.records(), dump(shard))
  }
})

test('pages end at about the number of bytes asked for, but hold at least one record', t => {
  const shard = openShard(1)
  for (let i = 0; i < 20; i++) shard.write(put(`k${i}`, 1, { text: 'x'.repeat(10_000) }))
  t.is(poll(t, shard, startOf(0), 100, 1).changes.length, 1)
  const page = poll(t, shard, startOf(0), 100, 100_000)
  t.true(page.more)
  t.true(page.changes.length >= 3 && page.changes.length <= 10, `${page.changes.length} records`)
  const consumer = new Consumer(t)
  t.is(consumer.drain(shard, 100, 25_000).length, 20)
  t.deepEqual(consumer.records(), dump(shard))
})

test('a cursor continues on another replica (SPEC C3)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  fill(a, 10, 'a')
  fill(b, 10, 'b')
  a.merge(b.encode())
  b.merge(a.encode())
  const consumer = new Consumer(t)
  consumer.take(poll(t, a, consumer.cursor, 7))
  b.write(put('new', 100, { x: 1 }))
  const rest = consumer.drain(b, 4)
  t.is(rest.length, 14, 'nothing that was read on the first replica comes again')
  t.deepEqual(consumer.records(), dump(b))
})

test('a replica that is behind a cursor answers with nothing (SPEC C2)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  fill(a, 3)
  b.merge(a.encode())
  a.write(put('k0', 100, { n: 'new' }))
  const { cursor } = poll(t, a, startOf(0))
  t.deepEqual(changesSince(b, cursor, 10), { outcome: 'behind' })
  b.merge(a.encode(b.stateVector))
  t.deepEqual(poll(t, b, cursor).changes, [])
})

// The page skipped a superseded entry because of one that only the first replica had: the second
// must not go on.
test('a replica that is behind what half a page was based on answers with nothing, too', t => {
  const [a, b] = [openShard(1), openShard(2)]
  fill(a, 5)
  b.merge(a.encode())
  a.write(put('k0', 100, { n: 'new' }))
  const page = poll(t, a, startOf(0), 2)
  t.true(page.more)
  t.false(page.changes.some(change => change.key === 'k0'))
  t.deepEqual(changesSince(b, page.cursor, 10), { outcome: 'behind' })
})

test('a busy writer does not starve a quiet one (SPEC C5)', t => {
  const shard = openShard(9)
  const busy = openShard(1)
  fill(busy, 1000, 'busy')
  shard.merge(busy.encode())
  const quiet = openShard(2)
  fill(quiet, 3, 'quiet')
  shard.merge(quiet.encode())
  const { changes } = poll(t, shard, startOf(0), 10)
  t.is(changes.length, 10)
  t.is(changes.filter(change => change.key.startsWith('quiet')).length, 3)
})

test('a key that never stops changing is delivered all the same', t => {
  const shard = openShard(1)
  fill(shard, 50)
  const consumer = new Consumer(t)
  let delivered = 0
  for (let i = 0; i < 200; i++) {
    shard.write(put('k0', 1000 + i, { n: i }))
    const page = poll(t, shard, consumer.cursor, 1)
    consumer.take(page)
    delivered += page.changes.filter(change => change.key === 'k0').length
  }
  t.true(delivered > 100, `${delivered} times`)
})

test('a delete is delivered to a consumer who was away', t => {
  const shard = openShard(1)
  fill(shard, 3)
  const consumer = new Consumer(t)
  consumer.drain(shard)
  shard.write(del('k1', 50))
  shard.compact()
  t.deepEqual(consumer.drain(shard).map(({ key, deleted }) => [key, deleted]), [['k1', true]])
  t.deepEqual(consumer.records(), dump(shard))
})

test('when a shard is read to its end, seen and witness are the same', t => {
  const shard = openShard(1)
  fill(shard, 5)
  const { cursor } = poll(t, shard, startOf(0))
  t.true(sameVector(cursor.seen, cursor.witness))
  t.true(sameVector(cursor.seen, shard.stateVector))
})

test('a poll keeps the generation of its cursor', t => {
  const shard = openShard(1)
  fill(shard, 5)
  t.is(poll(t, shard, startOf(0, 3), 2).cursor.generation, 3)
})

test('whatever replicas a consumer polls in whatever pages, its view ends as the dump', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed), 'npm run test:only -- tests/engine/changes.test.ts')
  const random = seededRandom(seed)
  const below = (end: number): number => random.uint32() % end
  for (let round = 0; round < 30; round++) {
    const replicas = [openShard(1), openShard(2), openShard(3)] as const
    const consumers = [new Consumer(t), new Consumer(t)]
    for (let step = 0; step < 300; step++) {
      const shard = replicas[below(3)] ?? replicas[0]
      const key = `k${below(12)}`
      const version = 1 + Math.floor(step / 2) + below(20)
      const stamp = step * 4
      switch (below(9)) {
        case 0:
          shard.write(del(key, version, stamp))
          break
        case 1:
          shard.write(replace(key, version, { r: step }, stamp))
          break
        case 2:
          shard.flush()
          break
        case 3:
          shard.compact()
          break
        case 4: {
          const other = replicas[below(3)] ?? replicas[0]
          if (other !== shard) {
            shard.merge(other.encode(below(2) === 0 ? shard.stateVector : undefined))
          }
          break
        }
        case 5:
        case 6: {
          const consumer = consumers[below(2)] as Consumer
          const page = changesSince(shard, consumer.cursor, 1 + below(6), 1 + below(400))
          if (page.outcome === 'changes') consumer.take(page)
          break
        }
        default:
          shard.write(put(key, version, { [`f${below(4)}`]: step }, stamp))
      }
    }
    const [a, b, c] = replicas
    for (const other of [b, c]) a.merge(other.encode(a.stateVector))
    for (const consumer of consumers) {
      consumer.drain(a, 1 + below(5))
      t.deepEqual(consumer.records(), dump(a), describeSeed(seed))
    }
    const [one, two] = consumers as [Consumer, Consumer]
    t.deepEqual(poll(t, a, joinCursors(one.cursor, two.cursor)).changes, [])
  }
})
