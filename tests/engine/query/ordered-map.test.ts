import test from 'ava'
import { OrderedMap, compareOrdered, type Ordered,
  type Range } from '../../../engine/query/ordered-map.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'

function mapOf (...keys: Ordered[]): OrderedMap<Ordered> {
  const map = new OrderedMap<Ordered>()
  for (const key of keys) map.set(key, key)
  return map
}

test('numbers come first and by size, strings after them and by their code units', t => {
  const map = mapOf('b', 10, '', '10', -1, 9, 'B', 'ä', 0.5)
  t.deepEqual([...map].map(([key]) => key), [-1, 0.5, 9, 10, '', '10', 'B', 'b', 'ä'])
  t.is(map.size, 9)
})

test('a range ends with its bounds and never leaves its type', t => {
  const map = mapOf(1, 2, 3, '', 'a', 'b')
  const found = (range: Range): Ordered[] => [...map.range(range)]
  t.deepEqual(found({ type: 'number' }), [1, 2, 3])
  t.deepEqual(found({ type: 'string' }), ['', 'a', 'b'])
  t.deepEqual(found({ type: 'number', from: { value: 2, inclusive: true } }), [2, 3])
  t.deepEqual(found({ type: 'number', from: { value: 2, inclusive: false } }), [3])
  t.deepEqual(found({ type: 'number', to: { value: 2, inclusive: true } }), [1, 2])
  t.deepEqual(found({ type: 'number', to: { value: 2, inclusive: false } }), [1])
  t.deepEqual(
    found({
      type: 'string',
      from: { value: '', inclusive: false },
      to: { value: 'b', inclusive: false }
    }),
    ['a']
  )
  t.deepEqual(
    found({
      type: 'number',
      from: { value: 3, inclusive: true },
      to: { value: 1, inclusive: true }
    }),
    []
  )
})

test('an empty map has empty ranges', t => {
  t.deepEqual([...new OrderedMap().range({ type: 'number' })], [])
  t.deepEqual([...new OrderedMap().range({ type: 'string' })], [])
})

test('after any sets and deletes it holds what a sorted array holds', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  const random = seededRandom(seed)
  const below = (end: number): number => random.uint32() % end
  const map = new OrderedMap<number>()
  const plain = new Map<Ordered, number>()
  for (let step = 0; step < 20_000; step++) {
    const key = below(2) === 0 ? below(2000) - 1000 : `s${below(2000)}`
    if (below(3) === 0) {
      map.delete(key)
      plain.delete(key)
    } else {
      map.set(key, step)
      plain.set(key, step)
    }
  }
  const sorted = [...plain].sort(([a], [b]) => compareOrdered(a, b))
  t.deepEqual([...map], sorted)
  for (let i = 0; i < 200; i++) {
    const [low, high] = [below(2200) - 1100, below(2200) - 1100]
    const range = {
      type: 'number',
      from: { value: low, inclusive: below(2) === 0 },
      to: { value: high, inclusive: below(2) === 0 }
    } as const
    const inside = (key: Ordered): boolean =>
      typeof key === 'number' && (key > low || (key === low && range.from.inclusive)) &&
      (key < high || (key === high && range.to.inclusive))
    t.deepEqual(
      [...map.range(range)],
      sorted.filter(([key]) => inside(key)).map(([, value]) => value)
    )
  }
})
