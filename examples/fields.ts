// Fields that are more than the last value: counters, sets, bounds, a source's own numbering, and
// values that expire.
import { openNode } from '../index.js'

const node = await openNode({
  cluster: 'pricing',
  caches: { offers: { shards: 16, indexes: { price: 'range' } } }
})

// The schema is optional. With one, the calls are typed, and a field used as another kind is an
// error before anything is sent.
const offers = node.cache('offers', {
  price: 'register',
  badge: 'register',
  views: 'counter',
  tags: 'set',
  best: 'min',
  stock: 'sequenced'
})

// Writers need not know of each other: increments add up, an add wins over a removal at the same
// time, the lowest stays.
await Promise.all([offers.increment('85123A', 'views'), offers.increment('85123A', 'views', 41)])
await offers.addToSet('85123A', 'tags', ['white', 'new'])
await offers.removeFromSet('85123A', 'tags', 'new')
for (const price of [2.6, 2.55, 2.95]) await offers.lowerTo('85123A', 'best', price)

// The price has an event time. The stock comes from a change log and is ordered by its position,
// whatever the clocks say.
await offers.patch('85123A', {
  price: { value: 2.95, at: new Date('2010-12-01T08:26:00Z') },
  stock: { value: 6, sequence: 1234 }
})
await offers.patch('85123A', { stock: { value: 8, sequence: 1200 } }) // read later, but older
console.log(await offers.get('85123A'))
// { price: 2.95, views: 42, tags: [ 'white' ], best: 2.55, stock: 6 }

// Gone after a minute unless it is written again; consumers hear of that like of any other change.
await offers.put('85123A', { badge: 'hot' }, { ttlMs: 60_000 })
await offers.unset('85123A', ['tags'])
console.log(await offers.hasElement('85123A', 'tags', 'white')) // false

// Read, decide, write: on what is seen here, and without a lock. To count, increment.
await offers.update('85123A', offer => Number(offer?.price) > 2 ? { price: 2 } : undefined)
// 85123A 2
for await (const { key, fields } of offers.query({ price: { lte: 2 } }, { limit: 10 })) {
  console.log(key, fields.price)
}

await offers.replace('85123A', { price: 1.95 }) // the whole record
console.log(await offers.getMany(['85123A', '71053'])) // [ { price: 1.95 }, undefined ]

try {
  // @ts-expect-error a counter cannot be put
  await offers.put('85123A', { views: 0 })
} catch (error) {
  console.log((error as { code: string }).code) // FIELD_KIND
}

await node.close()
