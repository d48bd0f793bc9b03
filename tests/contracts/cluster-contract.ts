/**
 * The contract of nodes and clients with their users, whatever connects them. in-process.test.ts
 * and nats.test.ts run all of it, on real time with short intervals; tests that need faults run on
 * virtual time (faults.test.ts).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext, TestFn } from 'ava'
import { connect, openNode, type Cache, type ClientConfig, type MillpondClient, type MillpondEvent,
  type MillpondNode, type NodeConfig, type Wiring } from '../../index.js'
import { waitFor } from '../../testing/wait-for.js'

export interface ClusterHarness {
  /** The settings with which a node or client reaches the others. */
  readonly config: Pick<NodeConfig, 'nats'>
  readonly wiring: Wiring
  close(): Promise<void>
}

const CACHES = { prices: { shards: 16, groups: 8, replicas: 2 } }
export const TIMING = {
  heartbeatMs: 40,
  failureTimeoutMs: 400,
  joinWaitMs: 60,
  settleMs: 50,
  flushIntervalMs: 2,
  hintIntervalMs: 2,
  requestTimeoutMs: 1000
}

export interface Setting {
  readonly t: ExecutionContext
  readonly harness: ClusterHarness
  readonly events: MillpondEvent[]
  readonly node: (
    name: string,
    config?: Partial<NodeConfig>,
    wiring?: Wiring
  ) => Promise<MillpondNode>
  readonly client: (name: string, config?: Partial<ClientConfig>) => Promise<MillpondClient>
}

export function setting (t: ExecutionContext, harness: ClusterHarness): Setting {
  const opened: Array<{ close(): Promise<void> }> = []
  const events: MillpondEvent[] = []
  const onEvent = (event: MillpondEvent): void => {
    events.push(event)
  }
  t.teardown(async () => {
    for (const one of opened.reverse()) await one.close()
    await harness.close()
    const bad = events.filter(({ type }) =>
      ['handler-failed', 'own-incarnation', 'update-refused', 'newer-release'].includes(type)
    )
    if (bad.length > 0) t.fail(JSON.stringify(bad[0]))
  })
  return {
    t,
    harness,
    events,
    async node (name, config = {}, wiring = {}) {
      const node = await openNode({
        cluster: 'contract',
        name,
        caches: CACHES,
        timing: TIMING,
        ...harness.config,
        ...config
      }, { onEvent, ...harness.wiring, ...wiring })
      opened.push(node)
      return node
    },
    async client (name, config = {}) {
      const client = await connect({
        cluster: 'contract',
        name,
        timing: TIMING,
        connectTimeoutMs: 5000,
        ...harness.config,
        ...config
      }, { onEvent, ...harness.wiring })
      opened.push(client)
      return client
    }
  }
}

/** Every group is held, ready and alike, by as many nodes as it should be. */
export async function settled (nodes: readonly MillpondNode[]): Promise<void> {
  await waitFor(() => {
    const groups = new Map<number, string[]>()
    for (const node of nodes) {
      const status = node.status()
      if (status.members.length !== nodes.length) return false
      for (const { group, phase, root } of status.caches['prices']?.held ?? []) {
        groups.set(group, [...groups.get(group) ?? [], `${phase} ${root}`])
      }
    }
    return groups.size === 8 &&
      [...groups.values()].every(holders =>
        holders.length === Math.min(2, nodes.length) &&
        holders.every(held => held === holders[0] && held.startsWith('ready'))
      )
  }, 'the cluster to settle')
}

export async function scanned (cache: Cache): Promise<Map<string, unknown>> {
  const records = new Map<string, unknown>()
  for await (const { key, fields } of cache.scan()) records.set(key, fields)
  return records
}

export function clusterContract (
  test: TestFn,
  name: string,
  open: () => Promise<ClusterHarness>
): void {
  const check = (title: string, run: (setting: Setting) => Promise<void>): void => {
    test(`${name}: ${title}`, async t => {
      await run(setting(t, await open()))
    })
  }

  check(
    'a record written through one node is read through every other, and through a client',
    async ({ t, node, client }) => {
      const nodes = [await node('a'), await node('b'), await node('c')]
      await settled(nodes)
      const far = await client('reader')
      t.deepEqual(far.caches, ['prices'])
      await waitFor(() => far.nodes.join() === 'a,b,c', 'all nodes to be heard of')
      const value = {
        price: 12.5,
        tags: ['x', { deep: null }],
        bytes: Uint8Array.of(1, 2),
        text: 'ö€😀'
      }
      for (let i = 0; i < 50; i++) {
        await nodes[i % 3]?.cache('prices').put(`k${i}`, {
          ...value,
          i
        }, { ack: 'all' })
      }
      for (const cache of [...nodes.map(each => each.cache('prices')), far.cache('prices')]) {
        t.deepEqual(await cache.get('k7'), { ...value, i: 7 })
        t.is(await cache.get('nobody'), undefined)
        t.true(
          Object.isFrozen(await cache.get('k8')) &&
            (await cache.getMany(['k8', 'k9'])).every(Object.isFrozen)
        )
        t.is((await scanned(cache)).size, 50)
      }
      await far.cache('prices').delete('k7', { ack: 'majority' })
      t.is(await far.cache('prices').get('k7'), undefined)
      t.is((await scanned(far.cache('prices'))).size, 49)
      t.is((await far.statusOf('b')).node, 'b')
      t.is((await nodes[0]?.statusOf('c'))?.node, 'c')
    }
  )

  check(
    'flush tells of the writes that failed and that nobody awaited (SPEC B5)',
    async ({ t, node, client }) => {
      const nodes = [await node('a'), await node('b')]
      await settled(nodes)
      const far = (await client('writer')).cache('prices')
      for (const cache of [far, nodes[0]?.cache('prices') ?? far]) {
        await cache.put('k', { n: 1 }, { ack: 'all' })
        await cache.flush()
        for (let i = 0; i < 100; i++) void cache.increment('k', 'n')
        await t.throwsAsync(cache.flush(), {
          code: 'WRITES_FAILED',
          message: /^100 writes of cache prices failed since the last flush \(100 FIELD_KIND\)/
        })
        await t.notThrowsAsync(cache.flush())
      }
    }
  )

  check('a large record and a scan of many pages arrive whole', async ({ t, node, client }) => {
    await settled([await node('a', { caches: { prices: { shards: 8, groups: 8, replicas: 1 } } })])
    // eight megabytes in one answer, on a machine that may be busy
    const patient = { timing: { ...TIMING, requestTimeoutMs: 60_000 } }
    const cache = (await client('writer', patient)).cache('prices')
    const large = 'x'.repeat(200_000)
    await Promise.all(Array.from({ length: 40 }, (_, i) => cache.put(`large${i}`, { large, i })))
    const records = await scanned(cache)
    t.is(records.size, 40)
    t.deepEqual(records.get('large39'), { large, i: 39 })
  })

  check(
    'a consumer follows what other nodes write, and its commits count for its group',
    async ({ t, node, client }) => {
      const nodes = [await node('a'), await node('b')]
      await settled(nodes)
      const far = await client('consumer')
      for (let i = 0; i < 100; i++) void nodes[i % 2]?.cache('prices').put(`k${i}`, { i })
      const seen = new Map<string, unknown>()
      for await (const batch of far.cache('prices').consume({ group: 'g', batchSize: 20 })) {
        for (const { key, fields } of batch.changes) seen.set(key, fields['i'])
        await batch.commit()
        if (seen.size === 100 && !seen.has('last')) {
          void nodes[0]?.cache('prices').put('last', {
            i: -1
          })
        }
        if (seen.has('last')) break
      }
      t.is(seen.size, 101)
      // A replica that the last commit has not reached yet may show some records once more; none
      // does so for ever.
      for (let again = Infinity, tries = 0; again > 0; tries++) {
        if (tries === 20) return t.fail(`${again} records are shown again and again`)
        again = 0
        for await (
          const batch of far.cache('prices').consume({ group: 'g', stopWhenIdleMs: 200 })
        ) {
          again += batch.changes.length
          await batch.commit()
        }
      }
      t.pass()
    }
  )

  check('nodes come and go, and every record stays', async ({ t, node }) => {
    const a = await node('a')
    const b = await node('b')
    await settled([a, b])
    for (let i = 0; i < 100; i++) await a.cache('prices').put(`k${i}`, { i }, { ack: 'all' })
    const c = await node('c')
    await settled([a, b, c])
    await a.close()
    await settled([b, c])
    t.is((await scanned(c.cache('prices'))).size, 100)
    t.is((await scanned(b.cache('prices'))).size, 100)
  })

  check(
    'a node that contradicts the cluster is refused, and says in what',
    async ({ t, node, events }) => {
      await settled([await node('a')])
      await t.throwsAsync(
        node('b', {
          timing: { ...TIMING, joinWaitMs: 500 },
          caches: { prices: { shards: 16, groups: 4, replicas: 3 } }
        }),
        { code: 'CONFIG_CONFLICT', message: /groups 4 here, 8 there, replicas 3 here, 2 there/ }
      )
      await t.throwsAsync(node('a', { timing: { ...TIMING, joinWaitMs: 500 } }), {
        code: 'CONFIG_CONFLICT',
        message: /node name a is taken/
      })
      t.deepEqual(events.filter(({ type }) => type === 'config-conflict'), [])
      t.truthy(await node('b'), 'the name is free after the failure')
    }
  )

  check(
    'of two nodes of one name that start at the same time, one is refused (SPEC R9)',
    async ({ t, node }) => {
      const outcomes = await Promise.allSettled([
        node('a', { timing: { ...TIMING, joinWaitMs: 500 } }),
        node('a', { timing: { ...TIMING, joinWaitMs: 500 } })
      ])
      t.deepEqual(outcomes.map(({ status }) => status).sort((a, b) => a < b ? -1 : 1), ['fulfilled',
        'rejected'])
      const refused = outcomes.find((outcome): outcome is PromiseRejectedResult =>
        outcome.status === 'rejected'
      )
      t.like(refused?.reason, { code: 'CONFIG_CONFLICT' })
    }
  )

  check(
    'a node started again on its data directory serves what it had, and refuses settings that ' +
      'contradict it',
    async ({ t, node }) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'millpond-node-'))
      t.teardown(() => rm(dataDir, { recursive: true, force: true }))
      const alone = { dataDir, caches: { prices: { shards: 16, groups: 8, replicas: 1 } } }
      const first = await node('a', alone)
      for (let i = 0; i < 100; i++) void first.cache('prices').put(`k${i}`, { i })
      await first.cache('prices').delete('k7')
      await first.close()
      await t.throwsAsync(
        node('a', { ...alone, caches: { prices: { shards: 32, groups: 8, replicas: 1 } } }),
        { code: 'CONFIG_CONFLICT', message: /shards 32 contradicts.*shards 16/ }
      )
      const again = await node('a', alone)
      await settled([again])
      const records = await scanned(again.cache('prices'))
      t.is(records.size, 99)
      t.deepEqual(records.get('k99'), { i: 99 })
      await t.throwsAsync(
        node('b', alone),
        { code: 'STORE' },
        'two nodes cannot share a data directory'
      )
      await again.close() // before its files go
    }
  )

  check('a client is told when there is no such cluster or cache', async ({ t, node, client }) => {
    await t.throwsAsync(client('early', { connectTimeoutMs: 100 }), {
      code: 'UNAVAILABLE',
      message: /no node of cluster contract answered within 100 ms/
    })
    await node('a')
    const far = await client('late')
    t.throws(() => far.cache('other'), { code: 'CONFIG_INVALID', message: /"other".*prices/ })
    await t.throwsAsync(client('elsewhere', { cluster: 'other', connectTimeoutMs: 100 }), {
      code: 'UNAVAILABLE'
    })
  })

  check(
    'a closed node or client takes nothing more, and closing it again does nothing',
    async ({ t, node, client }) => {
      const a = await node('a')
      const far = await client('far')
      const [near, remote] = [a.cache('prices'), far.cache('prices')]
      await remote.put('k', { n: 1 })
      await Promise.all([far.close(), far.close()])
      t.throws(() => remote.put('k', { n: 2 }), { code: 'CLOSED' })
      await Promise.all([a.close(), a.close()])
      t.throws(() => near.put('k', { n: 2 }), { code: 'CLOSED' })
    }
  )
}
