/**
 * Placement: pure, stable for ever, fair by weight, spread over zones, and moving no more than it
 * must.
 */
import test from 'ava'
import { ownersOf, rank, type Place } from '../../../replication/membership/placement.js'

const GROUPS = 1024
const GOLDEN = ['db', 'ca', 'ac', 'ad', 'ab', 'cb', 'ba', 'da']
const places = (...ids: string[]): Place[] => ids.map(id => ({ id }))
const all = (members: readonly Place[], replicas: number): string[][] =>
  Array.from({ length: GROUPS }, (_, group) => ownersOf('prices', group, members, replicas))

test('golden values: changing them moves the data of every cluster', t => {
  t.deepEqual(
    Array.from(
      { length: 8 },
      (_, group) => ownersOf('prices', group, places('a', 'b', 'c', 'd'), 2).join('')
    ),
    GOLDEN
  )
})

test('every node computes the same, whatever the order of its view (SPEC R6)', t => {
  t.deepEqual(all(places('a', 'b', 'c', 'd'), 3), all(places('d', 'b', 'a', 'c'), 3))
})

test('owners are distinct, and as many as there can be', t => {
  for (const [members, replicas] of [[1, 3], [2, 2], [5, 3]] as const) {
    for (
      const owners of all(places(...Array.from({ length: members }, (_, i) => `n${i}`)), replicas)
    ) {
      t.is(owners.length, Math.min(members, replicas))
      t.is(new Set(owners).size, owners.length)
    }
  }
})

test('a joining node takes its share and moves nothing else; leaving undoes it (SPEC R6)', t => {
  const before = all(places('a', 'b', 'c', 'd'), 2)
  const after = all(places('a', 'b', 'c', 'd', 'e'), 2)
  let gained = 0
  for (const [group, owners] of after.entries()) {
    const old = before[group] as string[]
    const fresh = owners.filter(id => !old.includes(id))
    t.true(fresh.length === 0 || fresh.join() === 'e')
    gained += fresh.length
  }
  t.true(Math.abs(gained / (GROUPS * 2) - 1 / 5) < 0.03, `${gained} of ${GROUPS * 2}`)
  t.deepEqual(all(places('a', 'b', 'c', 'd'), 2), before)
})

test('groups are shared in proportion to weight', t => {
  const members: Place[] = [{ id: 'a', weight: 1 }, { id: 'b', weight: 2 }, { id: 'c', weight: 1 }]
  const firsts = all(members, 1).flat()
  const shareOf = (id: string): number => firsts.filter(each => each === id).length / GROUPS
  t.true(Math.abs(shareOf('b') - 0.5) < 0.05)
  t.true(Math.abs(shareOf('a') - 0.25) < 0.05)
})

test('replicas never share a zone while there are enough, and fill up when there are not', t => {
  const members: Place[] = [{ id: 'a', zone: 'x' }, { id: 'b', zone: 'x' }, { id: 'c', zone: 'y' },
    { id: 'd', zone: 'y' }, { id: 'e', zone: 'z' }]
  const zoneOf = new Map(members.map(({ id, zone }) => [id, zone]))
  for (const owners of all(members, 3)) t.is(new Set(owners.map(id => zoneOf.get(id))).size, 3)
  for (const owners of all(members, 4)) t.is(new Set(owners).size, 4)
  for (const owners of all(members.slice(0, 2), 2)) t.is(owners.length, 2)
})

test('a node without a zone is one of its own', t => {
  for (const owners of all([{ id: 'a', zone: 'x' }, { id: 'b', zone: 'x' }, { id: 'c' }], 2)) {
    t.true(owners.includes('c'))
  }
})

test('caches are placed independently', t => {
  const members = places('a', 'b', 'c', 'd')
  const same = Array.from(
    { length: GROUPS },
    (_, group) => rank('one', group, members)[0] === rank('two', group, members)[0]
  ).filter(Boolean).length
  t.true(Math.abs(same / GROUPS - 1 / 4) < 0.06)
})
