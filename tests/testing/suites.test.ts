// The published suites must be able to fail: adapters with one mistake each are found by the test
// that is about this mistake, and by no other.
import test from 'ava'
import { createNetwork, MemoryDisk, type IncomingMessage, type Store,
  type Transport } from '../../adapters.js'
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

test('the transport suite finds a transport that delivers inside publish', async t => {
  const tests: Declared[] = []
  transportContract({
    test: (...declared) => tests.push(declared),
    name: 'spoilt',
    open: async () => {
      const network = createNetwork()
      const opened: Transport[] = []
      return {
        connect: async (name, options) => {
          const transport = deliveringAtOnce(network.connect(name, options))
          opened.push(transport)
          return transport
        },
        close: async () => {
          await Promise.all(opened.map(transport => transport.close()))
        }
      }
    }
  })
  const about = tests.filter(([title]) => title.endsWith('before publish returns'))
  t.is(about.length, 1)
  t.deepEqual(await failing(about), ['spoilt: nothing is delivered before publish returns'])
})

/** A message that it publishes reaches its own subscriptions to this very subject at once. */
function deliveringAtOnce (transport: Transport): Transport {
  const handlers = new Map<string, (message: IncomingMessage) => void>()
  return new Proxy(transport, {
    get (target, property) {
      if (property === 'subscribe') {
        return (pattern: string, onMessage: (message: IncomingMessage) => void) => {
          handlers.set(pattern, onMessage)
          return { close: () => handlers.delete(pattern) }
        }
      }
      if (property === 'publish') {
        return (subject: string, bytes: Uint8Array) => {
          handlers.get(subject)?.({ subject, bytes })
          return true
        }
      }
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}
