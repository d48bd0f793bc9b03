// One node, no server, nothing on disk: write records, read them, and consume what changed.
import { openNode } from '../index.js'

const node = await openNode({ cluster: 'pricing', caches: { offers: { shards: 16 } } })
const offers = node.cache('offers')

// Fields merge: a price feed and a stock feed each set what they know.
await offers.put('85123A', { price: 2.55, currency: 'GBP' })
await offers.put('85123A', { stock: 6 })
console.log(await offers.get('85123A')) // { price: 2.55, currency: 'GBP', stock: 6 }

// An event that comes late does not overwrite a newer one: its own time decides.
await offers.put('85123A', { price: 1.99 }, { at: new Date('2010-12-01T08:26:00Z') })
console.log((await offers.get('85123A'))?.price) // 2.55

// A thousand writes to one record are one change to a later reader.
for (let stock = 1000; stock > 0; stock--) void offers.put('71053', { stock })
await offers.delete('85123A')

for await (
  const batch of offers.consume({ group: 'repricer', ratePerSecond: 1000, stopWhenIdleMs: 100 })
) {
  for (const { key, deleted, fields } of batch.changes) {
    console.log(key, deleted ? 'deleted' : fields)
  }
  await batch.commit() // the next consumer of this group goes on from here
}

await node.close()
