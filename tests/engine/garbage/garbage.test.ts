/**
 * Tombstones: when they go, what that asks of those who had not seen them, and that nothing comes
 * back.
 */
import test, { type ExecutionContext } from 'ava'
import { canPatch, decodeFloor, encodeFloor, graveOf,
  NO_FLOOR } from '../../../engine/garbage/floor.js'
import { limits } from '../../../engine/limits.js'
import { changesSince } from '../../../engine/changes.js'
import { startOf, type Cursor } from '../../../engine/cursor.js'
import { meet, type StateVector } from '../../../engine/base/state-vector.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'
import { assertWhole, del, dump, openShard, put, replace, type TestShard } from '../shards.js'

const ALWAYS = { before: Number.MAX_SAFE_INTEGER, forcedBefore: 0 }
const FORCED = {
  stable: new Map<number, number>(),
  before: Number.MAX_SAFE_INTEGER,
  forcedBefore: Number.MAX_SAFE_INTEGER
}

/**
 * Lets `from` tell `to` the rest, or everything anew where that is not enough; nothing while `from`
 * lies below its floor.
 */
function tell (from: TestShard, to: TestShard): 'patched' | 'reset' | 'nothing' {
  if (!canPatch(to.floor, from.known) && canPatch(from.floor, to.known)) return 'nothing'
  const since = to.known
  if (canPatch(from.floor, since)) {
    to.merge(from.encode(since))
    const retired = new Map(
      [...from.floor.below].filter(([incarnation, end]) =>
        !from.stateVector.has(incarnation) && since.get(incarnation) === end
      )
    )
    to.collect({ stable: retired, ...ALWAYS })
    to.retire(retired, new Set())
    return 'patched'
  }
  to.reset(from.encode(), from.floor)
  return 'reset'
}

function readAll (shard: TestShard, from: Cursor): Cursor | 'reset' {
  const page = changesSince(shard, from, 1000)
  return page.outcome === 'changes' ? page.cursor : 'reset'
}

test('a tombstone goes once all have seen it, and nothing else does (SPEC E21)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  a.write(put('k', 10, { n: 1 }))
  a.write(put('stays', 11, { n: 1 }))
  a.flush()
  b.merge(a.encode())
  a.write(del('k', 20))
  a.write({ key: 'stays', version: 21, stamp: 21, fields: { old: undefined } })
  t.is(a.collect({ stable: meet(a.known, b.known), ...ALWAYS }), 0, 'b has not seen them')
  tell(a, b)
  t.is(
    a.collect({ stable: meet(a.known, b.known), before: 20, forcedBefore: 0 }),
    0,
    'late events may still arrive'
  )
  t.is(a.collect({ stable: meet(a.known, b.known), ...ALWAYS }), 2)
  t.false(a.index.has('k'))
  t.deepEqual(dump(a), { stays: { n: 1 } })
  t.deepEqual(dump(b), dump(a))
  t.is(a.digest, b.digest, 'who dropped and who did not yet agree all the same')
  assertWhole(t, a)
  t.is(b.collect({ stable: meet(a.known, b.known), ...ALWAYS }), 2)
  t.deepEqual(b.encode(), a.encode())
  t.true(
    a.events.some(event =>
      event.type === 'tombstones-collected' && event.dropped === 2 && event.forced === 0
    )
  )
})

test('a peer that missed a dropped tombstone is reset, so what it hid stays gone (SPEC E21)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  a.write(put('k', 10, { n: 1 }))
  a.flush()
  b.merge(a.encode())
  b.write(put('k', 12, { m: 2 }))
  b.write(put('own', 22, { n: 2 }))
  b.flush()
  a.write(del('k', 20))
  a.write(put('new', 21, { n: 3 }))
  t.is(a.collect(FORCED), 1)
  t.is(tell(b, a), 'nothing', 'what b has may be what was deleted')
  t.is(tell(a, b), 'reset')
  t.deepEqual(
    dump(b),
    { new: { n: 3 }, own: { n: 2 } },
    'what a had not seen stays, when it was not deleted there'
  )
  t.is(tell(b, a), 'patched')
  t.deepEqual(a.encode(), b.encode())
  for (const shard of [a, b]) assertWhole(t, shard)
  t.true(
    b.events.some(event => event.type === 'shard-reset' && event.dropped === 1),
    'n; m, of which a had not heard, was unset'
  )
  t.is(tell(a, b), 'patched', 'it is not reset twice')
})

test('a new peer takes over the floor with the state, and passes it on (SPEC E21)', t => {
  const [a, b, c] = [openShard(1), openShard(2), openShard(3)]
  a.write(put('k', 10, { n: 1 }))
  a.flush()
  c.merge(a.encode())
  a.write(del('k', 20))
  a.collect(FORCED)
  t.is(tell(a, b), 'reset')
  t.is(tell(b, c), 'reset', 'b has never seen the tombstone itself')
  t.deepEqual(dump(c), {})
  t.deepEqual(c.encode(), a.encode())
})

test('a reader that had not met a dropped tombstone starts over, others go on (SPEC C11)', t => {
  const a = openShard(1)
  for (let i = 0; i < 10; i++) a.write(put(`k${i}`, 10 + i, { n: i }))
  a.flush()
  const before = readAll(a, startOf(0)) as Cursor
  a.write(del('k3', 50))
  const after = readAll(a, before) as Cursor
  const fresh = changesSince(a, startOf(0), 5)
  a.collect(FORCED)
  t.is(readAll(a, before), 'reset')
  t.not(readAll(a, after), 'reset')
  t.is(
    fresh.outcome === 'changes' ? readAll(a, fresh.cursor) : '',
    'reset',
    'one in the middle may have shown k3'
  )
  const begun = changesSince(a, startOf(0), 5)
  a.write(put('k4', 60, { n: 4 }))
  t.not(
    begun.outcome === 'changes' ? readAll(a, begun.cursor) : 'reset',
    'reset',
    'one that began after the drop goes on'
  )
})

test('an incarnation owning nothing live is retired, and returns whole if alive (SPEC E22)', t => {
  const [a, b, old] = [openShard(1), openShard(2), openShard(7)]
  old.write(put('k', 10, { n: 1 }))
  old.flush()
  for (const shard of [a, b]) tell(old, shard)
  a.write(put('k', 20, { n: 2 }))
  a.flush()
  tell(a, b)
  t.deepEqual(a.retire(new Map(), new Set()), [])
  t.deepEqual(a.retire(meet(a.known, b.known), new Set([7])), [], 'it may write again')
  t.deepEqual(a.retire(meet(a.known, b.known), new Set()), [7])
  t.deepEqual([...a.stateVector.keys()], [1])
  assertWhole(t, a)
  for (const delta of old.deltas) t.is(a.merge(delta).outcome, 'known')
  t.is(tell(b, a), 'patched')
  t.deepEqual([...a.stateVector.keys()], [1], 'b does not hand it back')
  t.is(tell(a, b), 'patched')
  t.deepEqual([...b.stateVector.keys()], [1], 'it hears that the incarnation was retired')
  t.is(a.digest, b.digest)
  t.deepEqual(a.encode(), b.encode())
  old.write(put('l', 30, { n: 3 }))
  old.flush()
  t.is(a.merge(old.deltas[1] as Uint8Array).outcome, 'merged')
  t.deepEqual(dump(a), { k: { n: 2 }, l: { n: 3 } })
  assertWhole(t, a)
  a.compact()
  assertWhole(t, a)
  const late = openShard(9)
  t.is(tell(a, late), 'reset')
  t.deepEqual(late.encode(), a.encode())
})

test('a floor is the same after a journey as bytes', t => {
  const floors = [NO_FLOOR, {
    below: new Map([[0xffffffff, 2 ** 40], [7, 3]]),
    graves: new Map([[5, 1.6e15], [0xffffffff, 0]]),
    forgotten: 12,
    newest: 1.7e15
  }]
  for (const floor of floors) t.deepEqual(decodeFloor(encodeFloor(floor), limits), floor)
  for (
    const bytes of [new Uint8Array(0), Uint8Array.of(200), Uint8Array.of(1, 0, 5),
      Uint8Array.of(1, 0, 0, 0, 200, 200, 2)]
  ) t.throws(() => decodeFloor(bytes, limits), { instanceOf: RangeError })
})

test('a floor remembers a bounded number of graves, the newest, and what it has forgotten', t => {
  const shard = openShard(1)
  const count = limits.maxGravesPerShard + 10
  for (let i = 1; i <= count; i++) shard.write(del(`k${i}`, i))
  t.is(shard.collect(FORCED), count)
  t.is(shard.floor.graves.size, limits.maxGravesPerShard)
  t.is(shard.floor.forgotten, 10)
  t.is(shard.floor.newest, count)
  t.is(graveOf(shard.floor, `k${count}`), count)
  t.is(graveOf(shard.floor, 'k3'), -1)
})

test('a process whose incarnation was retired elsewhere goes on writing under it (SPEC E22)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  a.write(put('k', 10, { n: 1 }))
  tell(a, b)
  b.write(put('k', 20, { n: 2 }))
  tell(b, a)
  for (const shard of [a, b]) t.deepEqual(shard.retire(meet(a.known, b.known), new Set([2])), [1])
  t.is(a.digest, b.digest)
  a.write(put('k', 30, { n: 3 }))
  a.flush()
  t.is(b.merge(a.deltas.at(-1) as Uint8Array).outcome, 'merged')
  t.deepEqual(b.encode(), a.encode())
  t.deepEqual(b.get('k'), { n: 3 })
  for (const shard of [a, b]) assertWhole(t, shard)
})

test('a tombstone logged again for a late event shows no reader an older version (SPEC E21)', t => {
  const owner = openShard(1)
  owner.write(put('k', 10, { a: 1, b: 1 }))
  owner.write({ key: 'k', version: 40, stamp: 40, fields: { b: undefined } })
  owner.write(del('k', 50))
  const before = readAll(owner, startOf(0)) as Cursor
  owner.collect(FORCED)
  owner.write(put('k', 20, { a: 2, b: 2 }, 60), true)
  const page = changesSince(owner, before, 10)
  t.deepEqual(
    page.outcome === 'changes'
      ? page.changes.map(({ key, deleted, version }) => [key, deleted, version])
      : page,
    [['k', true, 50]]
  )
})

// The tombstone was once logged with a later stamp, and so hid a write of the same event time that
// came right after it.
test('a tombstone logged again for a late event hides nothing written later (SPEC E3, E21)', t => {
  const [a, b] = [openShard(9), openShard(1)]
  a.write(put('k', 10, { x: 1 }))
  a.write(del('k', 50))
  a.write(put('l', 10, { x: 1, y: 1 }))
  a.write({ key: 'l', version: 50, stamp: 50, fields: { x: undefined } })
  a.flush()
  b.write(put('k', 50, { x: 2 }, 51))
  b.write(put('l', 50, { x: 2 }, 51))
  for (let i = 0; i < 3; i++) {
    t.false(a.write(put('k', 20, { x: 3 }, 60 + i), true))
    t.false(a.write(put('l', 20, { x: 3 }, 60 + i), true))
  }
  t.is(a.stateVector.get(9), 3 + 2, 'there is one retry of each tombstone to confirm')
  tell(a, b)
  tell(b, a)
  for (const shard of [a, b]) {
    t.deepEqual(dump(shard), { k: { x: 2 }, l: { x: 2, y: 1 } })
    assertWhole(t, shard)
  }
  t.deepEqual(a.encode(), b.encode())
})

for (const keepLoser of [false, true]) {
  const outlived = keepLoser ? 'confirmed older events' : 'older events'
  test(`a later write of a tombstone's version outlives it and ${outlived} (SPEC E3, E21)`, t => {
    const [a, b] = [openShard(9), openShard(1)]
    for (const key of ['deleted', 'written']) {
      a.write(put(key, 10, { x: 1 }))
      a.write(del(key, 50))
      a.write(put(key, 50, { x: 2 }, 60))
    }
    tell(a, b)
    t.is(a.collect({ stable: a.known, ...ALWAYS }), 2)
    t.false(a.write(del('deleted', 20, 70), keepLoser))
    t.false(a.write(put('written', 20, { x: 3 }, 70), keepLoser))
    tell(a, b)
    for (const shard of [a, b]) {
      t.deepEqual(dump(shard), { deleted: { x: 2 }, written: { x: 2 } })
      assertWhole(t, shard)
    }
    a.write(replace('written', 50, { y: 4 }, 75), keepLoser)
    t.deepEqual(
      a.get('written'),
      { x: 2 },
      'a replacement of that version, which is deleted like what it replaces, takes nothing away'
    )
    for (const key of ['deleted', 'written']) {
      t.true(
        a.write(del(key, 50, 80), keepLoser),
        'a delete of that version which comes later still is one'
      )
    }
    tell(a, b)
    for (const shard of [a, b]) t.deepEqual(dump(shard), {})
  })
}

test('a reset peer gives up only those parts of an entry that were history (SPEC E21)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  const elements = ['red', 'blue'] as const
  a.write(put('k', 10, { x: 1, y: 1 }))
  a.write({
    key: 's',
    version: 11,
    stamp: 11,
    fields: null,
    operations: elements.map(element => ({ kind: 'add', field: 'tags', element }))
  })
  tell(a, b)
  a.write({ key: 'k', version: 20, stamp: 20, fields: { y: undefined } })
  a.write({
    key: 's',
    version: 21,
    stamp: 21,
    fields: null,
    operations: [{ kind: 'remove', field: 'tags', element: 'red' }]
  })
  t.is(a.collect(FORCED), 2)
  t.is(tell(a, b), 'reset')
  t.deepEqual(dump(b), { k: { x: 1 }, s: { tags: ['blue'] } })
  t.is(b.digest, a.digest)
  t.deepEqual(b.encode(), a.encode())
  assertWhole(t, b)
})

test('a tombstone whose clock was ahead keeps no counter of another record alive (SPEC E18)', t => {
  const shard = openShard(1)
  const increment = (version: number, by: number) =>
    shard.write({
      key: 'k',
      version,
      stamp: version,
      fields: null,
      operations: [{ kind: 'increment', field: 'n', by }]
    })
  shard.write(del('other', 1000))
  shard.collect(FORCED)
  increment(100, 5)
  shard.write(del('k', 110))
  shard.collect(FORCED)
  increment(120, 7)
  t.deepEqual(shard.get('k'), { n: 7 })
  shard.write({ key: 'k', version: 130, stamp: 130, fields: { n: undefined } })
  increment(140, 9)
  t.deepEqual(shard.get('k'), { n: 9 })
})

test('no reader is shown an older version than that of a dropped tombstone (SPEC C2, E21)', t => {
  const [a, old] = [openShard(1), openShard(2)]
  a.write(put('k', 10, { a: 1, b: 1 }))
  a.write({ key: 'k', version: 50, stamp: 50, fields: { b: undefined } })
  a.write(put('l', 10, { a: 1 }))
  a.write(del('l', 50))
  const before = readAll(a, startOf(0)) as Cursor
  a.collect(FORCED)
  old.write(put('k', 20, { c: 3 }, 60))
  old.write(del('l', 30, 61))
  old.flush()
  for (const delta of old.deltas) a.merge(delta)
  const page = changesSince(a, before, 10)
  t.deepEqual(
    page.outcome === 'changes'
      ? page.changes.map(({ key, deleted, version }) => [key, deleted, version])
      : page,
    [['k', false, 50], ['l', true, 50]]
  )
  t.deepEqual(dump(a), { k: { a: 1, c: 3 } })
})

test('an add below an unseen tombstone is unset by replicas that dropped it (SPEC E21)', t => {
  const [dropped, kept, outsider] = [openShard(1), openShard(2), openShard(3)]
  const all = [dropped, kept, outsider]
  dropped.write(put('k', 10, { a: 1 }))
  dropped.write(del('k', 50))
  dropped.write(del('l', 50))
  tell(dropped, kept)
  dropped.collect(FORCED)
  outsider.write(put('k', 20, { a: 2, b: 2 }, 60))
  outsider.write(put('k', 55, { c: 3 }, 61))
  outsider.write({
    key: 'l',
    version: 62,
    stamp: 62,
    fields: null,
    operations: [{ kind: 'increment', field: 'n', by: 1 }]
  })
  outsider.flush()
  for (const shard of [dropped, kept]) {
    for (const delta of outsider.deltas) t.is(shard.merge(delta).outcome, 'merged')
  }
  for (const shard of [dropped, kept]) t.deepEqual(dump(shard), { k: { c: 3 } })
  for (let round = 0; round < 3; round++) {
    for (const to of all) for (const from of all) if (from !== to) tell(from, to)
  }
  for (const shard of all) {
    t.deepEqual(dump(shard), { k: { c: 3 } })
    t.is(shard.digest, dropped.digest)
    assertWhole(t, shard)
  }
})

function run (t: ExecutionContext, seed: number): void {
  const random = seededRandom(seed)
  const below = (end: number): number => random.uint32() % end
  const replicas = [1, 2, 3].map(incarnation => openShard(incarnation))
  const pick = (): TestShard => replicas[below(3)] as TestShard
  /** Per key and field, when it was deleted or unset last. */
  const deleted = new Map<string, number>()
  const names = ['n', 'm'] as const
  let version = 0
  for (let step = 0; step < 200; step++) {
    const shard = pick()
    const key = `k${below(8)}`
    version++
    const some = names.filter(() => below(2) === 0)
    switch (below(10)) {
      case 0:
      case 1:
        shard.write(
          put(
            key,
            version,
            Object.fromEntries((some.length === 0 ? names : some).map(name => [name, version]))
          )
        )
        break
      case 2:
        shard.write(del(key, version))
        for (const name of names) deleted.set(`${key} ${name}`, version)
        break
      case 8:
        if (some.length > 0) {
          shard.write({
            key,
            version,
            stamp: version,
            fields: Object.fromEntries(some.map(name => [name, undefined]))
          })
        }
        for (const name of some) deleted.set(`${key} ${name}`, version)
        break
      case 9:
        shard.write({
          key: `s${below(3)}`,
          version,
          stamp: version,
          fields: null,
          operations: Array.from(
            { length: 1 + below(3) },
            () => ({ kind: below(2) === 0 ? 'add' : 'remove', field: 'tags', element: below(4) })
          )
        })
        break
      case 3:
        shard.flush()
        break
      case 4: {
        const stable = replicas.map(({ known }): StateVector => known).reduce(meet)
        shard.collect({ stable, ...ALWAYS })
        break
      }
      case 5:
        shard.retire(
          replicas.map(({ known }): StateVector => known).reduce(meet),
          new Set(below(2) === 0 ? [1, 2, 3] : [])
        )
        break
      case 6:
        if (below(10) === 0) shard.collect(FORCED)
        break
      default:
        tell(pick(), shard)
    }
  }
  for (let round = 0; round < 5; round++) {
    for (const to of replicas) for (const from of replicas) if (from !== to) tell(from, to)
  }
  const [first] = replicas as [TestShard]
  for (const replica of replicas) {
    assertWhole(t, replica)
    t.deepEqual(dump(replica), dump(first), describeSeed(seed))
    t.is(replica.digest, first.digest, describeSeed(seed))
    for (const [id, at] of deleted) {
      const [key = '', name = ''] = id.split(' ')
      const value = replica.get(key)?.[name]
      if (value !== undefined) t.true(Number(value) > at, `${describeSeed(seed)}: ${id} came back`)
    }
  }
}

test('replicas that drop tombstones agree, and nothing deleted comes back (SPEC E21)', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed), 'npm run test:only -- tests/engine/garbage/garbage.test.ts')
  for (let i = 0; i < 300; i++) run(t, (seed + i) >>> 0)
})

// The same late events enter at an owner that has dropped a tombstone and at one that has not.
for (const [what, drops] of [['dropped', true], ['not dropped', false]] as const) {
  test(`a late event where the tombstone was ${what} reads the same everywhere (SPEC E21)`, t => {
    const [owner, dropped, kept] = [openShard(1), openShard(2), openShard(3)]
    const all = [owner, dropped, kept]
    owner.write(put('k', 10, { a: 1 }))
    owner.write(put('l', 10, { a: 1, b: 1 }))
    owner.write(del('k', 50, 51))
    owner.write({ key: 'l', version: 50, stamp: 51, fields: { b: undefined } })
    for (const shard of all) tell(owner, shard)
    const stable = all.map(({ known }) => known).reduce(meet)
    for (const shard of drops ? [owner, dropped] : [dropped]) {
      t.is(shard.collect({ stable, ...ALWAYS }), 2)
    }
    for (const keepLoser of [false, true]) {
      const base = keepLoser ? 200 : 100
      owner.write(put('k', 20, { a: base + 2 }, base), keepLoser)
      owner.write(put('k', 19, { a: base + 1 }, base + 1), keepLoser)
      owner.write(put('l', 30, { a: base + 3, b: base + 3 }, base + 2), keepLoser)
      owner.write(put('new', 5, { a: base }, base + 3), keepLoser)
      owner.write({
        key: 'k',
        version: base + 4,
        stamp: base + 4,
        fields: null,
        operations: [{ kind: 'increment', field: 'n', by: 1 }]
      }, keepLoser)
      for (const shard of all) tell(owner, shard)
      for (const shard of all) {
        t.deepEqual(dump(shard), dump(owner))
        assertWhole(t, shard)
      }
    }
    t.is(owner.get('new')?.['a'], 200)
    t.is(owner.get('k')?.['n'], 2)
    t.is(owner.get('k')?.['a'], undefined, 'deleted stays deleted')
  })
}
