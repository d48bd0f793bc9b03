/**
 * A sample of the fuzz; `npm run fuzz -- --updates 100000` is the whole. Durations are shown and
 * never judged here.
 */
import test from 'ava'
import { describeSeed, pickSeed } from '../support/ports.js'
import { dump, openSmallChunkedShard } from '../engine/shards.js'
import { HOSTILE_ITEMS } from './cbor-mutations.js'
import { mutations } from './mutations.js'
import { fuzz, roundsFor } from './run.js'
import { updateOf } from './wire.js'

test('damaged input never throws, and changes shards only by merging (SPEC E2, E6, E7, E8)', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const { failures, outcomes, slow, slowest, updates } = fuzz({
    seed,
    from: 0,
    rounds: roundsFor(3000)
  })
  t.log(`${updates} updates, slowest merge ${slowest.ms.toFixed(1)} ms (${slowest.what})`, ...slow)
  t.deepEqual(failures, [])
  for (const outcome of ['merged', 'known', 'gap', 'refused']) {
    t.true(
      (outcomes.get(outcome) ?? 0) > 20,
      `${outcome}: a fuzz that does not reach it shows little`
    )
  }
})

test('every mutation has a name of its own, under which it is counted', t => {
  t.is(new Set(mutations.map(({ name }) => name)).size, mutations.length)
})

test('a seed gives one run', t => {
  const counts = () =>
    [...fuzz({ seed: 7, from: 0, rounds: 4 }).mutations].map(([name, of]) => [name, ...of])
  t.deepEqual(counts(), counts())
})

for (const [what, item] of Object.entries(HOSTILE_ITEMS)) {
  test(`a field with ${what} reads the same at second hand, or nowhere (SPEC E2, E14)`, t => {
    const first = openSmallChunkedShard(1)
    const { outcome } = first.merge(
      updateOf(5, 0, [Uint8Array.from([0x83, 0x61, 0x6b, 1, 0xa1, 0x61, 0x78, ...item])])
    )
    const second = openSmallChunkedShard(2)
    second.merge(first.encode())
    t.deepEqual(dump(second), dump(first))
    t.deepEqual(second.encode(), first.encode())
    t.is(first.get('k') === undefined, outcome === 'refused')
  })
}
