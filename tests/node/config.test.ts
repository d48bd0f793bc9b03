/** Settings that cannot work are refused by name, with the value and what is allowed. */
import test from 'ava'
import { limits } from '../../engine/limits.js'
import { checkClientConfig, checkNodeConfig } from '../../node/config.js'

const good = { cluster: 'c', caches: { prices: {} } }

test('defaults stand in for what is left out', t => {
  t.like(checkNodeConfig(good, limits), {
    durability: 'async',
    weight: 1,
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
