/** After close every call says so at once, whichever it is, on nodes and clients. */
import test from 'ava'
import type { Cache } from '../../../index.js'
import { CACHE, startCluster } from '../../support/cluster.js'

const CALLS: ReadonlyArray<readonly [title: string, call: (cache: Cache) => unknown]> = [
  ['get', cache => cache.get('k')],
  ['getMany', cache => cache.getMany(['k'])],
  ['has', cache => cache.has('k')],
  ['hasElement', cache => cache.hasElement('k', 's', 1)],
  ['update', cache => cache.update('k', () => ({ n: 2 }))],
  ['scan', cache => cache.scan()],
  ['query', cache => cache.query({ n: 1 })],
  ['consume', cache => cache.consume({ group: 'g' })],
  ['flush', cache => cache.flush()],
  ['put', cache => cache.put('k', { n: 2 })],
  ['replace', cache => cache.replace('k', { n: 2 })],
  ['patch', cache => cache.patch('k', { n: { value: 2 } })],
  ['patch of two writes',
    cache => cache.patch('k', { n: { value: 2 }, m: { value: 2, sequence: 1 } })],
  ['unset', cache => cache.unset('k', ['n'])],
  ['delete', cache => cache.delete('k')],
  ['increment', cache => cache.increment('k', 'c')],
  ['addToSet', cache => cache.addToSet('k', 's', 1)],
  ['removeFromSet', cache => cache.removeFromSet('k', 's', 1)],
  ['raiseTo', cache => cache.raiseTo('k', 'm', 1)],
  ['lowerTo', cache => cache.lowerTo('k', 'm', 1)]
]

test('after close every call of a cache fails at once with CLOSED', async t => {
  const cluster = await startCluster(t, ['a', 'b'])
  const client = await cluster.client('far')
  const far = cluster.clients.get('far')
  const node = cluster.node('a')
  const caches = [['far', client], ['a', node.cache(CACHE)]] as const
  await cluster.time.wait(client.put('k', { n: 1 }, { ack: 'all' }))
  for (const [name, cache] of caches) {
    await cluster.close(name)
    const closedMs = cluster.time.nowMs
    for (const [title, call] of CALLS) {
      const error = await t.throwsAsync(async () => await call(cache), undefined, title)
      t.like(error, { code: 'CLOSED', changed: 'no', retryable: false }, title)
    }
    await t.throwsAsync((name === 'a' ? node : far)?.statusOf('b') ?? Promise.resolve(), {
      code: 'CLOSED'
    })
    t.is(cluster.time.nowMs, closedMs, 'no call waited')
  }
})

test('a cache that is first asked for after close is closed as well', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const client = await cluster.connect('late')
  const node = cluster.node('a')
  await cluster.close('late')
  await cluster.close('a')
  for (const cache of [client.cache(CACHE), node.cache(CACHE)]) {
    for (const [title, call] of CALLS) {
      await t.throwsAsync(async () => await call(cache), { code: 'CLOSED' }, title)
    }
  }
})

test('a consumer made before close and begun after it ends, as one that runs does', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  for (
    const [name, cache] of [['far', await cluster.client('far')], ['a',
      cluster.cache('a')]] as const
  ) {
    const batches = cache.consume({ group: 'g' })
    const records = cache.scan()
    await cluster.close(name)
    t.deepEqual(await batches.next(), { done: true, value: undefined })
    await t.throwsAsync(records.next(), { code: 'CLOSED' })
  }
})

test('a scan that is under way when its node closes ends with CLOSED', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  const cache = cluster.cache('a')
  for (const key of ['k1', 'k2', 'k3', 'k4']) await cluster.time.wait(cache.put(key, { n: 1 }))
  const records = cache.scan()
  t.false((await cluster.time.wait(records.next())).done)
  await cluster.close('a')
  await t.throwsAsync(async () => {
    for await (const { key } of records) t.truthy(key)
  }, { code: 'CLOSED' })
})
