/** What a replica takes before it has all of a placement group. */
import test from 'ava'
import { limits } from '../../../engine/limits.js'
import { Topology } from '../../../engine/topology/topology.js'
import type { Write } from '../../../engine/write/write.js'
import { InProcessNetwork } from '../../../replication/transport/in-process/network.js'
import { openReplica } from '../../support/replica.js'
import { VirtualTime } from '../../support/virtual-time.js'

const SHAPE = { shards: 4, groups: 2, replicas: 2 }
const WRITES: ReadonlyArray<readonly [what: string, body: Pick<Write, 'fields' | 'operations'>]> = [
  ['increment', { fields: null, operations: [{ kind: 'increment', field: 'n', by: 1 }] }],
  ['removal', { fields: null, operations: [{ kind: 'remove', field: 's', element: 'x' }] }],
  ['raise', { fields: null, operations: [{ kind: 'max', field: 'm', value: 1 }] }]
]

// The phase was looked at on the node where a write entered, which might see another one there.
test('an owner that fetches a group takes puts of it, and no operation (SPEC R18)', async t => {
  const time = new VirtualTime(1)
  const network = new InProcessNetwork({ limits, ...time.ports('network') })
  const replica = openReplica(network, time, 'a', SHAPE)
  const { replicator, replicator: { held } } = replica
  await time.until(() => held.in('ready').length === SHAPE.groups, 'a to be ready')
  const shard = new Topology(SHAPE).shardOf('k')
  const take = (body: Pick<Write, 'fields' | 'operations'>, version: number): Promise<boolean> =>
    time.wait(
      replicator.writes.take(shard, { key: 'k', version, stamp: version, ...body }, 'buffered', 100)
    )
  held.phase = () => 'syncing'
  for (const [what, body] of WRITES) {
    const error = await t.throwsAsync(take(body, 1), { code: 'UNAVAILABLE' }, what)
    t.like(error, { changed: 'no', retryable: true })
  }
  t.is(replicator.shards.record(shard, 'k'), undefined)
  t.true(await take({ fields: { n: 1 } }, 2))
  held.phase = () => 'ready'
  t.true(await take({ fields: null, operations: [{ kind: 'max', field: 'm', value: 1 }] }, 3))
  replica.close()
})
