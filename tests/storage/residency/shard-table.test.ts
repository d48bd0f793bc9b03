/** A shard that is in the store only is never taken for an empty one (SPEC S5). */
import test from 'ava'
import { NO_FLOOR } from '../../../engine/garbage/floor.js'
import { ColdShardError } from '../../../storage/residency/residency.js'
import { coldRow, cool } from '../../support/cold-shard.js'
import { openShardSet } from '../../support/open-shard-set.js'

function open () {
  const opened = openShardSet(1, { shards: 2, groups: 1, indexes: { n: 'equality' } })
  for (let i = 0; i < 20; i++) opened.put(`k${i}`, { n: i })
  opened.put('k3', null)
  opened.shards.flush()
  const shard = opened.shards.topology.shardOf('k1')
  return { ...opened, shard }
}

test('a cold shard says of itself what it said in memory (SPEC S5)', t => {
  const { shards, shard } = open()
  const told = () => ({
    digest: shards.digest(shard),
    root: shards.root(0),
    known: new Map(shards.known(shard)),
    floor: shards.floor(shard),
    counts: shards.counts(),
    incarnation: shards.incarnationOf(shard)
  })
  const before = told()
  t.is(before.counts.records, 19)
  const row = cool(shards, shard)
  t.deepEqual(shards.at(shard), { state: 'cold', row })
  t.deepEqual(told(), before)
})

test('what needs the records of a cold shard reads it back or fails by name (SPEC S5)', t => {
  const { shards, shard, put, deltas } = open()
  const update = shards.open(shard).encode()
  cool(shards, shard)
  const before = deltas.length
  const page = { limit: 10, after: null, maxBytes: 1000 }
  const needs: Array<() => unknown> = [
    () => shards.open(shard),
    () => shards.record(shard, 'k1'),
    () => shards.versionOf(shard, 'k1'),
    () => put('k1', { n: 7 }),
    () => shards.merge(shard, update),
    () => shards.reset(shard, update, NO_FLOOR),
    () => shards.collect(shard, { stable: new Map(), before: 0, forcedBefore: 0 }),
    () => shards.retire(shard, new Map(), new Set()),
    () => shards.indexes.query(shard, [{ field: 'n', values: new Set([1]) }], page)
  ]
  for (const need of needs) {
    t.throws(need, { instanceOf: ColdShardError, message: /shard \d is cold/ }, String(need))
    t.is(shards.at(shard).state, 'cold', String(need))
  }
  shards.flush()
  t.is(deltas.length, before)
})

test('an absent shard answers as an empty one, and only a write begins it', t => {
  const { shards } = openShardSet(1, { shards: 2, groups: 1 })
  t.is(shards.record(0, 'k'), undefined)
  t.is(shards.versionOf(0, 'k'), undefined)
  t.is(shards.known(0).size, 0)
  t.is(shards.floor(0), NO_FLOOR)
  t.is(shards.expire(0), 0)
  t.deepEqual(shards.counts(), { records: 0, liveEntries: 0, deadEntries: 0 })
  t.deepEqual(shards.at(0), { state: 'absent' })
  const begun = shards.open(0)
  t.deepEqual(shards.at(0), { state: 'resident', shard: begun })
  t.is(shards.open(0), begun)
})

test('a sweep reads a cold shard back only when its row says that a field has expired', t => {
  const { shards, shard, time } = open()
  const now = time.ports('node').clock.wallMs() * 1000
  shards.cool(coldRow(shard, { nextExpiry: now + 60_000_000 }))
  t.is(shards.expire(shard), 0)
  shards.cool(coldRow(shard, { nextExpiry: now - 60_000_000 }))
  t.throws(() => shards.expire(shard), { instanceOf: ColdShardError })
})

test('a cold shard that is dropped is gone, and begins again under another id', t => {
  const { shards, shard } = open()
  cool(shards, shard)
  shards.drop(0)
  t.is(shards.at(shard).state, 'absent')
  t.is(shards.counts().records, 0)
  t.not(shards.open(shard).incarnation, 1)
})
