/**
 * Many keys in one call where nodes die or are still fetching: what one node cannot answer is asked
 * of the others.
 */
import test from 'ava'
import { limits } from '../../../../engine/limits.js'
import { startCluster } from '../../../support/cluster.js'

const KEYS = Array.from({ length: 400 }, (_, i) => `k${i}`)
const FIELDS = KEYS.map((_, i) => ({ n: i }))

test('a node that died costs time, and no record', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'])
  const client = await cluster.client('far')
  await cluster.time.wait(Promise.all(KEYS.map((key, n) => client.put(key, { n }, { ack: 'all' }))))
  cluster.kill('b')
  for (const cache of [client, cluster.cache('a')]) {
    t.deepEqual(await cluster.time.wait(cache.getMany(KEYS)), FIELDS)
  }
})

test('a node that is still fetching its groups asks those that have them', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  await cluster.time.wait(
    Promise.all(KEYS.map((key, n) => cluster.cache('a').put(key, { n }, { ack: 'all' })))
  )
  const fresh = (await cluster.startNode('c')).cache('prices')
  t.deepEqual(await cluster.time.wait(fresh.getMany(KEYS)), FIELDS)
  await cluster.untilSettled()
  t.deepEqual(await cluster.time.wait(fresh.getMany(KEYS)), FIELDS)
})

test('large records come in as many answers as it takes', async t => {
  const cluster = await startCluster(t, ['a', 'b'], { replicas: 1 })
  const client = await cluster.client('far')
  const keys = KEYS.slice(0, 50)
  const text = 'x'.repeat(200_000)
  for (const key of keys) {
    await cluster.time.wait(client.put(key, { text, key }, { ack: 'durable' }))
  }
  t.true(keys.length * text.length > 2 * limits.maxPollReplyBytes)
  t.deepEqual(
    (await cluster.time.wait(client.getMany([...keys, 'none']))).map(fields => fields?.['key']),
    [...keys, undefined]
  )
})

test('when no holder of a key answers, the call fails and says so', async t => {
  const cluster = await startCluster(t, ['a', 'b', 'c'], { replicas: 1 })
  const client = await cluster.client('far')
  await cluster.time.wait(Promise.all(KEYS.map((key, n) => client.put(key, { n }, { ack: 'all' }))))
  cluster.network.partition('far', 'b')
  const error = await cluster.time.wait(
    client.getMany(KEYS).then(() => undefined, (cause: unknown) => cause)
  )
  t.like(error, { retryable: true })
  t.regex(String((error as { code?: unknown }).code), /^(TIMEOUT|UNAVAILABLE)$/)
})
