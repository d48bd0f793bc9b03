/** Every call of a cache, and of opening one, refuses options that it does not read. */
import test from 'ava'
import { connect, createNetwork, openNode, type Cache, type Wiring } from '../../../index.js'
import { openMemoryStore } from '../../../storage/stores/memory-store.js'
import { startCluster } from '../../support/cluster.js'

/** As from a program without types. */
const odd = { akc: 'all' } as object
const CALLS: ReadonlyArray<readonly [title: string, call: (cache: Cache) => unknown]> = [
  ['get', cache => cache.get('k', odd)],
  ['getMany', cache => cache.getMany(['k'], odd)],
  ['has', cache => cache.has('k', odd)],
  ['hasElement', cache => cache.hasElement('k', 's', 1, odd)],
  ['put', cache => cache.put('k', { n: 1 }, odd)],
  ['replace', cache => cache.replace('k', { n: 1 }, odd)],
  ['patch', cache => cache.patch('k', { n: { value: 1 } }, odd)],
  ['unset', cache => cache.unset('k', ['n'], odd)],
  ['delete', cache => cache.delete('k', odd)],
  ['increment', cache => cache.increment('k', 'c', 1, odd)],
  ['addToSet', cache => cache.addToSet('k', 's', 'a', odd)],
  ['removeFromSet', cache => cache.removeFromSet('k', 's', 'a', odd)],
  ['raiseTo', cache => cache.raiseTo('k', 'm', 1, odd)],
  ['lowerTo', cache => cache.lowerTo('k', 'm', 1, odd)],
  ['scan', cache => cache.scan(odd)],
  ['query', cache => cache.query({ n: 1 }, odd)],
  ['consume', cache => cache.consume({ group: 'g', ...odd })]
]

test('a call with an option it does not read is refused at once (SPEC B3)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  for (const cache of [cluster.cache('a'), await cluster.client('c')]) {
    for (const [title, call] of CALLS) {
      t.throws(() => call(cache), {
        instanceOf: TypeError,
        message: /^akc is no option of .*; known are /
      }, title)
    }
    t.throws(() => cache.update('k', () => t.fail('nothing is read'), odd), {
      instanceOf: TypeError,
      message: /^akc is no option of update; known are ack/
    })
    t.is(await cluster.time.wait(cache.get('k')), undefined)
  }
})

test('a query with a limit that cannot be is refused by the call (SPEC B3)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  t.throws(() => cluster.cache('a').query({ n: 1 }, { limit: 0 }), { instanceOf: TypeError })
})

const config = { cluster: 'unknown', name: 'a', caches: { offers: { shards: 4 } } }

test('a wiring with a part that there is not is refused', async t => {
  const wiring = { opneStore: () => openMemoryStore() } as Wiring
  const message = /^opneStore is no option of \w+; known are openStore, network/
  await t.throwsAsync(openNode(config, wiring), { instanceOf: TypeError, message })
  await t.throwsAsync(connect({ cluster: 'unknown' }, { ...wiring, network: createNetwork() }), {
    instanceOf: TypeError,
    message
  })
})

test('a store of one’s own and settings of another one are refused together', async t => {
  const openStore = () => {
    t.fail('no store is opened')
    return openMemoryStore()
  }
  for (const setting of [{ dataDir: '/nowhere' }, { durability: 'sync' as const }]) {
    await t.throwsAsync(openNode({ ...config, ...setting }, { openStore }), {
      code: 'CONFIG_INVALID',
      message: new RegExp(`^${Object.keys(setting)[0]} and Wiring\\.openStore are both given`)
    })
  }
})
