/**
 * Adapters of a program's own that fail while a node or client runs, opens or closes. Whatever they
 * throw or give, no timer throws, every step of a shutdown is taken, and the caller is told the
 * first error, with a code.
 */
import test, { type ExecutionContext } from 'ava'
import { ConnectionError, openMemoryStore, StoreError, type Network, type Store,
  type Transport } from '../../adapters.js'
import { connect, createNetwork, limits, openNode, type MillpondEvent } from '../../index.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'
import { CACHE, startCluster } from '../support/cluster.js'
import { networkWith, replace, revoked, throwing, unhandledRejections,
  untyped } from '../support/own-adapters.js'
import { VirtualTime } from '../support/virtual-time.js'

const config = { cluster: 'failing', name: 'a', caches: { offers: { shards: 4, replicas: 1 } } }
const ODD: ReadonlyArray<() => unknown> = [() => new Error('socket gone'), () => undefined,
  () => Object.create(null), () => ({ code: 'EWHAT' }), () => revoked()]

async function closedAfter (
  t: ExecutionContext,
  failing: Promise<unknown>,
  given: readonly Transport[],
  expected: object
): Promise<void> {
  const error = await t.throwsAsync(failing)
  t.like(error, expected)
  for (const transport of given) t.false(transport.connected, 'nothing stays connected')
}

test('a node whose network throws as it closes stores its data (SPEC B4)', async t => {
  for (const odd of ODD) {
    const time = new VirtualTime(1)
    const disk = new MemoryDisk()
    const { network, given } = networkWith(() => ({}))
    const wiring = { network, ports: time.ports('a'), openStore: () => disk.open() }
    const node = await time.wait(openNode(config, wiring))
    await time.wait(node.cache('offers').put('k', { n: 1 }))
    for (const transport of given) replace(transport, { publish: throwing(odd()) })
    await time.wait(node.close())
    const again = await time.wait(openNode({ ...config, name: 'b' }, wiring))
    t.deepEqual(await time.wait(again.cache('offers').get('k')), { n: 1 })
    for (const transport of given) replace(transport, { publish: () => false })
    await time.wait(again.close())
  }
})

test('a connection that the program closed under its node stops no timer', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  await cluster.time.wait(cluster.cache('a').put('k', { n: 1 }))
  await cluster.time.wait(cluster.transports.get('a')?.close() ?? Promise.reject(new Error('none')))
  await cluster.time.advance(5000)
  await cluster.close('a')
  await cluster.startNode('a')
  await cluster.untilSettled()
  t.deepEqual(await cluster.cache('a').get('k'), { n: 1 })
})

test('a step of a shutdown that fails skips no other (SPEC B4)', async t => {
  const first = new StoreError('disk full')
  const closed: string[] = []
  const openStore = (cache: string): Store =>
    replace(openMemoryStore(), {
      close: () => {
        closed.push(cache)
        return cache === 'offers' ? Promise.reject(first) : Promise.resolve()
      }
    })
  const { network, given } = networkWith(transport => {
    const close = transport.close.bind(transport)
    return {
      close: async () => {
        await close()
        throw new Error('bye')
      }
    }
  })
  const caches = { ...config.caches, orders: { shards: 2 } }
  const node = await openNode({ ...config, caches }, { network, openStore })
  t.is(await t.throwsAsync(node.close()), first)
  t.deepEqual(closed, ['offers', 'orders'])
  t.deepEqual(given.map(({ connected }) => connected), [false])
})

test('a client whose network fails to close says so with a code', async t => {
  const cause = new Error('bye')
  const { inner, network } = networkWith(() => ({ close: throwing(cause) }))
  const node = await openNode(config, { network: inner })
  t.teardown(() => node.close())
  const client = await connect({ cluster: 'failing' }, { network })
  t.is((await t.throwsAsync(client.close(), { code: 'CONNECTION', message: /bye/ })).cause, cause)
})

test('a network that never closes is given up by name', async t => {
  const time = new VirtualTime(2)
  const { network } = networkWith(() => ({ close: () => new Promise(() => {}) }))
  const node = await time.wait(openNode(config, { network, ports: time.ports('a') }))
  await t.throwsAsync(time.wait(node.close()), { code: 'CONNECTION', message: /within 5000 ms/ })
})

test('publish that throws drops the message and is reported (SPEC B4)', async t => {
  for (const odd of ODD) {
    const cluster = await startCluster(t, ['a'], { replicas: 1, expect: ['connection-problem'] })
    const far = await cluster.client('far')
    const transport = cluster.transports.get('far') as Transport
    const node = cluster.transports.get('a') as Transport
    replace(transport, { publish: throwing(odd()) })
    replace(node, { publish: throwing(odd()) })
    const options = { timeoutMs: 500 }
    const put = far.put('k', { n: 1 }, options)
    await t.throwsAsync(cluster.time.wait(put), { code: 'TIMEOUT' })
    const increment = far.increment('k', 'c', 1, options)
    const dropped = await t.throwsAsync(cluster.time.wait(increment), { code: 'TIMEOUT' })
    t.like(dropped, { changed: 'no' })
    await t.throwsAsync(cluster.time.wait(far.get('k')), { code: 'UNAVAILABLE' })
    t.deepEqual(await cluster.cache('a').get('k'), undefined)
    const problems = cluster.eventsOf('connection-problem')
    t.true(problems.length > 0 && problems.length < 40, `${problems.length} problems are reported`)
    for (const problem of problems) {
      t.true('error' in problem && problem.error instanceof ConnectionError)
    }
    await cluster.close('far')
    await cluster.close('a')
  }
})

test('a property of a transport that throws stops no timer (SPEC B4)', async t => {
  const time = new VirtualTime(1)
  const { network, given } = networkWith(() => ({}))
  const problems: unknown[] = []
  const wiring = {
    network,
    ports: time.ports('a'),
    onEvent: (event: MillpondEvent) => {
      if (event.type === 'connection-problem') problems.push(event.error)
    }
  }
  const node = await time.wait(openNode(config, wiring))
  await time.wait(node.cache('offers').get('k'), 'a node that is ready')
  for (const transport of given) {
    replace(transport, {
      get maxMessageBytes () {
        throw new Error('no info')
      },
      get connected () {
        throw new Error('no state')
      }
    })
  }
  await time.wait(node.cache('offers').put('k', { n: 1 }))
  await time.advance(2000)
  t.deepEqual(await node.cache('offers').get('k'), { n: 1 })
  t.true(problems.length > 0 && problems.every(error => error instanceof ConnectionError))
  await time.wait(node.close())
})

test('a subscription whose close rejects ends no process (SPEC B4)', async t => {
  const time = new VirtualTime(1)
  const rejections = unhandledRejections(t)
  const { network } = networkWith(() => ({
    subscribe: () => ({ close: () => Promise.reject(new Error('gone')) })
  }))
  const node = await time.wait(openNode(config, { network, ports: time.ports('a') }))
  await time.wait(node.close())
  t.deepEqual(await rejections(), [])
})

test('publish that gives no word of a drop is reported, and may have been sent', async t => {
  const events: MillpondEvent[] = []
  const { network } = networkWith(transport => {
    const publish = transport.publish.bind(transport)
    return {
      publish: async (...message: Parameters<Transport['publish']>) => {
        publish(...message)
        await Promise.reject(new Error('later'))
      }
    }
  })
  const node = await openNode(config, { network, onEvent: event => events.push(event) })
  await node.close()
  const [first] = events.filter(({ type }) => type === 'connection-problem')
  t.regex(String((first as { error?: unknown }).error), /publish must return true or false/)
})

test('nothing stays connected when opening fails (SPEC B4)', async t => {
  const cause = new Error('odd')
  const cases: Array<[parts: object, expected: object]> = [
    [{ subscribe: throwing(cause) }, { code: 'CONNECTION', cause }],
    [{ onConnection: throwing(cause) }, { code: 'CONNECTION', cause }],
    [{ subscribe: () => undefined }, { name: 'TypeError' }],
    [{ inbox: 'a.*' }, { name: 'TypeError' }],
    [{ inbox: '' }, { name: 'TypeError' }],
    [{ maxMessageBytes: 0 }, { name: 'TypeError' }],
    [{ maxMessageBytes: NaN }, { name: 'TypeError' }],
    [{ maxMessageBytes: limits.minMessageBytes - 1 }, { name: 'TypeError' }],
    [{ publish: 5 }, { name: 'TypeError' }]
  ]
  for (const [parts, expected] of cases) {
    const { network, given, inner } = networkWith(() => parts)
    await closedAfter(t, openNode(config, { network }), given, expected)
    const node = await openNode(config, { network: inner })
    await closedAfter(t, connect({ cluster: 'failing' }, { network }), given, expected)
    await node.close()
  }
  const { network, given } = networkWith(() => ({}))
  const onInside = throwing(cause)
  const failing = connect({ cluster: 'failing' }, { network, onInside })
  await closedAfter(t, failing, given, { message: 'odd' })
})

test('the first error reaches the caller when stepping back fails or never ends', async t => {
  for (const close of [throwing(new Error('worse')), () => new Promise<void>(() => {})]) {
    const time = new VirtualTime(3)
    const getMeta = throwing(new Error('first'))
    const openStore = () => replace(openMemoryStore(), { getMeta, close })
    const wiring = { ports: time.ports('a'), openStore }
    await t.throwsAsync(time.wait(openNode(config, wiring)), { code: 'STORE', message: /first/ })
    const { network } = networkWith(() => ({ close }))
    const client = connect({ cluster: 'none' }, { network, ports: time.ports('c') })
    await t.throwsAsync(time.wait(client), { code: 'UNAVAILABLE' })
  }
})

test('a network that never connects is given up in the time of the client', async t => {
  const time = new VirtualTime(4)
  let arrive: (transport: Transport) => void = () => {}
  const network: Network = {
    connect: () =>
      new Promise(resolve => {
        arrive = resolve
      })
  }
  const connecting = connect({ cluster: 'none', connectTimeoutMs: 200 }, {
    network,
    ports: time.ports('c')
  })
  await t.throwsAsync(time.wait(connecting), { code: 'CONNECTION', message: /within 200 ms/ })
  const late = createNetwork().connect('c')
  arrive(late)
  await time.until(() => !late.connected, 'the late connection to be closed')
  t.pass()
})

test('a store that fails as it is read, or gives what it must not, is named', async t => {
  const row = { shard: 0, snapshot: null, deltas: [], cursors: [], damaged: 0 }
  const rows = (...given: unknown[]) => ({ shards: () => given })
  const cases: Array<[parts: object, expected: object, message: RegExp]> = [
    [{ shards: throwing(new Error('EIO')) }, { code: 'STORE' }, /offers.*shards.*EIO/],
    [{
      *shards () {
        yield row
        throw Object.create(null)
      }
    }, { code: 'STORE' }, /offers.*shards/],
    [{ shards: () => Promise.resolve([]) }, { name: 'TypeError' }, /iterable, got a Promise/],
    [rows(null), { name: 'TypeError' }, /shard is undefined/],
    [rows({ ...row, deltas: ['x'] }), { name: 'TypeError' }, /deltas is an array/],
    [rows({ ...row, cursors: [{}] }), { name: 'TypeError' }, /cursors/],
    [rows({ ...row, deltas: Array(1) }), { name: 'TypeError' }, /deltas is an array/],
    [rows({ ...row, cursors: Array(1) }), { name: 'TypeError' }, /cursors is an array/],
    [rows({ ...row, damaged: -5 }), { name: 'TypeError' }, /damaged is number -5/],
    [
      rows({
        ...row,
        get deltas () {
          throw new Error('EIO')
        }
      }),
      { code: 'STORE' },
      /offers.*shards.*EIO/
    ],
    [{ shards: () => ({ [Symbol.iterator]: () => ({ next: () => revoked() }) }) }, {
      name: 'TypeError'
    }, /revoked/],
    [{ shards: () => ({ [Symbol.iterator]: () => ({ next: () => null }) }) }, {
      name: 'TypeError'
    }, /null/],
    [{ setMeta: () => Promise.reject(new Error('EIO')) }, { name: 'TypeError' },
      /setMeta.*gave a promise/],
    [rows({ ...row, shard: 4 }), { code: 'STORE' }, /shard 4 .*not one of the shards/],
    [rows({ ...row, shard: -1 }), { code: 'STORE' }, /shard -1 /],
    [{ getMeta: () => null }, { name: 'TypeError' }, /getMeta.*got null/],
    [{ getMeta: () => Promise.resolve('4') }, { name: 'TypeError' }, /getMeta.*got a Promise/],
    [{ getMeta: () => 4 }, { name: 'TypeError' }, /getMeta.*got number 4/]
  ]
  for (const [parts, expected, message] of cases) {
    const time = new VirtualTime(5)
    const wiring = { ports: time.ports('a'), openStore: () => replace(openMemoryStore(), parts) }
    t.like(await t.throwsAsync(time.wait(openNode(config, wiring)), { message }), expected)
  }
})

test('a store that is refused for its form is closed (SPEC S6)', async t => {
  const closed: string[] = []
  const close = (): Promise<void> => {
    closed.push('closed')
    return Promise.reject(new Error('gone already'))
  }
  const odd: Array<[given: unknown, message: RegExp]> = [
    [{ close }, /it has no getMeta/],
    [Promise.resolve({ close }), /not a promise/],
    [Promise.reject(new Error('EIO')), /not a promise/]
  ]
  for (const [given, message] of odd) {
    const openStore = () => given as Store
    await t.throwsAsync(openNode(config, { openStore }), { instanceOf: TypeError, message })
  }
  await new Promise<void>(resolve => {
    setImmediate(resolve)
  })
  t.is(closed.length, 2)
})

test('what connects too late and is no transport is closed', async t => {
  const time = new VirtualTime(3)
  let closed = 0
  const network: Network = {
    connect: () =>
      new Promise(resolve => {
        time.ports('network').timers.after(5000, () => {
          resolve({ close: async () => closed++ } as unknown as Transport)
        })
      })
  }
  const client = connect({ cluster: 'failing', connectTimeoutMs: 1000 }, {
    network,
    ports: time.ports('c')
  })
  await t.throwsAsync(time.wait(client), { code: 'CONNECTION' })
  await time.advance(6000)
  await time.until(() => closed === 1, 'the late thing to be closed')
  t.pass()
})

test('a store that never commits or closes is given up by name (SPEC B4)', async t => {
  const never = (): Promise<never> => new Promise(() => {})
  for (const parts of [{ commit: never }, { close: never }, { commit: never, close: never }]) {
    const time = new VirtualTime(4)
    const closed: string[] = []
    const { network, given } = networkWith(() => ({}))
    const openStore = (cache: string): Store => {
      const store = openMemoryStore()
      if (cache === 'offers') return replace(store, parts)
      return replace(store, { close: async () => void closed.push(cache) })
    }
    const caches = { ...config.caches, orders: { shards: 2 } }
    const wiring = { network, openStore, ports: time.ports('a') }
    const node = await time.wait(openNode({ ...config, caches }, wiring))
    await time.wait(node.cache('offers').put('k', { n: 1 }))
    const begunMs = time.nowMs
    const error = await time.wait(
      t.throwsAsync(node.close(), { code: 'STORE', message: /cache offers did not .* 12000 ms/ })
    )
    t.like(error, { changed: 'maybe' })
    // In virtual time: the drain of a node that is alone is over at once.
    t.true(time.nowMs - begunMs < 13_000, 'one bound for both steps')
    t.deepEqual(closed, ['orders'])
    t.deepEqual(given.map(({ connected }) => connected), [false])
  }
})

test('a promise that rejects where none belongs ends no process (SPEC B4)', async t => {
  const onInside: () => void = untyped(() => Promise.reject(new Error('a mistake')))
  const shards = () => ({
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: { shard: 9 } }),
      return: () => Promise.reject(new Error('a mistake'))
    })
  })
  const openStore = () => replace(openMemoryStore(), { shards })
  await t.throwsAsync(openNode(config, { openStore }), { instanceOf: TypeError })
  const warned = new Promise<Error>(resolve => {
    process.once('warning', resolve)
  })
  const node = await openNode(config, { onInside })
  t.regex((await warned).message, /onInside failed: a mistake/)
  const late = node.cache('offers').update('k', untyped(() => Promise.reject(new Error('late'))))
  await t.throwsAsync(late, { instanceOf: TypeError, message: /returns at once.*a promise/ })
  await node.close()
})

test('a commit of a program’s own store that fails gives its reason', async t => {
  for (const cause of [new Error('ENOSPC'), new TypeError('ENOSPC')]) {
    const failing = throwing(cause)
    const openStore = () => replace(openMemoryStore(), { commit: failing, close: failing })
    const node = await openNode(config, { openStore })
    const write = node.cache('offers').put('k', { n: 1 }, { ack: 'durable' })
    const message = /the store of cache offers failed \(commit\): ENOSPC/
    const error = await t.throwsAsync(write, { code: 'STORE', message })
    t.is(error.cause, cause)
    t.like(error, { changed: 'maybe' })
    await t.throwsAsync(node.close(), { code: 'STORE', message: /ENOSPC/ })
  }
})

test('a flush that fails where no caller waits does not end the process', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  replace(cluster.transports.get('a') as Transport, { flush: throwing(undefined) })
  await cluster.time.advance(2000)
  t.is(cluster.node('a').status().caches[CACHE]?.records, 0)
})
