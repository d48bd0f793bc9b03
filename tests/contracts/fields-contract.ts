/**
 * The contract of a cache's calls on fields of every kind, through nodes and clients, whatever
 * connects them. fields-in-process.test.ts and fields-nats.test.ts run all of it; tests that need
 * faults, or time to pass, are in node/cache/fields.test.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestFn } from 'ava'
import type { Fields, MillpondNode } from '../../index.js'
import { waitFor } from '../../testing/wait-for.js'
import { setting, settled, TIMING, type ClusterHarness, type Setting } from './cluster-contract.js'

/**
 * An increment is not tried again when its owner seems dead, and on a busy machine everybody seems
 * dead for a while.
 */
const PATIENT = { timing: { ...TIMING, failureTimeoutMs: 60_000, requestTimeoutMs: 60_000 } }

export function fieldsContract (
  test: TestFn,
  name: string,
  open: () => Promise<ClusterHarness>
): void {
  const check = (title: string, run: (setting: Setting) => Promise<void>): void => {
    test(`${name}: ${title}`, async t => {
      const found = setting(t, await open())
      await run({
        ...found,
        node: (id, config) => found.node(id, { ...PATIENT, ...config }),
        client: id => found.client(id, PATIENT)
      })
    })
  }

  check(
    'a counter that several nodes and a client add to at once, with a node started again in ' +
      'between, comes to the exact sum (SPEC E15, R11)',
    async ({ t, node, client }) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'millpond-counter-'))
      t.teardown(() => rm(dataDir, { recursive: true, force: true }))
      const [a, b] = [await node('a'), await node('b')]
      let c: MillpondNode = await node('c', { dataDir })
      await settled([a, b, c])
      const far = (await client('far')).cache('prices')
      const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)
      const addFromAll = async (): Promise<void> => {
        const caches = [a.cache('prices'), b.cache('prices'), c.cache('prices'), far]
        await Promise.all(
          caches.flatMap((cache, n) =>
            keys.flatMap(key =>
              Array.from(
                { length: 5 },
                () => cache.increment(key, 'views', n + 1, { ack: 'all', timeoutMs: 60_000 })
              )
            )
          )
        )
      }
      await addFromAll()
      await c.close()
      await settled([a, b])
      await Promise.all(
        keys.map(key => far.increment(key, 'views', -0.5, { ack: 'majority', timeoutMs: 60_000 }))
      )
      c = await node('c', { dataDir })
      await settled([a, b, c])
      await addFromAll()
      for (const cache of [a.cache('prices'), c.cache('prices'), far]) {
        t.deepEqual(
          (await cache.getMany(keys)).map(fields => fields?.['views']),
          keys.map(() => 99.5)
        )
      }
      await c.close() // before its files go
    }
  )

  check(
    'sets, maxima and minima take what every writer gives, and say what they hold',
    async ({ t, node, client }) => {
      const nodes = [await node('a'), await node('b'), await node('c')]
      await settled(nodes)
      const [near, far] = [(nodes[0] as MillpondNode).cache('prices'),
        (await client('far')).cache('prices')]
      const all = { ack: 'all', timeoutMs: 60_000 } as const
      await Promise.all([near.addToSet('k', 'tags', ['new', 'red', 7], all),
        far.addToSet('k', 'tags', true, all), near.raiseTo('k', 'high', 3, all),
        far.raiseTo('k', 'high', 5, all), near.lowerTo('k', 'low', 3, all),
        far.lowerTo('k', 'low', -5, all)])
      t.deepEqual(await far.get('k'), { tags: [true, 7, 'new', 'red'], high: 5, low: -5 })
      await far.removeFromSet('k', 'tags', ['new', true, 'never there'], all)
      await far.raiseTo('k', 'high', 4, all)
      for (const cache of [near, far]) {
        t.deepEqual(await cache.get('k'), { tags: [7, 'red'], high: 5, low: -5 })
        t.true(await cache.hasElement('k', 'tags', 'red'))
        t.false(await cache.hasElement('k', 'tags', 'new'))
        t.false(await cache.hasElement('nobody', 'tags', 'new'))
        await t.throwsAsync(cache.hasElement('k', 'high', 'new'), {
          code: 'FIELD_KIND',
          message: /field high is no set: it reads as number 5/
        })
      }
      await far.removeFromSet('nobody', 'tags', 'x', all)
      t.false(await far.has('nobody'))
    }
  )

  check(
    'fields are unset and records replaced, of whatever kind they are',
    async ({ t, node, client }) => {
      const nodes = [await node('a'), await node('b')]
      await settled(nodes)
      const [near, far] = [(nodes[0] as MillpondNode).cache('prices'),
        (await client('far')).cache('prices')]
      const all = { ack: 'all', timeoutMs: 60_000 } as const
      await Promise.all([near.put('k', { price: 1, name: 'n' }, all),
        far.increment('k', 'views', 4, all), far.addToSet('k', 'tags', 'x', all)])
      await far.unset('k', ['name', 'views', 'never there'], all)
      t.deepEqual(await near.get('k'), { price: 1, tags: ['x'] })
      await near.increment('k', 'views', 2, all)
      t.deepEqual(
        await far.get('k'),
        { price: 1, tags: ['x'], views: 2 },
        'what was counted before is not counted again'
      )
      await far.replace('k', { stock: 1 }, all)
      t.deepEqual(await near.get('k'), { stock: 1 })
      await near.replace('k', { stock: 9, late: true }, { ...all, at: Date.UTC(2020, 1, 1) })
      t.deepEqual(await far.get('k'), { stock: 1 }, 'one that comes late replaces nothing newer')
    }
  )

  check(
    'a patch gives each field its own time, or its place in the order of its source',
    async ({ t, node, client }) => {
      const nodes = [await node('a'), await node('b')]
      await settled(nodes)
      const [near, far] = [(nodes[0] as MillpondNode).cache('prices'),
        (await client('far')).cache('prices')]
      const [early, late] = [Date.UTC(2024, 0, 1), new Date('2024-01-02T00:00:00Z')]
      const all = { ack: 'all', timeoutMs: 60_000 } as const
      await far.patch('k', {
        price: { value: 2.6, at: late },
        name: { value: 'n', at: early },
        stock: { value: 5, sequence: 1234 }
      }, all)
      await near.patch('k', {
        price: { value: 1.1, at: early },
        name: { value: 'm', at: late },
        stock: { value: 4, sequence: 1233 },
        currency: { value: 'GBP' }
      }, all)
      for (const cache of [near, far]) {
        t.deepEqual(await cache.get('k'), {
          price: 2.6,
          name: 'm',
          stock: 5,
          currency: 'GBP'
        })
      }
      await near.patch('k', {
        price: { value: undefined, at: early },
        name: { at: late },
        stock: { sequence: 1235 }
      }, all)
      for (const cache of [near, far]) {
        t.deepEqual(await cache.get('k'), {
          price: 2.6,
          currency: 'GBP'
        })
      }
      await far.patch('k', { currency: { value: 'EUR' }, price: { value: 3 } }, {
        ...all,
        at: late.getTime() + 1
      })
      t.deepEqual(
        await near.get('k'),
        { price: 3, currency: 'GBP' },
        'the time of the patch is that of fields without one'
      )
    }
  )

  check(
    'many keys are read at once, in their order, from whoever holds them',
    async ({ t, node, client }) => {
      const nodes = [await node('a'), await node('b'), await node('c')]
      await settled(nodes)
      const [near, far] = [(nodes[0] as MillpondNode).cache('prices'),
        (await client('far')).cache('prices')]
      const keys = Array.from({ length: 600 }, (_, i) => `k${i}`)
      await Promise.all(
        keys.filter((_, i) => i % 3 > 0).map(key =>
          near.put(key, { key }, { ack: 'all', timeoutMs: 60_000 })
        )
      )
      const wanted = keys.map((key, i): Fields | undefined => i % 3 > 0 ? { key } : undefined)
      for (const cache of [near, far]) {
        t.deepEqual(await cache.getMany(keys), wanted)
        t.deepEqual(await cache.getMany(['k1', 'k0', 'k1']), [{ key: 'k1' }, undefined, {
          key: 'k1'
        }])
        t.deepEqual(await cache.getMany([]), [])
        t.deepEqual([await cache.has('k1'), await cache.has('k0')], [true, false])
        t.throws(() => cache.getMany(Array.from({ length: 10_001 }, (_, i) => `k${i}`)), {
          code: 'LIMIT_EXCEEDED',
          message: /10001 keys in one read/
        })
        t.throws(() => cache.getMany('k1' as unknown as string[]), {
          instanceOf: TypeError,
          message: /keys must be an array/
        })
      }
    }
  )

  check(
    'an update writes what a function makes of the record, deletes it, or leaves it',
    async ({ t, node, client }) => {
      await settled([await node('a'), await node('b')])
      const far = (await client('far')).cache('prices')
      const options = { ack: 'all', timeoutMs: 60_000 } as const
      t.true(
        await far.update('k', fields => ({ stock: Number(fields?.['stock'] ?? 10) - 1 }), options)
      )
      t.true(
        await far.update('k', fields => ({ stock: Number(fields?.['stock'] ?? 10) - 1 }), options)
      )
      t.deepEqual(await far.get('k'), { stock: 8 })
      t.false(await far.update('k', () => undefined, options))
      t.deepEqual(await far.get('k'), { stock: 8 })
      t.true(await far.update('k', () => null, options))
      t.false(await far.has('k'))
      await t.throwsAsync(
        far.update('k', () => {
          throw new RangeError('mine')
        }),
        { instanceOf: RangeError, message: 'mine' }
      )
      await t.throwsAsync(far.update('k', (() => Promise.resolve({})) as unknown as () => Fields), {
        instanceOf: TypeError,
        message: /returns at once.* gave a promise/
      })
    }
  )

  check(
    'a client is told by code that a field is of another kind, or a counter too large, and ' +
      'nothing changed (SPEC E19)',
    async ({ t, node, client, events }) => {
      const a = await node('a', { caches: { prices: { shards: 16, groups: 8, replicas: 1 } } })
      const far = (await client('far')).cache('prices')
      await Promise.all([far.put('k', { price: 1 }),
        far.increment('k', 'views', Number.MAX_SAFE_INTEGER),
        far.patch('k', { position: { value: 1, sequence: 1 } })])
      const before = await far.get('k')
      const wrong = [() => far.increment('k', 'price'), () => far.addToSet('k', 'views', 1),
        () => far.put('k', { views: 1 }), () => far.put('k', { position: 2 }),
        () => far.raiseTo('k', 'position', 2)]
      for (const write of wrong) {
        await t.throwsAsync(write(), {
          code: 'FIELD_KIND',
          message: /field (price|views|position) is a (register|counter|sequenced)/
        })
      }
      t.like(await t.throwsAsync(far.increment('k', 'views', 1)), {
        code: 'LIMIT_EXCEEDED',
        changed: 'no',
        retryable: false
      })
      t.deepEqual(await a.cache('prices').get('k'), before)
      await waitFor(
        () => events.filter(({ type }) => type === 'write-failed').length === wrong.length + 1,
        'the failures to be reported'
      )
    }
  )

  check(
    'records are found through their indexes, from a node and from a client',
    async ({ t, node, client }) => {
      await node('a', {
        caches: {
          prices: {
            shards: 16,
            groups: 8,
            replicas: 1,
            indexes: { country: 'equality', views: 'range' }
          }
        }
      })
      const far = (await client('far')).cache('prices')
      await Promise.all(
        Array.from(
          { length: 30 },
          (_, i) =>
            Promise.all([far.put(`k${i}`, { country: i % 2 === 0 ? 'France' : 'Spain' }),
              far.increment(`k${i}`, 'views', i)])
        )
      )
      const found: string[] = []
      for await (const { key } of far.query({ country: 'France', views: { gte: 24 } })) {
        found.push(key)
      }
      t.deepEqual(found.sort(), ['k24', 'k26', 'k28'])
      let some = 0
      for await (const { fields } of far.query({ country: 'Spain' }, { limit: 4 })) {
        some += fields['country'] === 'Spain' ? 1 : 0
      }
      t.is(some, 4)
      t.throws(() => far.query({}), { code: 'QUERY_REFUSED' })
      await t.throwsAsync(far.query({ price: 1 }).next(), { code: 'NOT_INDEXED' })
    }
  )
}
