// Three nodes and a client, here in one process. With a NATS server, give each `nats: { servers:
// '127.0.0.1:4222' }` instead of the shared network, and run them where you like.
import { connect, createNetwork, openNode } from '../index.js'

const network = createNetwork()
const nodes = await Promise.all(
  ['north', 'south', 'west'].map(name =>
    openNode({
      cluster: 'pricing',
      name,
      zone: name,
      caches: { offers: { shards: 64, replicas: 2 } }
    }, { network })
  )
)

// A client has the same cache API and holds no replica.
const client = await connect({ cluster: 'pricing' }, { network })
const offers = client.cache('offers')

// Resolves when two replicas hold the write; rejects with WriteConcernError, telling how many do,
// when they do not in time.
await offers.put('85123A', { price: 2.6 }, { ack: 'majority', timeoutMs: 2000 })

// The owner goes away; the other replica has the record.
const [first] = nodes
await first?.close()
console.log(await offers.get('85123A')) // { price: 2.6 }

await client.close()
for (const node of nodes) await node.close()
