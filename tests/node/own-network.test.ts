// A transport of one's own is plugged in as a Network: it may take its time to connect, and the
// error it fails with reaches the caller.
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { ConnectionError, openMemoryStore, StoreError, type Network,
  type Store } from '../../adapters.js'
import { connect, createNetwork, openNode } from '../../index.js'

const config = { cluster: 'own-network', caches: { offers: { shards: 4 } } }

test('a node and a client meet over a network that connects asynchronously', async t => {
  const inProcess = createNetwork()
  const names: string[] = []
  const network: Network = {
    connect: async (name, options) => {
      await sleep(5)
      names.push(name)
      return inProcess.connect(name, options)
    }
  }
  const node = await openNode({ ...config, name: 'a' }, { network })
  t.teardown(() => node.close())
  const client = await connect({ cluster: config.cluster, name: 'c' }, { network })
  t.teardown(() => client.close())
  await client.cache('offers').put('85123A', { price: 2.55 })
  t.deepEqual(await client.cache('offers').get('85123A'), { price: 2.55 })
  t.deepEqual(names, ['a', 'c'])
})

test('a network that cannot connect fails openNode and connect with its own error', async t => {
  const error = new ConnectionError('the serial line is unplugged')
  const network: Network = { connect: () => Promise.reject(error) }
  t.is(await t.throwsAsync(openNode(config, { network })), error)
  t.is(await t.throwsAsync(connect({ cluster: config.cluster }, { network })), error)
})

test('a mistake in a network is not taken for a name that is taken', async t => {
  const error = new TypeError('a mistake')
  const network: Network = {
    connect () {
      throw error
    }
  }
  t.is(await t.throwsAsync(openNode(config, { network })), error)
})

test('an error without a code becomes the cause of one that has one', async t => {
  const cause = new Error('EPIPE')
  const network: Network = { connect: () => Promise.reject(cause) }
  for (const failing of [openNode(config, { network }), connect({ cluster: 'x' }, { network })]) {
    const error = await t.throwsAsync(failing, { instanceOf: ConnectionError, message: /EPIPE/ })
    t.is(error.cause, cause)
  }
  const throwing = (): never => {
    throw cause
  }
  const stores: Array<() => Store> = [
    throwing,
    () => Object.assign(openMemoryStore(), { getMeta: throwing }),
    () => Object.assign(openMemoryStore(), { setMeta: throwing }),
    () => Object.assign(openMemoryStore(), { shards: throwing }),
    () => Object.assign(openMemoryStore(), { shards: () => ({ [Symbol.iterator]: throwing }) }),
    () =>
      Object.assign(openMemoryStore(), {
        shards: () => ({ [Symbol.iterator]: () => ({ next: throwing }) })
      })
  ]
  for (const openStore of stores) {
    const error = await t.throwsAsync(openNode(config, { openStore }), {
      instanceOf: StoreError,
      message: /cache offers.*EPIPE/
    })
    t.is(error.cause, cause)
    t.like(error, { changed: 'no', retryable: false })
  }
})

test('an adapter that is none is a TypeError that says what is missing', async t => {
  const networks: Array<[transport: unknown, message: RegExp]> = [
    [{}, /^network\.connect must give a Transport: it has no publish, subscribe, .*close$/],
    [undefined, /^network\.connect must give a Transport: it has no publish/],
    [{ ...createNetwork().connect('x') }, /must give a Transport/],
    [Object.defineProperty(createNetwork().connect('x'), 'inbox', { value: 7 }), /inbox must be/]
  ]
  for (const [transport, message] of networks) {
    const network = { connect: () => transport } as Network
    const wrong = { instanceOf: TypeError, message }
    await t.throwsAsync(openNode(config, { network }), wrong)
    await t.throwsAsync(connect({ cluster: config.cluster }, { network }), wrong)
  }
  const stores: Array<[store: unknown, message: RegExp]> = [
    [{}, /^openStore must return a Store: it has no getMeta, setMeta, shards, commit, close$/],
    [Promise.resolve(openMemoryStore()), /^openStore must return a Store, not a promise of one$/]
  ]
  for (const [store, message] of stores) {
    await t.throwsAsync(openNode(config, { openStore: () => store as Store }), {
      instanceOf: TypeError,
      message
    })
  }
})

test('a start that fails says why, also when one of its stores cannot be closed', async t => {
  const network = createNetwork()
  const node = await openNode({ ...config, name: 'a' }, { network })
  t.teardown(() => node.close())
  const closed: string[] = []
  const openStore = (cache: string): Store => {
    const store = openMemoryStore()
    return Object.assign(store, {
      close: () => {
        closed.push(cache)
        return cache === 'orders' ? Promise.reject(new StoreError('disk full')) : Promise.resolve()
      }
    })
  }
  const caches = { offers: { shards: 8 }, orders: { shards: 4 } }
  await t.throwsAsync(openNode({ ...config, name: 'b', caches }, { network, openStore }), {
    code: 'CONFIG_CONFLICT'
  })
  t.deepEqual(closed, ['orders', 'offers'])
  const again = await openNode({ ...config, name: 'b' }, { network })
  await again.close()
})

test('a client that is given nothing to connect to is told of both ways', async t => {
  await t.throwsAsync(connect({ cluster: 'own-network' }), {
    code: 'CONFIG_INVALID',
    message: /give nats\.servers .* or the network of the nodes as Wiring\.network/
  })
})

test('a cluster of other shards is told that groups follow from them', async t => {
  const network = createNetwork()
  const node = await openNode({ cluster: 'shapes', name: 'a', caches: { offers: { shards: 8 } } }, {
    network
  })
  t.teardown(() => node.close())
  const other = (shape: { shards: number, groups?: number }) =>
    openNode({ cluster: 'shapes', name: 'b', caches: { offers: shape } }, { network })
  await t.throwsAsync(other({ shards: 9 }), {
    code: 'CONFIG_CONFLICT',
    message: /shards 9 here, 8 there, groups 9 here, 8 there \(groups follow from shards where /
  })
  const given = await t.throwsAsync(other({ shards: 9, groups: 4 }), { code: 'CONFIG_CONFLICT' })
  t.regex(given.message, /shards 9 here, 8 there, groups 4 here, 8 there \(a\)/)
})
