/** Wrong arguments of every call are refused by the call itself, by name, on nodes and clients. */
import test from 'ava'
import type { Cache } from '../../../index.js'
import { intervals } from '../../../engine/timing.js'
import { startCluster } from '../../support/cluster.js'

/** As from a program without types. */
const odd = (value: unknown): never => value as never
const HOLES = Array<never>(2)
const PROTO = odd(JSON.parse('{"__proto__":1}'))

type Call = readonly [title: string, call: (cache: Cache) => unknown, message: RegExp]

const LIMITED: readonly Call[] = [
  ['a name of a consumer group that is too long',
    cache => cache.consume({ group: 'g'.repeat(257) }), /^group .*257 bytes, at most 256/],
  ['an event time that no Date has', cache => cache.put('k', { n: 1 }, { at: 1e300 }),
    /event time 1e\+300 ms lies .* s in the future/]
]
const VALUES: readonly Call[] = [
  ['a lone surrogate in a consumer group', cache => cache.consume({ group: '\ud800' }),
    /^group .*lone surrogate/],
  ['a condition on __proto__', cache => cache.query(PROTO), /cannot be named __proto__/],
  ['an element that is none', cache => cache.hasElement('k', 's', odd(undefined)),
    /^set s cannot hold undefined/],
  ['a list of elements with holes', cache => cache.addToSet('k', 's', HOLES),
    /^set s cannot hold undefined/],
  ['a field without a name', cache => cache.hasElement('k', '', 'x'), /must not be empty/]
]
const TYPES: readonly Call[] = [
  ['get', cache => cache.get(odd(5)), /^a key must be a string, got number 5/],
  ['has', cache => cache.has(odd(undefined)), /^a key must be a string, got undefined/],
  ['getMany of a text', cache => cache.getMany(odd('k')), /^keys must be an array/],
  ['getMany with holes', cache => cache.getMany(HOLES), /^a key must be a string, got undefined/],
  ['hasElement', cache => cache.hasElement('k', odd(5), 'x'), /field name must be a string/],
  ['update without a function', cache => cache.update('k', odd(undefined)), /needs a function/],
  ['update of no key', cache => cache.update(odd(5), () => null), /^a key must be a string/],
  ['unset with holes', cache => cache.unset('k', HOLES), /field name must be a string/],
  ['scan', cache => cache.scan({ node: odd(5) }), /^node must be the name of a node, got number 5/],
  ['query', cache => cache.query({ p: 1 }, { node: odd(null) }), /^node must be .*got null/],
  ['a timeout without an end', cache => cache.put('k', { n: 1 }, { timeoutMs: 2 ** 31 }),
    /^timeoutMs must be .* from 0 to 3600000, got number 2147483648/],
  ['a timeout that is null', cache => cache.increment('k', 'c', 1, { timeoutMs: odd(null) }),
    /^timeoutMs must be/],
  ...[null, []].flatMap((options): Call[] => [
    ['put', cache => cache.put('k', { n: 1 }, odd(options)), /^the options of put must be/],
    ['replace', cache => cache.replace('k', { n: 1 }, odd(options)), /^the options of replace/],
    ['patch', cache => cache.patch('k', { n: { value: 1 } }, odd(options)), /options of patch/],
    ['unset', cache => cache.unset('k', ['n'], odd(options)), /^the options of unset must be/],
    ['delete', cache => cache.delete('k', odd(options)), /^the options of delete must be/],
    ['increment', cache => cache.increment('k', 'c', 1, odd(options)),
      /^the options of operations/],
    ['addToSet', cache => cache.addToSet('k', 's', 'x', odd(options)),
      /^the options of operations/],
    ['update', cache => cache.update('k', () => null, odd(options)), /^the options of update/],
    ['scan', cache => cache.scan(odd(options)), /^the options of scan must be an object, got/],
    ['query', cache => cache.query({ p: 1 }, odd(options)), /^the options of query must be/],
    ['consume', cache => cache.consume(odd(options)), /^the options of consume must be/]
  ]),
  ...['ratePerSecond', 'stopWhenIdleMs'].flatMap(option =>
    ['5000', true, [700], null].map((value): Call => [
      option,
      cache => cache.consume(odd({ group: 'g', [option]: value })),
      new RegExp(`^${option} must be a number, got `)
    ])
  ),
  ...[{ timeoutMs: -1 }, { ttlMs: -1 }, { ttlMs: NaN }, { at: 'now' }].map((
    options
  ): Call => [
    `an update with ${JSON.stringify(options)}`,
    cache => cache.update('k', () => undefined, odd(options)),
    /^(timeoutMs|ttlMs|at) must be /
  ]),
  ...[null, 5, {}].map((signal): Call => [
    'a signal that is none',
    cache => cache.consume({ group: 'g', signal: odd(signal) }),
    /^signal must be an AbortSignal, got/
  ])
]
const CONFIG: readonly Call[] = [
  ['a rate of next to nothing', cache => cache.consume({ group: 'g', ratePerSecond: 1e-9 }),
    /^ratePerSecond must be .*from 0\.001 up, got 1e-9/],
  ['a group without a form as text', cache => cache.consume({ group: odd(Object.create(null)) }),
    /^group must be the name of the consumer group, got a foreign object/],
  ['an update with a write concern there is not',
    cache => cache.update('k', () => undefined, { ack: odd('nope') }),
    /^write concern "nope" cannot be reached/],
  ['a list of groups', cache => cache.consume({ group: odd(['g']) }),
    /^group must be the name of the consumer group, got an array/],
  ['a symbol as batch size', cache => cache.consume({ group: 'g', batchSize: odd(Symbol('x')) }),
    /^batchSize must be an integer .*, got symbol/]
]

test('wrong arguments are refused by the call itself, and by name (SPEC B2, B3)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  for (const cache of [cluster.cache('a'), await cluster.client('far')]) {
    for (const [title, call, message] of TYPES) {
      t.throws(() => call(cache), { instanceOf: TypeError, message }, title)
    }
    for (const [title, call, message] of VALUES) {
      t.throws(() => call(cache), { code: 'VALUE_REFUSED', message }, title)
    }
    const [[, tooLong, ofLength], [, tooLate, ofTime]] = LIMITED as [Call, Call]
    t.throws(() => tooLong(cache), { code: 'LIMIT_EXCEEDED', message: ofLength })
    t.throws(() => tooLate(cache), { code: 'VERSION_IN_FUTURE', message: ofTime })
    for (const [title, call, message] of CONFIG) {
      t.throws(() => call(cache), { code: 'CONFIG_INVALID', message }, title)
    }
    t.is(await cluster.time.wait(cache.get('k')), undefined)
  }
})

test('the status of what is no name, and a schema that is none, are refused (SPEC B3)', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 1 })
  await cluster.client('far')
  for (const process of [cluster.node('a'), cluster.clients.get('far')]) {
    for (const name of [undefined, null, 5, 'x.y', '', Object.create(null)]) {
      t.throws(() => process?.statusOf(odd(name)), { instanceOf: TypeError, message: /^node must/ })
    }
    for (const schema of [[], new Map([['n', 'set']]), 5]) {
      t.throws(() => process?.cache('prices', odd(schema)), {
        code: 'CONFIG_INVALID',
        message: /expected an object of field kinds/
      })
    }
  }
})

test('a write may be given the longest time there is, on nodes and clients', async t => {
  const cluster = await startCluster(t, ['a'], { replicas: 2 })
  const options = { ack: 'all', timeoutMs: intervals.maxWriteTimeoutMs } as const
  let over = 0
  const caches = [cluster.cache('a'), await cluster.client('far')]
  const writes = caches.map(cache => cache.put('k', { n: 1 }, options).finally(() => over++))
  await cluster.time.advance(10_000)
  t.is(over, 0, 'both wait for the second replica')
  await cluster.startNode('b')
  await cluster.time.wait(Promise.all(writes))
  t.is(over, 2)
})
