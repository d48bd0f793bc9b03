/**
 * Yjs throws, which it never should. Here a patch makes it throw at any of the items it puts into
 * its list, once or for good. A shard that lived through it must be the same as a twin to which
 * nothing happened, down to the bytes.
 */
import { NO_FLOOR } from '../../../engine/garbage/floor.js'
import test from 'ava'
import * as Y from 'yjs'
import { LogError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { digestOf, meet } from '../../../engine/base/state-vector.js'
import { assertWhole, del, dump, openShard, put, replace, type TestShard } from '../shards.js'

type Integrate = (this: Y.Item, ...args: Parameters<Y.Item['integrate']>) => void

const prototype: { integrate: Integrate } = Y.Item.prototype
const integrate = Object.getOwnPropertyDescriptor(prototype, 'integrate')?.value as Integrate

/**
 * Yjs throws at the items with these numbers, counted from now on, before or after it has done its
 * work.
 */
function failAt (isAt: (item: number) => boolean, late = false): { readonly thrown: number } {
  const seen = { items: 0, thrown: 0 }
  prototype.integrate = function (...args) {
    const fails = isAt(seen.items++)
    if (late || !fails) Reflect.apply(integrate, this, args)
    if (!fails) return
    seen.thrown++
    throw new Error('Yjs is not itself')
  }
  return seen
}

function heal (): void {
  prototype.integrate = integrate
}

test.afterEach.always(heal)

/** The writes of writers 3 to 7: more than one incarnation, and entries that supersede others. */
function diffOf (writes = 20): Uint8Array {
  const all = openShard(99)
  for (let incarnation = 3; incarnation <= 7; incarnation++) {
    const writer = openShard(incarnation)
    for (let i = 0; i < writes; i++) {
      writer.write(put(`k${i % 7}`, 100 * incarnation + i, { [`f${i % 3}`]: i }))
    }
    writer.flush()
    for (let i = 0; i < 5; i++) {
      writer.write(
        i === 0
          ? del('k3', 100 * incarnation + 50)
          : put(`k${i}`, 100 * incarnation + 50 + i, { f0: 'again' })
      )
    }
    all.merge(writer.encode())
  }
  return all.encode()
}

/** A shard with a past: live entries, holes, a counter, and something buffered. */
function lived (): TestShard {
  const shard = openShard(1)
  for (let i = 0; i < 60; i++) {
    shard.write(put(`k${i % 11}`, 10 + i, { [`f${i % 2}`]: i }))
    if (i % 4 === 0) shard.flush()
  }
  shard.write({
    key: 'c',
    version: 80,
    stamp: 80,
    fields: null,
    operations: [{ kind: 'increment', field: 'n', by: 3 }, {
      kind: 'add',
      field: 't',
      element: 'x'
    }]
  })
  const other = openShard(2)
  other.write(put('k1', 90, { f2: 1 }))
  shard.merge(other.encode())
  shard.write(replace('k2', 95, { f9: 1 }))
  return shard
}

/** Goes on with both alike, and holds them against each other. */
function assertTwins (
  t: Parameters<typeof assertWhole>[0],
  shard: TestShard,
  twin: TestShard
): void {
  for (const each of [shard, twin]) {
    each.write(put('k5', 2000, { f0: 'later' }))
    each.write({
      key: 'c',
      version: 2001,
      stamp: 2001,
      fields: null,
      operations: [{ kind: 'increment', field: 'n', by: 1 }, {
        kind: 'remove',
        field: 't',
        element: 'x'
      }]
    })
    each.flush()
  }
  t.deepEqual(dump(shard), dump(twin))
  t.deepEqual([...shard.stateVector], [...twin.stateVector])
  t.deepEqual(shard.encode(), twin.encode())
  t.deepEqual(shard.encode(new Map([[1, 20], [4, 3]])), twin.encode(new Map([[1, 20], [4, 3]])))
  t.deepEqual(shard.deltas, twin.deltas)
  assertWhole(t, shard)
  shard.compact()
  t.deepEqual(shard.encode(), twin.encode())
  assertWhole(t, shard)
}

const rebuilds = ({ events }: TestShard): number =>
  events.filter(event => event.type === 'log-rebuilt').length

for (const late of [false, true]) {
  const when = `${late ? 'after' : 'before'} it took the item`
  test(`where Yjs throws once ${when}, a merge makes the log anew and goes on (SPEC E24)`, t => {
    const diff = diffOf()
    for (let at = 0, done = false; !done; at++) {
      const shard = lived()
      shard.flush()
      const failing = failAt(item => item === at, late)
      const { outcome } = shard.merge(diff)
      heal()
      done = failing.thrown === 0
      t.is(outcome, 'merged')
      t.is(rebuilds(shard), done ? 0 : 1, `item ${at}`)
      if (done) t.is(at, 5, 'every item had its turn: one of each incarnation')
      const twin = lived()
      twin.flush()
      twin.merge(diff)
      assertTwins(t, shard, twin)
    }
  })

  test(`where Yjs throws once ${when}, a flush goes on and emits each delta once (SPEC E24)`, t => {
    const shard = lived()
    failAt(item => item === 0, late)
    shard.flush()
    heal()
    t.is(rebuilds(shard), 1)
    const twin = lived()
    twin.flush()
    assertTwins(t, shard, twin)
  })

  test(`where Yjs always throws ${when}, updates are refused and writes wait (SPEC E24)`, t => {
    const diff = diffOf()
    const shard = lived()
    shard.flush()
    const before = [shard.encode(), dump(shard), [...shard.stateVector], shard.liveEntries]
    failAt(item => item >= 3, late)
    t.like(shard.merge(diff), { outcome: 'refused', reason: 'log-failed' })
    heal()
    t.deepEqual([shard.encode(), dump(shard), [...shard.stateVector], shard.liveEntries], before)
    assertWhole(t, shard)

    shard.write(del('k1', 500))
    shard.write({
      key: 'c',
      version: 501,
      stamp: 501,
      fields: null,
      operations: [{ kind: 'increment', field: 'n', by: 1 }]
    })
    const buffered = [dump(shard), shard.pendingEntries, shard.deltas.length]
    const digest = digestOf(new Map(before[2] as Array<[number, number]>))
    failAt(() => true, late)
    for (let again = 0; again < 2; again++) {
      for (
        const read of [() => shard.flush(), () => shard.encode(), () => shard.stateVector]
      ) t.throws(read, { instanceOf: LogError, code: 'LOG_FAILED' })
      t.like(shard.merge(diff), { outcome: 'refused', reason: 'log-failed' })
      t.like(shard.reset(diff, NO_FLOOR), { outcome: 'refused', reason: 'log-failed' })
      t.deepEqual([dump(shard), shard.pendingEntries, shard.deltas.length], buffered)
      t.is(shard.digest, digest, 'of what was logged')
    }
    shard.write(put('k1', 600, { while: 'it fails' }))
    heal()
    t.is(shard.merge(diff).outcome, 'merged')
    const twin = lived()
    twin.flush()
    twin.write(del('k1', 500))
    twin.write({
      key: 'c',
      version: 501,
      stamp: 501,
      fields: null,
      operations: [{ kind: 'increment', field: 'n', by: 1 }]
    })
    twin.write(put('k1', 600, { while: 'it fails' }))
    twin.merge(diff)
    assertTwins(t, shard, twin)
  })
}

test('while the log takes nothing, a write beyond its buffer changes nothing (SPEC E24, B2)', t => {
  const shard = openShard(1)
  failAt(() => true)
  for (let i = 0; i < limits.maxPendingEntries; i++) {
    t.true(shard.write(put(`k${i}`, 10 + i, { n: i })))
  }
  t.throws(() => shard.write(put('beyond', 1e6, { n: 1 })), {
    instanceOf: LogError,
    message: /takes no entries/
  })
  t.is(shard.get('beyond'), undefined)
  t.is(shard.pendingEntries, limits.maxPendingEntries)
  heal()
  t.true(shard.write(put('beyond', 1e6, { n: 1 })))
  t.is(shard.encode().length > 0 && shard.liveEntries, limits.maxPendingEntries + 1)
  assertWhole(t, shard)
})

test('a delete that only its dot can decide is decided once the log takes it (SPEC E3, E24)', t => {
  const other = openShard(7)
  other.write(put('k', 10, { a: 1 }))
  for (const incarnation of [3, 9]) {
    const shard = openShard(incarnation)
    shard.merge(other.encode())
    failAt(() => true)
    t.true(shard.write(del('k', 10)))
    t.deepEqual(dump(shard), { k: { a: 1 } })
    heal()
    shard.flush()
    t.deepEqual(dump(shard), incarnation === 9 ? {} : { k: { a: 1 } })
    assertWhole(t, shard)
  }
})

test('a retired incarnation does not come back with a log that is made anew (SPEC E22, E24)', t => {
  const shard = openShard(1)
  const old = openShard(7)
  old.write(put('k', 10, { n: 1 }))
  shard.merge(old.encode())
  shard.write(put('k', 20, { n: 2 }))
  shard.flush()
  t.deepEqual(shard.retire(meet(shard.known, old.known), new Set()), [7])
  const before = shard.encode()
  failAt(item => item === 0)
  shard.write(put('l', 30, { n: 3 }))
  shard.flush()
  heal()
  t.is(rebuilds(shard), 1)
  t.deepEqual([...shard.stateVector], [[1, 2]])
  t.true(shard.encode().length > before.length)
  assertWhole(t, shard)
  old.write(put('m', 40, { n: 4 }))
  failAt(item => item === 1)
  t.is(
    shard.merge(old.encode(new Map([[7, 1]]))).outcome,
    'merged',
    'and one that was not dead continues'
  )
  heal()
  t.deepEqual([...shard.stateVector], [[1, 2], [7, 2]])
  assertWhole(t, shard)
})

test('a log that is made anew has no holes, and goes on being packed (SPEC E12, E24)', t => {
  const shard = lived()
  const overwrite = (): void => {
    shard.write(put('k0', 1000 + shard.deltas.length, { f0: 1, f1: 1 }))
    shard.flush()
  }
  while (shard.deadEntries < 3) overwrite()
  failAt(item => item === 0)
  shard.write(put('new', 500, { n: 1 }))
  shard.flush()
  heal()
  t.is(rebuilds(shard), 1)
  t.is(shard.deadEntries, 0)
  assertWhole(t, shard)
  for (let i = 0; i < 1000; i++) overwrite()
  t.true(shard.deadEntries <= shard.liveEntries * (limits.minHolesToPack + 1))
  assertWhole(t, shard)
})

test('writes that lost but must be logged all the same are bounded like any other that wait', t => {
  const shard = openShard(1)
  shard.write(put('k', 1e6, { n: 1 }))
  shard.flush()
  for (let i = 0; i < limits.maxPendingEntries * 2 + 10; i++) {
    shard.write(put('k', 10 + i, { n: 2 }), true)
    if (shard.pendingEntries >= limits.maxPendingEntries) t.fail(`${shard.pendingEntries} wait`)
  }
  t.true(shard.deltas.length > 1)
})
