/** Writes that ask for several stores (SPEC K6): they outlive the disk of any one node. */
import test from 'ava'
import { WriteConcernError } from '../../../engine/errors.js'
import type { Store } from '../../../storage/store.js'
import type { Cluster } from '../../support/cluster.js'
import { startCluster } from '../../support/cluster.js'

const SLOW_STORES = { timing: { storeIntervalMs: 1000 } }

/** All processes end at once, and one disk is lost. */
async function loseDiskOf (cluster: Cluster, lost: string, others: readonly string[]) {
  for (const name of [lost, ...others]) cluster.kill(name)
  cluster.disks.delete(lost)
  await cluster.start(lost, ...others)
  await cluster.untilSettled(120_000)
}

for (const lost of ['a', 'b']) {
  test(`what two stores had is there after a power cut that took the disk of ${lost}`, async t => {
    const cluster = await startCluster(t, ['a', 'b'], { ...SLOW_STORES, expectNodes: 2 })
    const client = await cluster.client('c')
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`)
    await cluster.time.wait(Promise.all(keys.flatMap(key => [
      cluster.cache('a').put(`${key} of a`, { n: 1 }, { ack: { durable: 2 } }),
      client.put(`${key} of the client`, { n: 1 }, { ack: { durable: 'all' } }),
      client.increment('sum', 'n', 1, { ack: { durable: 'majority' } })
    ])))
    await loseDiskOf(cluster, lost, lost === 'a' ? ['b'] : ['a'])
    const records = await cluster.scan(cluster.cache('a'), 'a')
    t.is(records.size, 2 * keys.length + 1)
    t.deepEqual(records.get('sum'), { n: keys.length })
  })
}

test('a replica that confirms from memory is not enough, and its heartbeats will do', async t => {
  const cluster = await startCluster(t, ['a', 'b'], SLOW_STORES)
  const transport = cluster.transports.get('b')
  if (transport === undefined) throw new Error('b has no transport')
  const publish = transport.publish.bind(transport)
  let dropped = 0
  transport.publish = (subject, bytes, replyTo) => {
    if (!subject.includes('.ack.')) return publish(subject, bytes, replyTo)
    dropped++
    return true // as a network that loses it
  }
  await cluster.time.wait(cluster.cache('a').put('k', { n: 1 }, { ack: { durable: 2 } }))
  t.true(dropped >= 2, 'one from memory, one from the store')
  await loseDiskOf(cluster, 'a', ['b'])
  t.deepEqual(await cluster.time.wait(cluster.cache('b').get('k')), { n: 1 })
})

test('while the store of a replica fails, the error says how many have it', async t => {
  const cluster = await startCluster(t, ['a'], { expect: ['store-commit-failed'] })
  const disk = await failingDisk(cluster, 'b')
  await cluster.untilSettled()
  disk.isFull = true
  const write = cluster.cache('a').put('k', { n: 1 }, { ack: { durable: 2 }, timeoutMs: 2000 })
  const error = await t.throwsAsync(cluster.time.wait(write), { instanceOf: WriteConcernError })
  t.like(error, { reached: 1, needed: 2, wanted: 'durable 2', changed: 'yes' })
  await cluster.time.wait(cluster.cache('a').put('k', { n: 2 }, { ack: 2 }))
  const later = cluster.cache('a').put('k', { n: 3 }, { ack: { durable: 2 }, timeoutMs: 20_000 })
  await cluster.time.advance(3000)
  disk.isFull = false
  await cluster.time.wait(later)
  t.pass()
})

/** A node whose disk can be full. */
async function failingDisk (cluster: Cluster, name: string): Promise<{ isFull: boolean }> {
  const state = { isFull: false }
  await cluster.startNode(name)
  await cluster.close(name)
  const disk = cluster.disks.get(name)
  if (disk === undefined) throw new Error(`${name} has no disk`)
  const open = disk.open.bind(disk)
  disk.open = () => {
    const store: Store = open()
    const commit = store.commit.bind(store)
    store.commit = async batch => {
      if (state.isFull) throw new Error('no space left')
      await commit(batch)
    }
    return store
  }
  await cluster.startNode(name)
  return state
}
