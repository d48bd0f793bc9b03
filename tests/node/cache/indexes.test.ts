/** Declared indexes, from the settings of a node to the answer a client gets. */
import test from 'ava'
import { connect, createNetwork } from '../../../index.js'
import { limits } from '../../../engine/limits.js'
import type { Inside } from '../../../node/inside.js'
import { systemPorts } from '../../../node/system-ports.js'
import { findRecords } from '../../../pubsub/requests/ask/find-records.js'
import { Router } from '../../../replication/membership/router.js'
import { setting, settled, TIMING } from '../../contracts/cluster-contract.js'

const caches = {
  prices: { shards: 16, groups: 8, replicas: 2, indexes: { country: 'equality', price: 'range' } }
} as const

test('a node indexes what its settings declare, and answers a client holding nothing', async t => {
  const network = createNetwork()
  const { node } = setting(t, { config: {}, wiring: { network }, close: async () => {} })
  const nodes = await Promise.all(['a', 'b', 'c'].map(name => node(name, { caches })))
  await settled(nodes)
  const prices = (nodes[0] as typeof nodes[number]).cache('prices')
  await Promise.all(
    Array.from(
      { length: 200 },
      (_, i) =>
        prices.put(`k${i}`, { country: i % 10 === 0 ? 'France' : 'Spain', price: i / 100 }, {
          ack: 'all'
        })
    )
  )
  await prices.delete('k10', { ack: 'all' })

  let inside: Inside | undefined
  const client = await connect({ cluster: 'contract', timing: TIMING }, {
    network,
    onInside: found => {
      inside = found
    }
  })
  t.teardown(() => client.close())
  if (inside === undefined) throw new Error('nothing was handed out')
  const { membership, caches: { requests } } = inside
  const source = {
    router: new Router({ membership, cache: 'prices' }),
    requests,
    ports: systemPorts,
    limits
  }
  const keys: string[] = []
  for await (const { key } of findRecords(source, { country: 'France', price: { lt: 0.5 } })) {
    keys.push(key)
  }
  t.deepEqual(keys.sort(), ['k0', 'k20', 'k30', 'k40'])
  await t.throwsAsync(findRecords(source, { stock: 1 }).next(), {
    code: 'NOT_INDEXED',
    message: /indexed are country \(equality\), price \(range\)/
  })
})
