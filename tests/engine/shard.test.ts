import test from 'ava'
import { limits } from '../../engine/limits.js'
import { decodeStateVector, encodeStateVector, sameVector } from '../../engine/base/state-vector.js'
import { decodeUpdate } from '../../engine/log/update.js'
import { assertWhole, del, dump, openShard, put, replace, type TestShard } from './shards.js'

/** A shard with `count` records of its own, flushed one by one. */
function writer (incarnation: number, count: number, field = `by${incarnation}`): TestShard {
  const shard = openShard(incarnation)
  for (let i = 0; i < count; i++) {
    shard.write(put(`k${i % 5}`, 100 + i, { [field]: i, shared: `${incarnation}-${i}` }))
    shard.flush()
  }
  return shard
}

test('a write can be read at once, and reaches the log with the flush', t => {
  const shard = openShard(1)
  t.true(shard.write(put('a', 1, { x: 1 })))
  t.deepEqual(shard.get('a'), { x: 1 })
  t.is(shard.deltas.length, 0)
  shard.flush()
  t.is(shard.deltas.length, 1)
  t.is(shard.pendingEntries, 0)
  shard.flush()
  t.is(shard.deltas.length, 1, 'nothing is pending, nothing is emitted')
  assertWhole(t, shard)
})

test('a record that was read stays as it was, and its reader cannot change it (SPEC E25)', t => {
  const shard = openShard(1)
  shard.write(put('plain', 1, { x: 1, y: [1] }))
  shard.write({
    key: 'counted',
    version: 1,
    stamp: 1,
    fields: null,
    operations: [{ kind: 'increment', field: 'n', by: 1 }]
  })
  const [plain, counted] = [shard.get('plain'), shard.get('counted')]
  for (const record of [plain, counted]) {
    t.throws(() => {
      ;(record as Record<string, unknown>)['x'] = 2
    }, { instanceOf: TypeError })
  }
  shard.write(put('plain', 2, { x: 2 }))
  t.deepEqual([plain, shard.get('plain'), shard.get('plain')], [{ x: 1, y: [1] }, { x: 2, y: [1] },
    { x: 2, y: [1] }])
})

test('reading changes nothing that is encoded', t => {
  const [read, unread] = [writer(1, 30), writer(1, 30)]
  const other = writer(2, 20).encode()
  for (const shard of [read, unread]) {
    if (shard === read) dump(shard)
    shard.merge(other)
    if (shard === read) dump(shard)
    shard.write(put('k3', 200, { shared: 'last' }))
  }
  t.deepEqual(read.encode(), unread.encode())
  assertWhole(t, read)
})

test('merging is commutative (SPEC E1)', t => {
  const [a, b, c] = [writer(1, 12), writer(2, 7), writer(3, 9)]
  const encodings = [[a, b, c], [c, b, a], [b, a, c]].map(order => {
    const shard = openShard(9)
    for (const other of order) shard.merge(other.encode())
    assertWhole(t, shard)
    return shard.encode()
  })
  for (const encoding of encodings) t.deepEqual(encoding, encodings[0])
})

test('merging is associative (SPEC E1)', t => {
  const [a, b, c] = [writer(1, 12), writer(2, 7), writer(3, 9)]
  const left = openShard(8)
  left.merge(a.encode())
  left.merge(b.encode())
  const bc = openShard(9)
  bc.merge(b.encode())
  bc.merge(c.encode())
  const right = openShard(7)
  right.merge(a.encode())
  right.merge(bc.encode())
  left.merge(c.encode())
  t.deepEqual(left.encode(), right.encode())
  t.deepEqual(dump(left), dump(right))
})

test('merging is idempotent (SPEC E1)', t => {
  const a = writer(1, 12)
  const shard = openShard(9)
  t.is(shard.merge(a.encode()).outcome, 'merged')
  const once = shard.encode()
  t.is(shard.merge(a.encode()).outcome, 'known')
  for (const delta of a.deltas) t.is(shard.merge(delta).outcome, 'known')
  t.deepEqual(shard.encode(), once)
})

test('deltas one by one, a diff and a full state end in the same bytes (SPEC E2)', t => {
  const a = writer(1, 40)
  const byDeltas = openShard(7)
  for (const delta of a.deltas) byDeltas.merge(delta)
  const byState = openShard(8)
  byState.merge(a.encode())
  const byDiff = openShard(9)
  for (const delta of a.deltas.slice(0, 13)) byDiff.merge(delta)
  byDiff.merge(a.encode(byDiff.stateVector))
  for (const shard of [byDeltas, byState, byDiff]) {
    t.deepEqual(shard.encode(), a.encode())
    t.is(shard.digest, a.digest)
    t.deepEqual(dump(shard), dump(a))
    assertWhole(t, shard)
  }
})

test('a diff carries only what is missing', t => {
  const a = writer(1, 40)
  const b = openShard(2)
  b.merge(a.encode())
  a.write(put('new', 500, { x: 1 }))
  const diff = a.encode(b.stateVector)
  t.is(decodeUpdate(diff, limits).reduce((sum, run) => sum + run.length, 0), 1)
  t.true(diff.length < 60)
  t.is(b.merge(diff).outcome, 'merged')
  t.is(decodeUpdate(a.encode(b.stateVector), limits).length, 0)
})

test('an update behind a gap is reported and changes nothing (SPEC E6)', t => {
  const a = writer(1, 3)
  const b = openShard(2)
  b.merge(a.deltas[0] as Uint8Array)
  const before = b.encode()
  t.deepEqual(b.merge(a.deltas[2] as Uint8Array), { outcome: 'gap' })
  t.deepEqual(b.encode(), before)
  t.is(b.merge(a.deltas[1] as Uint8Array).outcome, 'merged')
  t.is(b.merge(a.deltas[2] as Uint8Array).outcome, 'merged')
  t.deepEqual(b.encode(), a.encode())
})

test('an update of which one incarnation has a gap is not applied in part (SPEC E6)', t => {
  const a = writer(1, 3)
  const b = writer(2, 3)
  const both = openShard(3)
  both.merge(a.encode())
  both.merge(b.encode())
  const behind = openShard(4)
  behind.merge(a.deltas[0] as Uint8Array)
  const before = behind.encode()
  t.is(behind.merge(both.encode(new Map([[1, 1], [2, 1]]))).outcome, 'gap')
  t.deepEqual(behind.encode(), before)
})

test('an update that overlaps with what is known is applied from there', t => {
  const a = writer(1, 10)
  const b = openShard(2)
  for (const delta of a.deltas.slice(0, 6)) b.merge(delta)
  const result = b.merge(a.encode(new Map([[1, 3]])))
  t.is(result.outcome, 'merged')
  t.deepEqual(b.encode(), a.encode())
})

// A node that lost its last writes and starts again under the same id would diverge silently.
test('unwritten entries of its own incarnation alarm a process and stay out (SPEC E8)', t => {
  const twin = writer(1, 3)
  const shard = openShard(1)
  shard.write(put('mine', 1, { x: 1 }))
  const before = shard.encode()
  t.deepEqual(shard.merge(twin.encode()), { outcome: 'refused', reason: 'own-incarnation' })
  t.deepEqual(shard.events.map(event => event.type), ['own-incarnation', 'update-refused'])
  t.deepEqual(shard.encode(), before)
})

test('its own entries coming back are known', t => {
  const a = writer(1, 3)
  t.is(a.merge(a.encode()).outcome, 'known')
})

test('a retry of a write changes nothing (SPEC E9)', t => {
  const shard = openShard(1)
  const write = put('a', 5, { x: 1 })
  t.true(shard.write(write))
  t.false(shard.write(write), 'while it is buffered')
  shard.flush()
  t.false(shard.write(write), 'once it is logged')
  shard.flush()
  t.is(shard.deltas.length, 1)
  const elsewhere = openShard(2)
  elsewhere.merge(shard.encode())
  t.false(elsewhere.write(write), 'on another replica')
  elsewhere.flush()
  t.is(elsewhere.deltas.length, 0)
  assertWhole(t, shard)
})

test('a retry on a replica that does not know the write yet changes no record (SPEC E9)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  for (const shard of [a, b]) shard.write(put('a', 5, { x: 1 }))
  a.merge(b.encode())
  b.merge(a.encode())
  t.deepEqual(a.encode(), b.encode())
  t.deepEqual(dump(a), { a: { x: 1 } })
  t.is(a.liveEntries, 1)
})

test('of two events with the same event time the one written later wins (SPEC E10)', t => {
  const shard = openShard(1)
  shard.write(put('a', 5, { x: 'first' }, 100))
  shard.write(put('a', 5, { x: 'second' }, 101))
  t.deepEqual(shard.get('a'), { x: 'second' })
  t.false(shard.write(put('a', 5, { x: 'first' }, 100)), 'a retry of the first does not come back')
})

for (const [first, second] of [[1, 2], [2, 1]] as const) {
  test(`of two events at one time the later wins, also if ${first} wrote before ${second}`, t => {
    const [a, b] = [openShard(first), openShard(second)]
    a.write(put('a', 5, { x: 'first' }, 100))
    b.write(put('a', 5, { x: 'second' }, 101))
    a.merge(b.encode())
    b.merge(a.encode())
    t.deepEqual(dump(a), { a: { x: 'second' } })
    t.deepEqual(a.encode(), b.encode())
  })
}

test('a late event does not overwrite a newer one (SPEC E3)', t => {
  const shard = openShard(1)
  shard.write(put('a', 10, { x: 'new' }, 100))
  t.false(shard.write(put('a', 5, { x: 'late' }, 200)))
  t.deepEqual(shard.get('a'), { x: 'new' })
  t.true(
    shard.write(put('a', 5, { x: 'late', y: 'only here' }, 200)),
    'the part that nobody wrote later stands'
  )
  t.deepEqual(shard.get('a'), { x: 'new', y: 'only here' })
})

test('a delete hides older writes that come late, also once the record is revived (SPEC E3)', t => {
  const [a, b] = [openShard(1), openShard(2)]
  b.write(put('a', 5, { old: 1 }))
  a.write(del('a', 6))
  t.is(a.get('a'), undefined)
  a.merge(b.encode())
  t.is(a.get('a'), undefined)
  t.is(a.countRecords(), 0)
  a.write(put('a', 7, { fresh: 1 }))
  t.deepEqual(a.get('a'), { fresh: 1 })
  t.false(a.write(put('a', 4, { older: 1 })))
  b.merge(a.encode())
  t.deepEqual(dump(b), { a: { fresh: 1 } })
  assertWhole(t, a)
  assertWhole(t, b)
})

test('a replacement hides older fields and keeps newer ones', t => {
  const shard = openShard(1)
  shard.write(put('a', 5, { old: 1, both: 1 }))
  shard.write(put('a', 9, { newer: 1 }))
  shard.write(replace('a', 7, { both: 2 }))
  t.deepEqual(dump(shard), { a: { both: 2, newer: 1 } })
  t.false(shard.write(put('a', 6, { late: 1 })))
  assertWhole(t, shard)
})

test('a hammered key costs one entry', t => {
  const shard = openShard(1)
  for (let i = 0; i < 100_000; i++) shard.write(put('hot', i, { n: i }))
  t.true(shard.pendingEntries <= limits.maxPendingEntries)
  shard.flush()
  t.is(shard.deltas.length, 1)
  t.is(shard.stateVector.get(1), 1)
  t.deepEqual(shard.get('hot'), { n: 99_999 })
})

test('a full buffer is flushed without waiting', t => {
  const shard = openShard(1)
  for (let i = 0; i < limits.maxPendingEntries; i++) shard.write(put(`k${i}`, 1, { n: i }))
  t.is(shard.pendingEntries, 0)
  t.is(shard.deltas.length, 1)
})

test('no delta is larger than the bound, and together they are the whole flush (SPEC B1)', t => {
  const shard = openShard(1)
  const text = 'x'.repeat(100 * 1024)
  for (let i = 0; i < 40; i++) shard.write(put(`k${i}`, 1, { text }))
  shard.flush()
  t.true(shard.deltas.length > 4)
  for (const delta of shard.deltas) t.true(delta.length <= limits.maxDeltaBytes)
  const peer = openShard(2)
  for (const delta of shard.deltas) t.is(peer.merge(delta).outcome, 'merged')
  t.deepEqual(peer.encode(), shard.encode())
})

test('a losing write that is to be kept reaches the replicas, dead on arrival', t => {
  const shard = openShard(1)
  shard.write(put('a', 10, { x: 'new' }))
  shard.flush()
  t.false(shard.write(put('a', 5, { x: 'late' }), true))
  t.is(shard.pendingEntries, 2)
  shard.flush()
  t.is(shard.deltas.length, 2)
  const [run] = decodeUpdate(shard.deltas[1] as Uint8Array, limits)
  t.deepEqual(run?.entries?.map(entry => [entry.clock, entry.version, entry.fields]), [[1, 5, {
    x: 'late'
  }]])
  const peer = openShard(2)
  for (const delta of shard.deltas) peer.merge(delta)
  t.deepEqual(peer.get('a'), { x: 'new' })
  t.deepEqual(peer.encode(), shard.encode())
  assertWhole(t, shard)
  assertWhole(t, peer)
})

test('a write that loses only some fields is kept in full when asked for', t => {
  const shard = openShard(1)
  shard.write(put('a', 10, { x: 'new' }))
  shard.flush()
  t.true(shard.write(put('a', 5, { x: 'late', y: 1 }), true))
  shard.flush()
  const entries = decodeUpdate(shard.deltas[1] as Uint8Array, limits).flatMap(run =>
    run.entries ?? []
  )
  t.deepEqual(entries.map(entry => entry.fields), [{ x: 'late', y: 1 }, { y: 1 }])
  const peer = openShard(2)
  for (const delta of shard.deltas) peer.merge(delta)
  t.deepEqual(peer.encode(), shard.encode())
  assertWhole(t, shard)
  assertWhole(t, peer)
})

test('compaction changes nothing that can be observed (SPEC E12)', t => {
  const shard = openShard(1)
  for (let i = 0; i < 300; i++) {
    shard.write(i % 7 === 3 ? del(`k${i % 20}`, i) : put(`k${i % 20}`, i, { [`f${i % 3}`]: i }))
    if (i % 4 === 0) shard.flush()
  }
  const before = {
    bytes: shard.encode(),
    diff: shard.encode(new Map([[1, 40]])),
    records: dump(shard),
    vector: new Map(shard.stateVector),
    digest: shard.digest
  }
  t.true(shard.deadEntries > 0)
  shard.compact()
  t.is(shard.deadEntries, 0)
  t.is(shard.events.at(-1)?.type, 'compacted')
  t.deepEqual(shard.encode(), before.bytes)
  t.deepEqual(shard.encode(new Map([[1, 40]])), before.diff)
  t.deepEqual(dump(shard), before.records)
  t.true(sameVector(shard.stateVector, before.vector))
  t.is(shard.digest, before.digest)
  assertWhole(t, shard)
  const events = shard.events.length
  shard.compact()
  t.is(shard.events.length, events, 'there is nothing left to do')
})

test('dead entries are bounded, and the encoding follows the live records (SPEC E12)', t => {
  const shard = openShard(1)
  for (let i = 0; i < 20_000; i++) {
    shard.write(put(`k${(i * 7919) % 100}`, i, { n: i }))
    if (i % 10 === 0) shard.flush()
    if (i % 500 === 0) t.true(shard.deadEntries <= 100 * limits.minHolesToPack)
  }
  t.true(shard.events.filter(event => event.type === 'compacted').length >= 10)
  t.true(shard.encode().length < 100 * 30)
  assertWhole(t, shard)
})

test('a large shard never has many dead entries, and none of them stops it (SPEC E12)', t => {
  const shard = openShard(1)
  for (let i = 0; i < 30_000; i++) shard.write(put(`k${i}`, i, { n: i }))
  shard.flush()
  for (let i = 30_000; i < 200_000; i++) {
    shard.write(put(`k${(i * 7919) % 30_000}`, i, { n: i }))
    if (i % 500 === 0) shard.flush()
    if (i % 100 === 0 && shard.deadEntries > 30_000 / 2) t.fail(`${shard.deadEntries} dead entries`)
  }
  const dropped = shard.events.map(event => event.type === 'compacted' ? event.dropped : 0)
  t.true(
    Math.max(...dropped) < 500 + 10 * limits.maxSlotsPerChunk,
    'about as many are taken out as come in'
  )
  assertWhole(t, shard)
  const peer = openShard(2)
  peer.merge(shard.encode())
  t.deepEqual(peer.encode(), shard.encode())
})

test('a record keeps one entry for each writer who still owns one of its fields (SPEC E4)', t => {
  const shard = openShard(9)
  for (const incarnation of [1, 2, 3, 4]) shard.merge(writer(incarnation, 1).encode())
  t.deepEqual(Object.keys(shard.get('k0') ?? {}).sort(), ['by1', 'by2', 'by3', 'by4', 'shared'])
  t.is((shard.get('k0') as Record<string, unknown>)['shared'], '4-0')
  t.is(shard.liveEntries, 4)
  shard.write(replace('k0', 1000, { only: 1 }))
  t.is(shard.liveEntries, 1)
  assertWhole(t, shard)
})

test('a merge tells how many entries were new, and the greatest version or stamp among them', t => {
  const a = openShard(1)
  a.write(put('a', 5, { x: 1 }, 70))
  a.write(put('b', 60, { x: 1 }, 10))
  t.deepEqual(openShard(2).merge(a.encode()), { outcome: 'merged', entries: 2, maxVersion: 70 })
})

test('reading the state flushes the buffer, so that it hides nothing in the log (SPEC E5)', t => {
  for (
    const read of [(s: TestShard) => s.encode(), (s: TestShard) => s.stateVector,
      (s: TestShard) => s.digest, (s: TestShard) => s.log,
      (s: TestShard) => s.merge(writer(2, 1).encode())]
  ) {
    const shard = openShard(1)
    shard.write(put('a', 1, { x: 1 }))
    read(shard)
    t.is(shard.pendingEntries, 0)
    t.is(shard.deltas.length, 1)
  }
})

test('a shard names a bounded number of incarnations', t => {
  const shard = openShard(0xffffffff)
  const donor = openShard(0xfffffffe)
  for (let i = 1; i < limits.maxIncarnationsPerShard; i++) donor.merge(writer(i, 1).encode())
  t.is(shard.merge(donor.encode()).outcome, 'merged')
  const before = shard.encode()
  t.deepEqual(shard.merge(writer(70_000, 1).encode()), {
    outcome: 'refused',
    reason: 'too-many-incarnations'
  })
  t.deepEqual(shard.encode(), before)
  shard.write(put('a', 1, { x: 1 }))
  t.is(shard.stateVector.size, limits.maxIncarnationsPerShard, 'there is room for its own writes')
  t.notThrows(() => decodeStateVector(encodeStateVector(shard.stateVector), limits))
})

// A shard that is full of old incarnations must still take in what those it knows write.
test('a shard at that bound still merges what known incarnations write', t => {
  const shard = openShard(0xffffffff)
  const known = writer(1, 2)
  for (let i = 2; i < limits.maxIncarnationsPerShard; i++) shard.merge(writer(i, 1).encode())
  shard.merge(known.deltas[0] as Uint8Array)
  t.is(shard.stateVector.size, limits.maxIncarnationsPerShard - 1)
  t.is(shard.merge(known.deltas[1] as Uint8Array).outcome, 'merged')
})

test('a shard with more records than it should have says so once, and works on (SPEC B1)', t => {
  const shard = openShard(1)
  const { warnRecordsPerShard } = limits
  for (let i = 0; i < warnRecordsPerShard + 10; i++) {
    if (i === warnRecordsPerShard) {
      t.deepEqual(shard.events.filter(({ type }) => type === 'shard-large'), [])
    }
    shard.write(put(`k${i}`, 1 + i, { n: i }))
  }
  t.deepEqual(shard.events.filter(({ type }) => type === 'shard-large'), [{
    type: 'shard-large',
    shard: 0,
    records: warnRecordsPerShard + 1
  }])
  t.deepEqual(shard.get(`k${warnRecordsPerShard + 5}`), { n: warnRecordsPerShard + 5 })
})
