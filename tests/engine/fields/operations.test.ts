/** Counters, sets, maxima, minima and sequenced fields on shards that write apart and merge. */
import test from 'ava'
import type { Operation } from '../../../engine/fields/kinds.js'
import { limits } from '../../../engine/limits.js'
import type { Entry } from '../../../engine/record/entry.js'
import { KindError, LimitError } from '../../../engine/errors.js'
import { assertWhole, del, dump, openShard, put, replace, type TestShard } from '../shards.js'
import { checkBody } from '../../../engine/write/write.js'
import type { ExecutionContext } from 'ava'
import type { Write } from '../../../engine/write/write.js'

let version = 1000
function operate (shard: TestShard, key: string, ...operations: Operation[]): boolean {
  version++
  return shard.write({ key, version, stamp: version, fields: null, operations })
}
const increment = (field: string, by: number): Operation => ({ kind: 'increment', field, by })
const add = (field: string, element: string | number | boolean): Operation => ({
  kind: 'add',
  field,
  element
})
const remove = (field: string, element: string | number | boolean): Operation => ({
  kind: 'remove',
  field,
  element
})

/** All know what all know. */
function exchange (t: ExecutionContext, ...shards: TestShard[]): void {
  for (const to of shards) {
    for (const from of shards) if (to !== from) to.merge(from.encode(to.stateVector))
  }
  for (const shard of shards) {
    t.deepEqual(shard.encode(), shards[0]?.encode())
    assertWhole(t, shard)
  }
}

test('increments of several writers add up, hammered or not, each counting once (SPEC E15)', t => {
  const [a, b, c] = [openShard(1), openShard(2), openShard(3)]
  for (let i = 0; i < 1000; i++) operate(a, 'k', increment('views', 1))
  t.deepEqual(a.get('k'), { views: 1000 })
  t.is(a.pendingEntries, 1, 'a hammered counter costs one entry')
  operate(b, 'k', increment('views', 5), increment('sales', 0.5))
  b.flush()
  operate(b, 'k', increment('views', -2))
  exchange(t, a, b, c)
  t.deepEqual(c.get('k'), { views: 1003, sales: 0.5 })
  for (const shard of [a, b, c]) operate(shard, 'k', increment('views', 10))
  exchange(t, a, b, c)
  t.deepEqual(dump(a), { k: { sales: 0.5, views: 1033 } })
})

test('the sum of a writer before it went on as another life still counts (SPEC E15)', t => {
  const a = openShard(1)
  operate(a, 'k', increment('n', 7))
  const reborn = openShard(9)
  reborn.merge(a.encode())
  operate(reborn, 'k', increment('n', 1))
  exchange(t, a, reborn)
  t.deepEqual(a.get('k'), { n: 8 })
})

test('registers and other fields of one record do not disturb each other', t => {
  const [a, b] = [openShard(1), openShard(2)]
  a.write(put('k', 5000, { price: 1, name: 'a' }))
  operate(b, 'k', increment('views', 1), add('tags', 'x'))
  exchange(t, a, b)
  a.write(put('k', 6000, { price: 2 }))
  operate(b, 'k', increment('views', 1))
  exchange(t, a, b)
  t.deepEqual(dump(b), { k: { name: 'a', price: 2, tags: ['x'], views: 2 } })
})

test('an add wins over a removal that had not seen it (SPEC E16)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  operate(a, 'k', add('tags', 'x'), add('tags', 'y'), add('tags', 3), add('tags', true))
  exchange(t, a, b)
  t.deepEqual(b.get('k'), { tags: [true, 3, 'x', 'y'] })
  operate(a, 'k', remove('tags', 'x'), remove('tags', 'y'))
  operate(b, 'k', add('tags', 'x'))
  exchange(t, a, b)
  t.deepEqual(a.get('k'), { tags: [true, 3, 'x'] })
  operate(
    b,
    'k',
    remove('tags', 'x'),
    remove('tags', 3),
    remove('tags', true),
    remove('tags', 'never there')
  )
  exchange(t, a, b)
  t.is(a.get('k'), undefined)
})

test('an element re-added between flushes stays, and one removed last does not (SPEC E16)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  operate(a, 'k', add('tags', 'x'))
  a.flush()
  operate(a, 'k', add('tags', 'x'))
  operate(a, 'k', remove('tags', 'x'))
  t.is(a.get('k'), undefined)
  exchange(t, a, b)
  t.is(b.get('k'), undefined)
  operate(a, 'k', add('tags', 'x'))
  operate(a, 'k', remove('tags', 'x'))
  operate(a, 'k', add('tags', 'x'))
  exchange(t, a, b)
  t.deepEqual(b.get('k'), { tags: ['x'] })
  operate(b, 'new', add('tags', 1))
  operate(b, 'new', remove('tags', 1))
  t.is(b.get('new'), undefined)
  t.is(b.pendingEntries - 1, 0, 'what came and went within the buffer is not logged')
  exchange(t, a, b)
})

test('the greatest and the least value win, in whatever order they come (SPEC E17)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  operate(a, 'k', { kind: 'max', field: 'high', value: 10 }, {
    kind: 'min',
    field: 'low',
    value: 10
  })
  operate(b, 'k', { kind: 'max', field: 'high', value: 30 }, {
    kind: 'min',
    field: 'low',
    value: 5
  })
  t.false(
    operate(b, 'k', { kind: 'max', field: 'high', value: 20 }),
    'a lower value changes nothing'
  )
  exchange(t, a, b)
  t.deepEqual(a.get('k'), { high: 30, low: 5 })
})

test('sequenced values are bounded in bytes of UTF-8, not in characters (SPEC B2)', t => {
  const body = (value: string) => ({
    operations: [{ kind: 'sequenced', field: 'price', sequence: 1, value }]
  })
  const most = limits.maxSequencedBytes - 8
  for (const char of ['x', 'é', '€', '😀']) {
    const fitting = char.repeat(Math.floor(most / Buffer.byteLength(char)))
    t.notThrows(() => checkBody(body(fitting), limits), char)
    t.throws(() => checkBody(body(fitting + char.repeat(8)), limits), { instanceOf: LimitError })
  }
})

test('a sequenced field follows the numbers of its source, whatever clocks say (SPEC E17)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  operate(a, 'k', { kind: 'sequenced', field: 'price', sequence: 12, value: { amount: 5 } })
  operate(b, 'k', { kind: 'sequenced', field: 'price', sequence: 11, value: 'older' })
  exchange(t, a, b)
  t.deepEqual(b.get('k'), { price: { amount: 5 } })
  operate(b, 'k', { kind: 'sequenced', field: 'price', sequence: 14 })
  t.false(operate(b, 'k', { kind: 'sequenced', field: 'price', sequence: 13, value: 'late' }))
  exchange(t, a, b)
  t.is(a.get('k'), undefined, 'without a value it is gone')
})

test('a delete ends even unseen counters and sets, and they begin anew after it (SPEC E18)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  operate(a, 'k', increment('n', 5), add('tags', 'x'), { kind: 'max', field: 'high', value: 9 })
  exchange(t, a, b)
  b.write(del('k', version += 10))
  operate(a, 'k', increment('n', 3), add('tags', 'y'))
  exchange(t, a, b)
  t.is(a.get('k'), undefined)
  operate(a, 'k', increment('n', 2), { kind: 'max', field: 'high', value: 1 })
  exchange(t, a, b)
  t.deepEqual(b.get('k'), { n: 2, high: 1 })
  b.write(replace('k', version += 10, { name: 'new' }))
  exchange(t, a, b)
  t.deepEqual(a.get('k'), { name: 'new' })
})

test('an unset field is absent, can take another kind, and does not come back (SPEC E18)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  a.write(put('k', 100, { price: 1, name: 'x' }))
  operate(a, 'k', increment('n', 5))
  exchange(t, a, b)
  version += 10
  b.write({ key: 'k', version, stamp: version, fields: { price: undefined, n: undefined } })
  t.deepEqual(b.get('k'), { name: 'x' })
  a.write(put('k', 101, { price: 2 }))
  exchange(t, a, b)
  t.deepEqual(a.get('k'), { name: 'x' })
  b.write(put('k', version += 10, { n: 'now a text' }))
  exchange(t, a, b)
  t.deepEqual(a.get('k'), { name: 'x', n: 'now a text' })
  version += 10
  a.write({ key: 'k', version, stamp: version, fields: { name: undefined, n: undefined } })
  exchange(t, a, b)
  t.is(b.get('k'), undefined, 'a record without fields is not there')
})

test('a field of another kind is refused where a write enters, changing nothing (SPEC E19)', t => {
  const a = openShard(1)
  a.write(put('k', 100, { price: 1 }))
  operate(a, 'k', increment('views', 1))
  const before = [a.encode(), dump(a)]
  for (
    const wrong of [increment('price', 1), add('views', 1), {
      kind: 'max',
      field: 'views',
      value: 1
    }] as Operation[]
  ) {
    t.throws(() => operate(a, 'k', increment('other', 1), wrong), {
      instanceOf: KindError,
      code: 'FIELD_KIND'
    })
  }
  t.throws(() => a.write(put('k', version += 10, { views: 3 })), {
    instanceOf: KindError,
    message: /views is a counter/
  })
  t.deepEqual([a.encode(), dump(a)], before)
})

test('a field used as different kinds reads the same everywhere, and is counted (SPEC E19)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  operate(a, 'k', increment('n', 1))
  b.write(put('k', version += 10, { n: 'text' }))
  operate(b, 'l', add('n', 1))
  operate(a, 'l', increment('n', 1))
  exchange(t, a, b)
  t.deepEqual(dump(a), dump(b))
  t.deepEqual(a.get('k'), { n: 'text' })
  for (const shard of [a, b]) {
    t.true(shard.events.some(event => event.type === 'field-kind-conflict' && event.field === 'n'))
  }
})

test('a counter does not leave the safe integers', t => {
  const a = openShard(1)
  operate(a, 'k', increment('n', Number.MAX_SAFE_INTEGER))
  t.throws(() => operate(a, 'k', increment('n', 1)), { instanceOf: LimitError })
  t.deepEqual(a.get('k'), { n: Number.MAX_SAFE_INTEGER })
})

test('more claims than one entry may hold go to several', t => {
  const [a, b] = [openShard(1), openShard(2)]
  for (let i = 0; i < limits.maxClaimsPerEntry * 2 + 10; i++) operate(a, 'k', add('tags', i))
  t.true(a.liveEntries >= 3)
  exchange(t, a, b)
  t.is((b.get('k')?.['tags'] as unknown[] | undefined)?.length, limits.maxClaimsPerEntry * 2 + 10)
})

test('an operation of a writer whose clock is behind does not set its record back (SPEC C2)', t => {
  const shard = openShard(1)
  const head = () => shard.index.get('k') as Entry
  for (
    const operations of [[increment('n', 1)], [add('s', 'a')], [{
      kind: 'max',
      field: 'm',
      value: 7
    }], [{ kind: 'sequenced', field: 'q', sequence: 2, value: 'x' }]] as const
  ) {
    for (const at of [500, 400]) {
      shard.write({
        key: 'k',
        version: at,
        stamp: at,
        fields: null,
        operations: operations.map(operation =>
          at === 400 && operation.kind === 'max' ? { ...operation, value: 8 } : operation
        )
      })
      shard.flush()
      t.is(shard.versionOf(head()), 500)
    }
  }
  t.deepEqual(shard.get('k'), { m: 8, n: 2, q: 'x', s: ['a'] })
})

/** An operation as it entered in one process life, which several owners may take. */
function entered (writer: number, at: number, ...operations: Operation[]): Write {
  return {
    key: 'k',
    version: at,
    stamp: at,
    entered: { writer, sequence: at },
    fields: null,
    operations
  }
}

test('copies of one add are one claim: whoever removes one takes back all (SPEC E9, E16)', t => {
  for (const isRemovedFirst of [true, false]) {
    const [a, b] = [openShard(1), openShard(2)]
    const sent = entered(7, 10, add('tags', 'x'))
    if (!isRemovedFirst) a.write(sent)
    b.write(sent)
    b.write(entered(8, 20, remove('tags', 'x')))
    if (isRemovedFirst) a.write(sent)
    b.write(sent)
    exchange(t, a, b)
    t.is(a.get('k'), undefined)
    a.write(entered(7, 9, add('tags', 'x')))
    exchange(t, a, b)
    t.is(a.get('k'), undefined, 'an earlier add of that writer')
    a.write(entered(9, 9, add('tags', 'x')))
    exchange(t, a, b)
    t.deepEqual(b.get('k'), { tags: ['x'] }, 'an add of another writer was not seen')
  }
})

test('a copy of an add that is there already changes nothing (SPEC E9)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  for (const shard of [a, b]) shard.write(entered(7, 10, add('tags', 'x')))
  exchange(t, a, b)
  operate(a, 'k', remove('tags', 'x'))
  exchange(t, a, b)
  t.is(b.get('k'), undefined)
})

test('a reset ends what was dated before it, whether it was seen or not (SPEC E18)', t => {
  const operations = [add('tags', 'x'), increment('n', 1), { kind: 'max', field: 'm', value: 3 }, {
    kind: 'sequenced',
    field: 'q',
    sequence: 1,
    value: 1
  }] satisfies Operation[]
  for (const operation of operations) {
    const shard = openShard(1)
    const late = entered(7, 10, operation)
    shard.write(del('k', 20))
    t.is(shard.standingAbove(late), 20)
    t.false(shard.write(late))
    t.is(shard.get('k'), undefined)
    t.is(shard.standingAbove({ ...late, version: 21 }), 0)
    t.true(shard.write({ ...late, version: 21 }), 'dated anew')
    shard.write({ key: 'k', version: 30, stamp: 30, fields: { [operation.field]: undefined } })
    t.is(shard.standingAbove({ ...late, version: 25 }), 30, 'the field was unset')
    t.is(shard.standingAbove(entered(7, 25, add('other', 1))), 0, 'and no other')
    shard.write(del('k', 40))
    shard.flush()
    shard.collect({ stable: shard.stateVector, before: Infinity, forcedBefore: Infinity })
    t.is(shard.standingAbove({ ...late, version: 35 }), 40, 'a tombstone that was dropped')
  }
})

test('a later add counts also where the clock of its writer was set back (SPEC E16)', t => {
  const shard = openShard(1)
  const at = (stamp: number, sequence: number, operation: Operation): Write => ({
    ...entered(7, stamp, operation),
    entered: { writer: 7, sequence }
  })
  shard.write(at(100, 1, add('tags', 'x')))
  shard.write(at(101, 2, remove('tags', 'x')))
  shard.write(at(50, 3, add('tags', 'x')))
  t.deepEqual(shard.get('k'), { tags: ['x'] })
})
