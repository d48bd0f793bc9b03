/**
 * Writes of two writers with the same version and stamp: only their dots can order them, and a
 * buffered write has none yet.
 */
import test from 'ava'
import type { Write } from '../../../engine/write/write.js'
import { entriesOf } from '../../../engine/record/record.js'
import { assertWhole, del, dump, openShard, put, replace, type TestShard } from '../shards.js'

const increment: Write = {
  key: 'k',
  version: 10,
  stamp: 10,
  fields: null,
  operations: [{ kind: 'increment', field: 'n', by: 1 }]
}

/** A shard that has merged what writer 5 wrote. */
function having (incarnation: number, ...writes: Write[]): TestShard {
  const other = openShard(5)
  for (const write of writes) other.write(write)
  const shard = openShard(incarnation)
  shard.merge(other.encode())
  return shard
}

for (const [incarnation, wins] of [[3, false], [9, true]] as const) {
  const effect = wins ? 'hides what it ties with' : 'hides only what is older'
  test(`a delete or replacement in a tie gets its dot at once, and ${effect} (SPEC E3)`, t => {
    for (const clear of [del('k', 10), replace('k', 10, { c: 2 })]) {
      const shard = having(incarnation, put('k', 9, { older: 1 }), put('k', 10, { a: 1 }))
      t.true(shard.write(clear))
      t.is(shard.pendingEntries, 0)
      const left = { ...wins ? {} : { a: 1 }, ...clear.fields }
      t.deepEqual(shard.get('k'), Object.keys(left).length === 0 ? undefined : left)
      const replica = having(1, put('k', 9, { older: 1 }), put('k', 10, { a: 1 }))
      for (const delta of shard.deltas) replica.merge(delta)
      t.deepEqual(dump(replica), dump(shard))
      t.deepEqual(replica.encode(), shard.encode())
      for (const each of [shard, replica]) assertWhole(t, each)
    }
  })
}

test('a delete that is taken again waits for nobody and is not logged again (SPEC E9)', t => {
  const shard = having(9, put('k', 9, { a: 1 }), del('k', 10))
  t.false(shard.write(del('k', 10)))
  t.false(shard.write(replace('k', 10, { a: 2 })), 'nor is a replacement of the same time')
  t.deepEqual(shard.deltas, [])
  shard.write(del('l', 10))
  t.false(shard.write(del('l', 10)))
  t.deepEqual(shard.deltas, [], 'nothing was flushed in haste')
  t.is(shard.stateVector.get(9), 1)
  assertWhole(t, shard)
})

test('a delete that ties with an increment is buffered, since no dot decides it (SPEC E18)', t => {
  for (const incarnation of [3, 9]) {
    const shard = having(incarnation, increment)
    t.true(shard.write(del('k', 10)))
    t.is(shard.pendingEntries, 1)
    t.is(shard.get('k'), undefined)
    assertWhole(t, shard)
    t.is(shard.get('k'), undefined)
  }
})

test('entries that tie stand in the order of their dots once they have them', t => {
  for (const incarnation of [3, 9]) {
    const shard = having(incarnation, put('k', 10, { a: 1 }), increment)
    shard.write(put('k', 10, { b: 2 }))
    shard.write({ ...increment, operations: [{ kind: 'add', field: 't', element: 'x' }] })
    shard.flush()
    const order = entriesOf(shard.index.get('k') as Parameters<typeof entriesOf>[0]).map(entry =>
      entry.incarnation
    )
    t.deepEqual(order, incarnation === 3 ? [3, 3, 5, 5] : [5, 5, 9, 9])
    t.deepEqual(shard.get('k'), { a: 1, b: 2, n: 1, t: ['x'] })
    assertWhole(t, shard)
  }
})
