// The published suites must be able to fail: adapters with one mistake each are found by the test
// that is about this mistake, and by no other.
import test from 'ava'
import { createNetwork, MemoryDisk, type IncomingMessage, type Store,
  type Transport } from '../../adapters.js'
import { Patience } from '../../testing/patience.js'
import { storeContract, transportContract, type StorePlace } from '../../testing/index.js'

type Declared = [title: string, run: () => Promise<void>]

/** The titles of those that fail. */
async function failing (tests: readonly Declared[]): Promise<string[]> {
  const failed: string[] = []
  for (const [title, run] of tests) await run().catch(() => failed.push(title))
  return failed
}

function failingOfStore (spoil: (store: Store) => Store): Promise<string[]> {
  const tests: Declared[] = []
  storeContract({
    test: (...declared) => tests.push(declared),
    name: 'spoilt',
    createPlace: (): StorePlace => {
      const disk = new MemoryDisk()
      return { open: () => spoil(disk.open()) }
    }
  })
  return failing(tests)
}

/** A store that behaves like another one but for what is replaced. */
function storeLike (store: Store, replaced: Partial<Store>): Store {
  return {
    getMeta: name => store.getMeta(name),
    setMeta: (name, value) => store.setMeta(name, value),
    shards: () => store.shards(),
    commit: batch => store.commit(batch),
    close: () => store.close(),
    ...replaced
  }
}

test('the store suite passes a store without a mistake', async t => {
  t.deepEqual(await failingOfStore(store => store), [])
})

test('the store suite finds a store that applies drops last', async t => {
  const failed = await failingOfStore(store =>
    storeLike(store, {
      commit: async ({ drops, ...batch }) => {
        await store.commit({ ...batch, drops: [] })
        await store.commit({ deltas: [], snapshots: [], cursors: [], drops })
      }
    })
  )
  t.deepEqual(failed, ['spoilt: drops come before everything else in their batch'])
})

test('the store suite finds a store that hands out Buffers', async t => {
  const failed = await failingOfStore(store =>
    storeLike(store, {
      *shards () {
        for (const shard of store.shards()) {
          yield { ...shard, deltas: shard.deltas.map(delta => Buffer.from(delta)) }
        }
      }
    })
  )
  t.true(
    failed.includes(
      'spoilt: no caller can change stored bytes through a buffer, and blobs come out as plain ' +
        'Uint8Arrays'
    )
  )
})

/** The titles that fail, of those that match, for transports that `spoil` makes of sound ones. */
async function failingOfTransport (
  about: RegExp,
  spoil: (transport: Transport) => Transport
): Promise<string[]> {
  const tests: Declared[] = []
  transportContract({
    test: (...declared) => tests.push(declared),
    name: 'spoilt',
    open: async () => {
      const network = createNetwork()
      const opened: Transport[] = []
      return {
        connect: async (name, options) => {
          const transport = spoil(network.connect(name, options))
          opened.push(transport)
          return transport
        },
        close: async () => {
          await Promise.all(opened.map(transport => transport.close()))
        }
      }
    }
  })
  return failing(tests.filter(([title]) => about.test(title)))
}

/** A transport that behaves like another one but for what is replaced. */
function transportLike (transport: Transport, replaced: Partial<Transport>): Transport {
  return new Proxy(transport, {
    get (target, property) {
      if (property in replaced) return Reflect.get(replaced, property) as unknown
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

test('the transport suite passes a transport without a mistake', async t => {
  t.deepEqual(await failingOfTransport(/./, transport => transportLike(transport, {})), [])
})

test('the transport suite finds a transport that delivers inside publish', async t => {
  t.deepEqual(await failingOfTransport(/before publish returns$/, deliveringAtOnce), [
    'spoilt: nothing is delivered before publish returns'
  ])
})

test('the transport suite finds a star at the end that takes several tokens', async t => {
  const failed = await failingOfTransport(/./, transport =>
    transportLike(transport, {
      subscribe: (pattern, onMessage) => transport.subscribe(pattern.replace(/\*$/, '>'), onMessage)
    }))
  t.deepEqual(failed, [
    'spoilt: a star at the end of a pattern stands for one token as well, and not for several'
  ])
})

test('the transport suite finds a close that looks like a lost connection', async t => {
  const failed = await failingOfTransport(/./, transport => {
    const listeners: Array<(connected: boolean) => void> = []
    return transportLike(transport, {
      onConnection: listener => {
        listeners.push(listener)
        return transport.onConnection(listener)
      },
      close: async () => {
        await transport.close()
        for (const listener of listeners) listener(false)
      }
    })
  })
  t.deepEqual(failed, [
    'spoilt: a connection that is closed by its own side tells no listener of it'
  ])
})

test('a suite waits for a time, and for a shorter one once it waited in vain', async t => {
  const patience = new Patience(80, 10)
  await patience.until(() => true, 'nothing')
  t.is(await patience.settled(Promise.resolve(7), 'a number'), 7)
  await t.throwsAsync(patience.settled(Promise.reject(new Error('no')), 'a refusal'), {
    message: 'no'
  })
  await t.throwsAsync(patience.settled(new Promise(() => undefined), 'a flush'), {
    message: 'waited 80 ms in vain for a flush'
  })
  await t.throwsAsync(patience.until(() => false, 'a message'), {
    message: 'waited 10 ms in vain for a message'
  })
})

/** A message that it publishes reaches its own subscriptions to this very subject at once. */
function deliveringAtOnce (transport: Transport): Transport {
  const handlers = new Map<string, (message: IncomingMessage) => void>()
  return transportLike(transport, {
    subscribe: (pattern, onMessage) => {
      handlers.set(pattern, onMessage)
      return { close: () => handlers.delete(pattern) }
    },
    publish: (subject, bytes) => {
      handlers.get(subject)?.({ subject, bytes })
      return true
    }
  })
}
