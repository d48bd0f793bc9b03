/**
 * Every argument of the public calls, given every odd value there is. A call takes it, or fails
 * with a TypeError or a code and a text that is short and its own: no error of what the call does
 * inside, and none that the value throws as it is looked at.
 */
import test, { type ExecutionContext } from 'ava'
import { assertPattern, assertSubject, connectNats, InProcessNetwork, openSqliteStore,
  systemPorts } from '../../adapters.js'
import { connect, createNetwork, limits, limitsWith, MillpondError, openNode } from '../../index.js'
import { ODD_VALUES } from '../support/odd-values.js'

const LONGEST = 500
/** Errors of the engine, and those of the odd values. */
const FOREIGN = new RegExp(
  [
    'Cannot (read|convert|destructure|mix|set|use|add|assign)',
    'is not (a function|iterable|a constructor)',
    'circular structure',
    'that throws',
    '\\[object '
  ].join('|')
)

type Call = (value: never) => unknown
type Calls = { readonly [call: string]: Call }

async function callAll (t: ExecutionContext, calls: Calls): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    for (const [odd, make] of ODD_VALUES) {
      try {
        await ended(call(make() as never))
      } catch (error) {
        const { message } = error as Error
        const what = `${name} of ${odd}: ${message.slice(0, LONGEST)}`
        t.true(error instanceof TypeError || error instanceof MillpondError, what)
        t.true(message.length <= LONGEST, what)
        t.notRegex(message, FOREIGN, what)
      }
    }
  }
  t.pass()
}

/** What a call gave is awaited, read and closed, as far as it can be. */
async function ended (given: unknown): Promise<void> {
  const result = await given as Partial<AsyncGenerator & { close(): Promise<void> }> | undefined
  if (typeof result?.next === 'function') {
    await result.next()
    await result.return?.(undefined)
  } else if (typeof result?.close === 'function') await result.close()
}

const timing = { joinWaitMs: 0, settleMs: 0, drainTimeoutMs: 0 }
const caches = { offers: { shards: 1, replicas: 1, indexes: { n: 'range' as const } } }

async function openBoth (t: ExecutionContext) {
  const network = createNetwork()
  const wiring = { network, onEvent: () => {} }
  const node = await openNode({ cluster: 'odd', name: 'a', caches, timing }, wiring)
  await node.whenReady()
  const client = await connect({ cluster: 'odd' }, wiring)
  t.teardown(async () => {
    await client.close()
    await node.close()
  })
  return [node, client] as const
}

test('writes refuse what they cannot take in words of their own (SPEC B3)', async t => {
  for (const opened of await openBoth(t)) {
    const cache = opened.cache('offers')
    const options = ['ack', 'timeoutMs', 'signal', 'at', 'ttlMs', 'unknown']
    await callAll(t, {
      'key of put': value => cache.put(value, { n: 1 }),
      'fields of put': value => cache.put('k', value),
      'field of put': value => cache.put('k', { f: value }),
      'nested value of put': value => cache.put('k', { f: [{ a: value }] }),
      'options of put': value => cache.put('k', { n: 1 }, value),
      replace: value => cache.replace('k', value),
      patch: value => cache.patch('k', value),
      'field of patch': value => cache.patch('k', { p: value }),
      'time of patch': value => cache.patch('k', { p: { value: 1, at: value } }),
      'sequence of patch': value => cache.patch('k', { p: { value: 1, sequence: value } }),
      'value of patch': value => cache.patch('k', { q: { value, sequence: 1 } }),
      unset: value => cache.unset('k', value),
      'name of unset': value => cache.unset('k', [value]),
      delete: value => cache.delete(value),
      'field of increment': value => cache.increment('k', value),
      increment: value => cache.increment('k', 'c', value),
      addToSet: value => cache.addToSet('k', 's', value),
      removeFromSet: value => cache.removeFromSet('k', 's', value),
      raiseTo: value => cache.raiseTo('k', 'x', value),
      update: value => cache.update('k', value),
      'result of update': value => cache.update('k', () => value),
      ...Object.fromEntries(options.map((option): [string, Call] => [
        `${option} of put`,
        value => cache.put('k', { n: 1 }, { [option]: value })
      ]))
    })
  }
})

test('reads refuse what they cannot take in words of their own (SPEC B3)', async t => {
  for (const opened of await openBoth(t)) {
    const cache = opened.cache('offers')
    await callAll(t, {
      cache: value => opened.cache(value),
      schema: value => opened.cache('offers', value),
      'kind of a schema': value => opened.cache('offers', { odd: value }),
      statusOf: value => opened.statusOf(value),
      'options of statusOf': value => opened.statusOf('a', value),
      get: value => cache.get(value),
      'options of get': value => cache.get('k', value),
      'time of get': value => cache.get('k', { timeoutMs: value }),
      'signal of get': value => cache.get('k', { signal: value }),
      getMany: value => cache.getMany(value),
      'key of getMany': value => cache.getMany([value]),
      hasElement: value => cache.hasElement('k', 's', value),
      'node of scan': value => cache.scan({ node: value }),
      query: value => cache.query(value),
      'condition of query': value => cache.query({ n: value }),
      'operand of query': value => cache.query({ n: { lt: value } }),
      'list of query': value => cache.query({ n: { in: value } }),
      'limit of query': value => cache.query({ n: 1 }, { limit: value }),
      consume: value => cache.consume(value),
      'group of consume': value => cache.consume({ group: value, stopWhenIdleMs: 0 }),
      'rate of consume': value =>
        cache.consume({ group: 'g', stopWhenIdleMs: 0, ratePerSecond: value }),
      'batch of consume': value =>
        cache.consume({ group: 'g', stopWhenIdleMs: 0, batchSize: value })
    })
  }
})

test('openNode and connect refuse settings in words of their own (SPEC B3)', async t => {
  const [node] = await openBoth(t)
  t.truthy(node)
  const settings = ['cluster', 'name', 'caches', 'durability', 'zone', 'weight', 'expectNodes',
    'timing', 'unknown']
  const ofCache = ['shards', 'replicas', 'groups', 'indexes', 'unknown']
  const parts = ['network', 'ports', 'limits', 'openStore', 'onEvent', 'unknown']
  const config = { cluster: 'odd', caches, timing }
  const quiet = { onEvent: () => {} }
  const open = (given: object, wiring: object = quiet): unknown =>
    openNode({ ...config, ...given }, wiring)
  await callAll(t, {
    openNode: value => openNode(value),
    wiring: value => openNode(config, value),
    ...Object.fromEntries(settings.map((name): [string, Call] => [
      name,
      value => open({ [name]: value })
    ])),
    ...Object.fromEntries(ofCache.map((name): [string, Call] => [
      `${name} of a cache`,
      value => open({ caches: { offers: { shards: 1, [name]: value } } })
    ])),
    ...Object.fromEntries(parts.map((name): [string, Call] => [
      name,
      value => open({}, { ...quiet, [name]: value })
    ])),
    connect: value => connect(value),
    'nats.servers': value => connect({ cluster: 'odd', nats: { servers: [5, value] as never } })
  })
})

test('adapters refuse options in words of their own (SPEC B3)', async t => {
  const nats = { ...systemPorts, name: 'a', limits }
  await callAll(t, {
    createNetwork: value => createNetwork(value),
    'limits of createNetwork': value => createNetwork(systemPorts, value),
    InProcessNetwork: value => new InProcessNetwork(value),
    faults: value => createNetwork().setFaults(value),
    'loss of faults': value => createNetwork().setFaults({ loss: value }),
    'delay of faults': value => createNetwork().setFaults({ delayMs: value }),
    'name of a connection': value => createNetwork().connect(value),
    limitsWith: value => limitsWith(value),
    'a bound': value => limitsWith({ maxKeyBytes: value }),
    openSqliteStore: value => openSqliteStore(value),
    'durability of openSqliteStore': value =>
      openSqliteStore({ path: '/dev/null/x', durability: value, limits }),
    'limits of openSqliteStore': value => openSqliteStore({ path: '/dev/null/x', limits: value }),
    connectNats: value => connectNats(value),
    'servers of connectNats': value =>
      connectNats({ ...nats, servers: ['nats://a:b@c', value] as never }),
    assertSubject: value => assertSubject(value, limits),
    assertPattern: value => assertPattern(value, limits)
  })
})
