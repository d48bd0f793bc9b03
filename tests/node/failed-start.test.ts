/**
 * A node or client that cannot start lets go of everything that it had begun: no timer, no
 * connection, no open store, and nothing written. Time is virtual, and tells of timers left behind.
 */
import test from 'ava'
import { StoreError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import { connect } from '../../node/connect.js'
import type { MillpondEvent } from '../../node/events.js'
import { openNode } from '../../node/open-node.js'
import { InProcessNetwork } from '../../replication/transport/in-process/network.js'
import type { Transport } from '../../replication/transport/transport.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'
import type { Store } from '../../storage/store.js'
import { VirtualTime } from '../support/virtual-time.js'

const CACHES = { offers: { shards: 4, replicas: 1 }, prices: { shards: 4, replicas: 1 } }
const CONFIG = { cluster: 'starts', name: 'a', caches: CACHES }

function world () {
  const time = new VirtualTime(1)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const disks = new Map(Object.keys(CACHES).map(cache => [cache, new MemoryDisk()]))
  const events: MillpondEvent[] = []
  const commits: string[] = []
  const closed: string[] = []
  const diskOf = (cache: string): MemoryDisk => disks.get(cache) as MemoryDisk
  /** @param change replaces methods of a store */
  const open = (change: (store: Store, cache: string) => Partial<Store> = () => ({})) =>
    openNode(CONFIG, {
      network,
      ports: time.ports('a'),
      onEvent: event => {
        events.push(event)
      },
      openStore: cache => {
        const store = diskOf(cache).open()
        const [commit, close] = [store.commit.bind(store), store.close.bind(store)]
        Object.assign(store, {
          commit: (batch: Parameters<Store['commit']>[0]) => {
            commits.push(cache)
            return commit(batch)
          },
          close: () => {
            closed.push(cache)
            return close()
          }
        })
        return Object.assign(store, change(store, cache))
      }
    })
  /** A node writes, commits cursors, and closes; then a delta of this cache cannot be read. */
  const damage = async (cache: string): Promise<void> => {
    const node = await time.wait(open())
    for (let i = 0; i < 40; i++) void node.cache(cache).put(`k${i}`, { i })
    await time.wait(node.cache(cache).put('k', { i: 0 }, { ack: 'durable' }))
    const changes = node.cache(cache).consume({ group: 'g' })
    const { value } = await time.wait(changes.next())
    await time.wait(value?.commit() ?? Promise.resolve())
    await time.wait(changes.return())
    await time.wait(node.close())
    const store = diskOf(cache).open()
    await store.commit({
      drops: [],
      deltas: [{ shard: 3, delta: new Uint8Array([9, 9, 9]) }],
      snapshots: [],
      cursors: []
    })
    await store.close()
    for (const list of [commits, closed, events]) list.length = 0
  }
  return { time, network, open, damage, commits, closed, events }
}

for (const cache of Object.keys(CACHES)) {
  const title = `a node that cannot read ${cache} back leaves no timer, and writes nothing`
  test(`${title} (SPEC S6)`, async t => {
    const { time, open, damage, commits, events } = world()
    await damage(cache)
    for (let attempt = 0; attempt < 3; attempt++) {
      await t.throwsAsync(time.wait(open()), { code: 'STORE', message: /shard 3 cannot be read/ })
      t.is(time.pending('a'), 0)
      await time.advance(10_000)
    }
    t.deepEqual(commits, [])
    t.deepEqual(events.filter(({ type }) => type.startsWith('store-')), [])
  })
}

test('a store that cannot be closed keeps no other from being closed (SPEC S6)', async t => {
  const { time, open, damage, closed } = world()
  await damage('prices')
  const failing = open((store, cache) => {
    const close = store.close.bind(store)
    return cache === 'offers'
      ? {
        close: async () => {
          await close()
          throw new StoreError('planned')
        }
      }
      : {}
  })
  await t.throwsAsync(time.wait(failing), { message: /shard 3 cannot be read/ })
  t.is(time.pending('a'), 0)
  t.true(closed.includes('prices'))
})

test('a connection is let go of when a client or node cannot use it', async t => {
  const { time, network } = world()
  const subscribing: string[] = []
  const closed: string[] = []
  for (const failsAt of [1, 2, 3]) {
    const broken = {
      connect: (name: string): Transport => {
        const transport = network.connect(name)
        const close = transport.close.bind(transport)
        const subscribe = transport.subscribe.bind(transport)
        let count = 0
        return Object.assign(transport, {
          subscribe: (...args: Parameters<Transport['subscribe']>) => {
            if (++count === failsAt) {
              subscribing.push(name)
              throw new Error('planned')
            }
            return subscribe(...args)
          },
          close: () => {
            closed.push(name)
            return close()
          }
        })
      }
    }
    const wiring = { network: broken, ports: time.ports('a') }
    const planned = { code: 'CONNECTION', message: /failed: planned$/ }
    await t.throwsAsync(time.wait(openNode(CONFIG, wiring)), planned)
    await t.throwsAsync(time.wait(connect({ cluster: 'starts', name: 'c' }, wiring)), planned)
    t.is(time.pending('a'), 0)
  }
  t.deepEqual(closed, subscribing)
  const wiring = {
    network,
    ports: time.ports('a'),
    onInside: () => {
      throw new Error('planned')
    }
  }
  await t.throwsAsync(time.wait(connect({ cluster: 'starts', name: 'c' }, wiring)))
  t.is(time.pending('a'), 0)
})

test('a start that the cluster refuses leaves no settings in its store (SPEC R9)', async t => {
  const time = new VirtualTime(1)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const disk = new MemoryDisk()
  const open = (name: string, shards: number, on: MemoryDisk) =>
    time.wait(
      openNode({ cluster: 'starts', name, caches: { offers: { shards, replicas: 2 } } }, {
        network,
        ports: time.ports(name),
        openStore: () => on.open()
      })
    )
  const node = await open('a', 4, new MemoryDisk())
  await t.throwsAsync(open('b', 8, disk), { code: 'CONFIG_CONFLICT', message: /shards 8 here/ })
  await t.throwsAsync(open('a', 4, disk), { code: 'CONFIG_CONFLICT', message: /name a is taken/ })
  const joined = await open('b', 4, disk)
  await time.wait(joined.close())
  await time.wait(node.close())
  await t.throwsAsync(open('b', 8, disk), {
    code: 'CONFIG_CONFLICT',
    message: /was written with shards 4/
  })
})
