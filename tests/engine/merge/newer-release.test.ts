/** A shard and entries that a newer release wrote: refused by name, and read once that can be. */
import test from 'ava'
import { encodeCbor } from '../../../engine/base/codec.js'
import { NewerReleaseError } from '../../../engine/errors.js'
import type { EngineEvent } from '../../../engine/events.js'
import { limits } from '../../../engine/limits.js'
import { decodeEntry } from '../../../engine/record/entry-codec.js'
import { UNKNOWN_CODE, withUnknownKind } from '../newer-release.js'
import { assertWhole, dump, openShard, openShardWithClock, put, del,
  type TestShard } from '../shards.js'

const MINUTE = 60_000_000

const decode = (raw: unknown): unknown => decodeEntry(encodeCbor(raw).slice(), 3, 4, limits)
const claimed = (...claims: unknown[]): unknown => ['k', 7, null, 7, 0, [0, [], claims]]
const told = ({ events }: TestShard): Extract<EngineEvent, { type: 'newer-release' }>[] =>
  events.filter(event => event.type === 'newer-release')

function sequenced (shard: TestShard, key: string, version: number, sequence = version): void {
  shard.write({
    key,
    version,
    stamp: version,
    fields: null,
    operations: [{ kind: 'sequenced', field: 'price', sequence, value: sequence }]
  })
}

test('a claim of an unknown kind is told from bytes no writer makes, by name (SPEC E26)', t => {
  const error = t.throws(() => decode(claimed([UNKNOWN_CODE, 'price', 5, { any: ['thing'] }])), {
    instanceOf: NewerReleaseError,
    message: /record "k": field "price" is of kind 4711.*newer release wrote it: upgrade this node/
  })
  t.deepEqual(error.form, {
    incarnation: 3,
    clock: 4,
    key: 'k',
    field: 'price',
    code: UNKNOWN_CODE
  })
  t.throws(() => decode(claimed([0, 'n', 0, 1], [UNKNOWN_CODE + 1, 'price', 0, 1])), {
    instanceOf: NewerReleaseError
  })
  t.throws(() => decode(claimed([2 ** 40, 'price', 0, 1, 2, 3, 4, 5])), {
    instanceOf: NewerReleaseError
  })
})

test('an entry of more parts than this release knows is of a newer one (SPEC E26)', t => {
  for (
    const raw of [['k', 7, { a: 1 }, 7, 0, [0, [], []], 'more'], ['k', 7, { a: 1 }, 7, 0, [
      0,
      ['b'],
      [],
      0,
      'more'
    ]]]
  ) {
    t.throws(() => decode(raw), {
      instanceOf: NewerReleaseError,
      message: /record "k": an entry of \d parts.*upgrade this node/
    })
  }
})

test('a claim that begins as no claim of any release begins is no entry at all', t => {
  for (
    const claim of [[], [4711], [4711, 'price'], [4711, 'price', 0], [4711, '', 0, 1], [
      4711,
      7,
      0,
      1
    ], [4711, 'price', -1, 1], [4711, 'price', 1.5, 1], [-1, 'price', 0, 1], [0.5, 'price', 0, 1], [
      '0',
      'price',
      0,
      1
    ], [null, 'price', 0, 1], 7, null]
  ) t.is(decode(claimed(claim)), null, JSON.stringify(claim))
})

test('a shard refuses an unknown kind whole, changes nothing, and names it (SPEC E26, E6)', t => {
  const [newer, older] = [openShard(1), openShard(2)]
  older.write(put('mine', 10, { a: 1 }))
  newer.write(put('plain', 20, { a: 2 }))
  sequenced(newer, 'k', 30)
  const before = [older.encode(), dump(older)]
  t.is(older.standsBefore, null)
  t.like(older.merge(withUnknownKind(newer.encode())), {
    outcome: 'refused',
    reason: 'newer-release',
    newer: { key: 'k', field: 'price', code: UNKNOWN_CODE, incarnation: 1, clock: 1 }
  })
  t.deepEqual([older.encode(), dump(older)], before)
  t.like(older.standsBefore, { key: 'k', field: 'price' })
  t.deepEqual(told(older), [{
    type: 'newer-release',
    shard: 0,
    key: 'k',
    field: 'price',
    code: UNKNOWN_CODE,
    incarnation: 1,
    clock: 1,
    detail: told(older)[0]?.detail ?? '',
    updates: 1
  }])
  assertWhole(t, older)
})

test('a shard that cannot follow still takes writes, and others take them from it', t => {
  const [newer, older] = [openShard(1), openShard(2)]
  sequenced(newer, 'k', 10)
  older.merge(withUnknownKind(newer.encode()))
  older.write(put('mine', 20, { a: 1 }))
  newer.merge(older.encode(newer.stateVector))
  t.deepEqual(newer.get('mine'), { a: 1 })
  assertWhole(t, older)
})

test('refusals are told at once, and then once a minute for each code (SPEC E26)', t => {
  let now = 5 * MINUTE
  const [newer, older] = [openShard(1), openShardWithClock(2, () => now)]
  for (let i = 1; i <= 100; i++) {
    sequenced(newer, `k${i}`, i)
    older.merge(withUnknownKind(newer.encode()))
    now += MINUTE / 50
  }
  t.deepEqual(told(older).map(({ updates }) => updates), [1, 50])
  const forged = (code: number): Uint8Array => {
    const update = withUnknownKind(newer.encode())
    return Uint8Array.from(
      Buffer.from(
        Buffer.from(update).toString('hex').replaceAll('191267', `19${code.toString(16)}`),
        'hex'
      )
    )
  }
  for (let code = 0x2000; code < 0x2100; code++) {
    t.like(older.merge(forged(code)), { outcome: 'refused', newer: { code } })
  }
  t.true(told(older).length < 12, 'codes that are made up get no more attention')
})

test('a shard goes on once it can read the kind: the node was upgraded (SPEC E26)', t => {
  const [newer, node] = [openShard(1), openShard(2)]
  sequenced(newer, 'k', 10)
  node.merge(withUnknownKind(newer.encode()))
  t.not(node.standsBefore, null)
  t.is(node.merge(newer.encode(node.stateVector)).outcome, 'merged')
  t.is(node.standsBefore, null)
  t.deepEqual(node.get('k'), { price: 10 })
  t.deepEqual(node.encode(), newer.encode())
})

test('a shard goes on once the entry is history: the record was deleted (SPEC E26)', t => {
  const [newer, older] = [openShard(1), openShard(2)]
  sequenced(newer, 'k', 10)
  newer.flush()
  older.merge(withUnknownKind(newer.encode()))
  t.is(older.standsBefore?.clock, 0)
  newer.write(del('k', 1000))
  t.is(older.merge(withUnknownKind(newer.encode(older.stateVector))).outcome, 'merged')
  t.is(older.standsBefore, null)
  t.deepEqual(older.encode(), newer.encode())
  assertWhole(t, older)
})

test('a whole state of a peer that cannot be read resets nothing (SPEC E26)', t => {
  const [newer, older] = [openShard(1), openShard(2)]
  older.write(put('mine', 10, { a: 1 }))
  sequenced(newer, 'k', 20)
  const before = [older.encode(), dump(older)]
  t.is(older.reset(withUnknownKind(newer.encode()), newer.floor).outcome, 'refused')
  t.deepEqual([older.encode(), dump(older)], before)
  t.is(told(older).length, 1)
})

test('an entry that is never met again is not in the way for ever (SPEC E26)', t => {
  let now = 1
  const writer = openShard(1)
  sequenced(writer, 'k', 5)
  writer.flush()
  const older = openShardWithClock(2, () => now)
  older.merge(withUnknownKind(writer.deltas[0] as Uint8Array))
  now += MINUTE
  t.like(older.standsBefore, { key: 'k' })
  now += 2 * MINUTE
  t.is(older.standsBefore, null)
})
