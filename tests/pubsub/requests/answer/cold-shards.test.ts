/** Readers of shards that are in the store only (SPEC S5). */
import test from 'ava'
import { limits } from '../../../../engine/limits.js'
import { decodeCursor, encodeCursor } from '../../../../engine/cursor.js'
import { find } from '../../../../pubsub/requests/answer/find.js'
import { getRecords, scanShard } from '../../../../pubsub/requests/answer/get-and-scan.js'
import { poll } from '../../../../pubsub/requests/answer/poll.js'
import type { Replicator } from '../../../../replication/replicator.js'
import { ColdShardError } from '../../../../storage/residency/residency.js'
import { cool } from '../../../support/cold-shard.js'
import { openShardSet } from '../../../support/open-shard-set.js'

const cache = 'prices'

function open () {
  const { shards, put } = openShardSet(1, { shards: 1, groups: 1, indexes: { n: 'equality' } })
  for (let i = 0; i < 5; i++) put(`k${i}`, { n: i })
  shards.flush()
  const replicator = {
    cache,
    shards,
    topology: shards.topology,
    held: { has: () => true, phase: () => 'ready' }
  } as unknown as Replicator
  const pollFrom = (cursor: Uint8Array | null) => {
    const [page] = poll(replicator, { cache, shards: [[0, cursor]], limit: 100 }, limits)
    if (page === undefined) throw new Error('no page')
    return page
  }
  return { shards, replicator, pollFrom }
}

test('a reader that has read a cold shard to its end is told so from its row (SPEC S5)', t => {
  const { shards, pollFrom } = open()
  const { cursor } = pollFrom(null)
  const again = pollFrom(cursor)
  t.is(again.changes.length, 0)
  cool(shards, 0)
  t.deepEqual(pollFrom(cursor), again)
})

test('a reader that has seen more than a cold shard is told that it is behind (SPEC C2)', t => {
  const { shards, pollFrom } = open()
  const read = decodeCursor(pollFrom(null).cursor as Uint8Array, 0, limits)
  cool(shards, 0)
  t.true(pollFrom(encodeCursor({ ...read, witness: new Map([[9, 1]]) })).behind)
})

test('reading records of a cold shard reads it back or fails by name (SPEC S5)', t => {
  const { shards, replicator, pollFrom } = open()
  cool(shards, 0)
  const reads: Array<() => unknown> = [
    () => pollFrom(null),
    () => getRecords(replicator, { cache, keys: ['k1'] }, limits),
    () => scanShard(replicator, { cache, shard: 0, after: null, limit: 10 }, limits),
    () => find(replicator, { cache, where: { n: 1 }, shards: [0], after: null, limit: 10 }, limits)
  ]
  for (const read of reads) t.throws(read, { instanceOf: ColdShardError }, String(read))
})
