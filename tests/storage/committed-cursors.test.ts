/** Committed cursors: joined in any order to the same, never moved back, bounded. */
import test from 'ava'
import { decodeCursor, encodeCursor, type Cursor } from '../../engine/cursor.js'
import { limits } from '../../engine/limits.js'
import { CommittedCursors } from '../../storage/committed-cursors.js'
import { describeSeed, pickSeed, seededRandom } from '../support/ports.js'

const at = (shard: number, seen: Record<number, number>, generation = 0): Cursor => {
  const vector = new Map(
    Object.entries(seen).map(([incarnation, clock]) => [Number(incarnation), clock])
  )
  return { shard, generation, seen: vector, witness: vector, floor: new Map(), retired: new Map() }
}

const open = () => new CommittedCursors({ limits, onMoved: () => {}, onEvent: () => {} })

test('a commit answers with the joined cursor if it moved, and with null if not (SPEC C3)', t => {
  const cursors = open()
  t.deepEqual(cursors.commit('g', at(1, { 5: 3 })), encodeCursor(at(1, { 5: 3 })))
  t.is(cursors.commit('g', at(1, { 5: 2 })), null)
  t.deepEqual(cursors.commit('g', at(1, { 5: 3, 6: 1 })), encodeCursor(at(1, { 5: 3, 6: 1 })))
  // One that went another way, and less far: the next reader is asked for what it saw.
  // as seen.
  t.deepEqual(
    cursors.commit('g', at(1, { 7: 2 })),
    encodeCursor({ ...at(1, { 5: 3, 6: 1 }), witness: at(1, { 5: 3, 6: 1, 7: 2 }).seen })
  )
  t.is(cursors.get(1, 'other'), undefined)
  t.is(cursors.get(2, 'g'), undefined)
})

test('a later generation replaces an earlier one, and a late earlier one changes nothing', t => {
  const cursors = open()
  cursors.commit('g', at(1, { 5: 30 }))
  t.deepEqual(cursors.commit('g', at(1, { 6: 1 }, 1)), encodeCursor(at(1, { 6: 1 }, 1)))
  t.is(cursors.commit('g', at(1, { 5: 99 })), null)
})

test('replicas that hear the same commits in any order, any number of times, end up equal', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const random = seededRandom(seed)
  const commits = Array.from(
    { length: 200 },
    () => ({
      group: `g${random.uint32() % 3}`,
      cursor: at(
        random.uint32() % 4,
        { [1 + random.uint32() % 4]: 1 + random.uint32() % 50 },
        random.uint32() % 2
      )
    })
  )
  const digests = new Set<string>()
  for (let replica = 0; replica < 4; replica++) {
    const cursors = open()
    const order = [...commits, ...commits.slice(0, 50)].map(commit => ({
      commit,
      at: random.uint32()
    })).sort((a, b) => a.at - b.at)
    for (const { commit: { group, cursor } } of order) cursors.commit(group, cursor)
    digests.add(cursors.digest([0, 1, 2, 3]))
  }
  t.is(digests.size, 1)
})

test('listed cursors read back, and a dropped shard is forgotten', t => {
  const cursors = open()
  for (const shard of [2, 1]) {
    for (const group of ['b', 'a']) cursors.commit(group, at(shard, { 5: shard }))
  }
  t.deepEqual(cursors.of([1, 2]).map(([shard, group]) => `${shard}${group}`), ['1a', '1b', '2a',
    '2b'])
  for (const [shard, , bytes] of cursors.of([1, 2])) {
    t.deepEqual(decodeCursor(bytes, shard, limits), at(shard, { 5: shard }))
  }
  const before = cursors.digest([1, 2])
  cursors.drop(1)
  t.deepEqual(cursors.of([1]), [])
  t.not(cursors.digest([1, 2]), before)
})

test('consumer groups are bounded per shard', t => {
  const cursors = open()
  for (let i = 0; i < limits.maxConsumerGroups; i++) cursors.commit(`g${i}`, at(1, { 5: 1 }))
  t.throws(() => cursors.commit('one more', at(1, { 5: 1 })), {
    code: 'LIMIT_EXCEEDED',
    message: /"one more"/
  })
  t.notThrows(() => cursors.commit('g7', at(1, { 5: 2 })))
  t.notThrows(() => cursors.commit('one more', at(2, { 5: 1 })))
})

test('a committed cursor covers exactly the cursors that would not move it', t => {
  const cursors = open()
  t.false(cursors.covers(3, 'g', encodeCursor(at(3, { 7: 1 }))))
  cursors.commit('g', at(3, { 7: 5 }))
  t.true(cursors.covers(3, 'g', encodeCursor(at(3, { 7: 5 }))))
  t.true(cursors.covers(3, 'g', encodeCursor(at(3, { 7: 4 }))))
  t.false(cursors.covers(3, 'g', encodeCursor(at(3, { 7: 6 }))))
  t.false(cursors.covers(3, 'g', encodeCursor(at(3, { 7: 1 }, 1))))
  t.false(cursors.covers(3, 'other', encodeCursor(at(3, { 7: 1 }))))
})
