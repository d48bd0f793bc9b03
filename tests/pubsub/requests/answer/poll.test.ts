/** Which nodes tell consumers what has changed. */
import test from 'ava'
import { UnavailableError } from '../../../../engine/errors.js'
import { limits } from '../../../../engine/limits.js'
import { poll } from '../../../../pubsub/requests/answer/poll.js'
import type { Phase } from '../../../../replication/groups/phases.js'
import type { Replicator } from '../../../../replication/replicator.js'
import { openShardSet } from '../../../support/open-shard-set.js'

function pollIn (phase: Phase, hasSharedTime: boolean): number | undefined {
  const { shards, put } = openShardSet(1, { shards: 1, groups: 1 })
  put('k', { n: 1 })
  const held = { has: () => true, phase: () => phase, lack: () => 'it lacks something' }
  const parts = { cache: 'prices', shards, topology: shards.topology, held, hasSharedTime }
  const replicator = parts as unknown as Replicator
  const [page] = poll(replicator, { cache: 'prices', shards: [[0, null]], limit: 10 }, limits)
  return page?.changes.length
}

test('a node that may lack something tells of changes, once it has heard another (SPEC T3)', t => {
  for (const phase of ['syncing', 'stale', 'stray'] as const) {
    t.is(pollIn(phase, true), 1)
    t.throws(() => pollIn(phase, false), { instanceOf: UnavailableError }, phase)
  }
  for (const phase of ['ready', 'leaving'] as const) t.is(pollIn(phase, false), 1)
})
