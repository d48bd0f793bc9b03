/**
 * Operations that several owners take, because the answer of the first is lost: each is one
 * operation, wherever and whenever its copies are taken (SPEC E9, E16, E18).
 */
import test from 'ava'
import type { Cache } from '../../../index.js'
import { startCluster, type Cluster } from '../../support/cluster.js'

const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`)
type Call = (cache: Cache, key: string) => Promise<unknown>

/**
 * Each owner takes the operations, and the answer of the first is lost. Then they are taken back,
 * where only the second one hears of it, and the first goes on.
 */
async function takenTwice (cluster: Cluster, operate: Call, takeBack: Call): Promise<Cache> {
  const { time, network } = cluster
  const client = await cluster.client('far')
  // Both sides of the shared record have a history.
  await time.wait(Promise.all(KEYS.map(key => client.put(key, { n: 1 }, { ack: 'all' }))))
  await time.wait(Promise.all(KEYS.map(key => client.delete(key, { ack: 'all' }))))
  for (const [first, second] of [['a', 'b'], ['b', 'a']] as const) {
    network.partition(first, 'far', 'one-way')
    network.partition('a', 'b')
    await time.wait(Promise.all(KEYS.map(key => operate(client, key))), 'operations')
    await time.wait(
      Promise.all(
        KEYS.map(key => takeBack(cluster.cache(second), key))
      ),
      'to take them back'
    )
    network.heal()
    await time.advance(20_000)
    await cluster.untilSettled()
  }
  return client
}

test('an element that was added at two owners and removed at one does not come back', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { timing: { failureTimeoutMs: 60_000 } })
  const client = await takenTwice(
    cluster,
    (cache, key) => cache.addToSet(key, 'tags', 'x', { timeoutMs: 10_000 }),
    (cache, key) => cache.removeFromSet(key, 'tags', 'x')
  )
  const left = await cluster.time.wait(client.getMany(KEYS))
  t.deepEqual(left.filter(record => record !== undefined), [])
})
