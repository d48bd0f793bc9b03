/** Settings that cannot work are refused by name, with the value and what is allowed. */
import test from 'ava'
import { limits } from '../../engine/limits.js'
import { checkClientConfig, checkNodeConfig } from '../../node/config.js'

const good = { cluster: 'c', caches: { prices: {} } }

test('defaults stand in for what is left out', t => {
  t.like(checkNodeConfig(good, limits), {
    durability: 'async',
    weight: 1,
    expectNodes: 1,
    caches: { prices: { shards: 64, replicas: 2 } },
    timing: { heartbeatMs: 500, failureTimeoutMs: 3000 }
  })
  t.like(checkClientConfig({ cluster: 'c' }), { connectTimeoutMs: 3000 })
})

test('indexes are declared by field and kind', t => {
  const indexes = { country: 'equality', price: 'range' }
  t.deepEqual(
    checkNodeConfig({ ...good, caches: { prices: { indexes } } }, limits).caches['prices']?.indexes,
    indexes as { country: 'equality', price: 'range' }
  )
})

const wrong: ReadonlyArray<readonly [title: string, config: unknown, message: RegExp]> = [
  ['no configuration', undefined, /configuration/],
  ['no cluster', { caches: { prices: {} } }, /cluster/],
  ['a cluster name with a dot', { ...good, cluster: 'a.b' }, /cluster name "a\.b"/],
  ['a node name with a blank', { ...good, name: 'my node' }, /node name "my node"/],
  ['a cache name with a star', { ...good, caches: { 'a*': {} } }, /cache name "a\*"/],
  ['no caches', { ...good, caches: {} }, /caches/],
  ['no shards', { ...good, caches: { prices: { shards: 0 } } }, /caches\.prices\.shards.*0/],
  ['half a shard', { ...good, caches: { prices: { shards: 1.5 } } },
    /caches\.prices\.shards.*1\.5/],
  ['too many replicas', { ...good, caches: { prices: { replicas: 17 } } },
    /caches\.prices\.replicas.*17/],
  ['more groups than shards', { ...good, caches: { prices: { shards: 4, groups: 8 } } },
    /groups 8.*shards 4/],
  ['an index of an unknown kind', { ...good, caches: { prices: { indexes: { price: 'hash' } } } },
    /caches\.prices\.indexes\.price.*"hash"/],
  ['an index without a field', { ...good, caches: { prices: { indexes: { '': 'range' } } } },
    /caches\.prices\.indexes: a field name must not be empty/],
  ['a Date for intervals', { ...good, timing: new Date(0) }, /^timing must be an object .*Date/],
  ['a Map for a cache', { ...good, caches: { c: new Map() } }, /^caches\.c must be .*a Map$/],
  ['a promise of servers', { ...good, nats: Promise.resolve() }, /^nats must be .*a Promise$/],
  ['a list of caches', { ...good, caches: [{}] }, /^caches must be an object .*got an array/],
  ['a list of caches with a hole', { ...good, caches: Object.assign([], { 1: {} }) },
    /^caches must be an object/],
  ['a list of indexes', { ...good, caches: { prices: { indexes: ['price'] } } },
    /caches\.prices\.indexes/],
  ['too many indexes', {
    ...good,
    caches: {
      prices: {
        indexes: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`f${i}`, 'range']))
      }
    }
  }, /caches\.prices\.indexes: 17 fields, at most 16/],
  ['a word for a number', { ...good, caches: { prices: { shards: '64' } } },
    /caches\.prices\.shards.*"64"/],
  ['an unknown setting', { ...good, dataDirectory: 'x' }, /dataDirectory/],
  ['an unknown cache setting', { ...good, caches: { prices: { replica: 3 } } }, /replica/],
  ['an unknown durability', { ...good, durability: 'fsync' }, /durability.*"fsync"/],
  ['a weight of nothing', { ...good, weight: 0 }, /weight.*0/],
  ['a failure timeout near the heartbeat', {
    ...good,
    timing: { heartbeatMs: 500, failureTimeoutMs: 1000 }
  }, /failureTimeoutMs 1000.*heartbeatMs 500/],
  ['a heartbeat that is too fast', { ...good, timing: { heartbeatMs: 1 } },
    /timing\.heartbeatMs.*1/],
  ['not a number', { ...good, timing: { heartbeatMs: NaN } }, /timing\.heartbeatMs.*NaN/],
  ['no servers', { ...good, nats: { servers: [] } }, /nats\.servers/]
]
for (const [title, config, message] of wrong) {
  test(`${title} is refused by name and value`, t => {
    t.throws(() => checkNodeConfig(config, limits), { code: 'CONFIG_INVALID', message })
  })
}

test('a client is checked alike', t => {
  t.throws(() => checkClientConfig({ cluster: 'a.b' }), {
    code: 'CONFIG_INVALID',
    message: /cluster name "a\.b"/
  })
  t.throws(() => checkClientConfig({ cluster: 'a', connectTimeoutMs: -1 }), {
    code: 'CONFIG_INVALID',
    message: /connectTimeoutMs.*-1/
  })
  t.throws(
    () => checkClientConfig({ cluster: 'a', timing: { heartbeatMs: 500, failureTimeoutMs: 600 } }),
    { message: /failureTimeoutMs 600/ }
  )
})

test('a client may set only the least failure timeout: it sends no heartbeats', t => {
  const { timing, paceFloor } = checkClientConfig({
    cluster: 'a',
    timing: { failureTimeoutMs: 1000 }
  })
  t.deepEqual(paceFloor, { heartbeatMs: 0, failureTimeoutMs: 1000 })
  t.like(timing, { heartbeatMs: 500, failureTimeoutMs: 3000 })
  t.like(checkClientConfig({ cluster: 'a', timing: { failureTimeoutMs: 9000 } }).timing, {
    heartbeatMs: 500,
    failureTimeoutMs: 9000
  })
})

const words: ReadonlyArray<readonly [config: object | undefined, message: string]> = [
  [{ timing: { heartBeatMs: 100 } },
    'timing.heartBeatMs is not a setting; known are heartbeatMs, flushIntervalMs, ' +
    'hintIntervalMs, storeIntervalMs, failureTimeoutMs, joinWaitMs, settleMs, ' +
    'memoryLostAfterMs, diskLostAfterMs, drainTimeoutMs, collectIntervalMs, ' +
    'tombstoneMinAgeMs, tombstoneMaxAgeMs, requestTimeoutMs'],
  [{ caches: { prices: { replica: 3 } } },
    'caches.prices.replica is not a setting; known are replicas, shards, groups, indexes'],
  [{ nats: { servers: 'x', tls: { ca: 'x' } } },
    'nats.tls.ca is not a setting; known are caFile, certFile, keyFile'],
  [{ timing: { heartbeatMs: 1 } }, 'timing.heartbeatMs must be a number from 10 to 60000, got 1'],
  [{ timing: { heartbeatMs: NaN } },
    'timing.heartbeatMs must be a number from 10 to 60000, got NaN'],
  [{ expectNodes: 0 }, 'expectNodes must be a whole number from 1 to 512, got 0'],
  [{ weight: 2000 }, 'weight must be a number from 0.001 to 1000, got 2000'],
  [{ caches: { prices: { shards: 1.5 } } },
    'caches.prices.shards must be a whole number from 1 to 65536, got 1.5'],
  [{ caches: { prices: { shards: '64' } } },
    'caches.prices.shards must be a whole number from 1 to 65536, got "64"'],
  [{ caches: { prices: { indexes: { price: 'hash' } } } },
    'caches.prices.indexes.price must be "equality" or "range", got "hash"'],
  [{ caches: {} }, 'caches: name 1 to 16 caches'],
  [{ caches: { constructor: {}, prices: {} } },
    'caches: a cache cannot be named constructor; choose another name'],
  [{ caches: JSON.parse('{"__proto__":{},"prices":{}}') as object },
    'caches: a cache cannot be named __proto__; choose another name'],
  [{ caches: { prices: { indexes: { prototype: 'range' } } } },
    'caches.prices.indexes: a field named prototype cannot be indexed; leave it out'],
  [{ dataDir: '' }, 'dataDir: name a directory, or leave it out to keep the data in memory'],
  [{ zone: '\ud800' }, 'zone: zone "\\ud800" holds a lone surrogate, which has no UTF-8 form'],
  [{ zone: 'z'.repeat(257) },
    `zone: zone "${'z'.repeat(40)}"… has 257 bytes, at most 256 are allowed`],
  [{ caches: { prices: null } },
    'caches.prices must be an object of shards, replicas, groups, indexes, got null'],
  [{ durability: 'fsync' }, 'durability must be "async" or "sync", got "fsync"'],
  [{ cluster: undefined }, 'cluster is missing: give a string'],
  [{ nats: {} }, 'nats.servers is missing: give a string, or an array of 1 or more, each a string'],
  [{ nats: { servers: [] } },
    'nats.servers must be a string, or an array of 1 or more, each a string, got an array'],
  [{ nats: { servers: 'x', pass: 1234 } }, 'nats.pass must be a string, got a number'],
  [undefined, 'configuration must be an object of cluster, name, caches, nats, dataDir, ' +
    'durability, zone, weight, expectNodes, timing, got undefined'],
  [{ timing: { failureTimeoutMs: 1000 } },
    'failureTimeoutMs 1000 is less than three times heartbeatMs 500 (the default): one lost ' +
    'heartbeat would look like a dead node; set heartbeatMs to at most 333 too, or ' +
    'failureTimeoutMs to at least 1500']
]
for (const [config, message] of words) {
  test(`refused in words: ${message.slice(0, 70)}`, t => {
    t.throws(() => checkNodeConfig(config && { ...good, ...config }, limits), {
      code: 'CONFIG_INVALID',
      message
    })
  })
}
