/** The status of a cluster as text, where something is wrong that no command could bring about. */
import test from 'ava'
import { describeStatus } from '../../cli/commands/status.js'
import type { CacheStatus } from '../../pubsub/requests/status-protocol.js'

const CACHE: CacheStatus = {
  shards: 4,
  groups: 2,
  replicas: 1,
  records: 7,
  liveEntries: 7,
  deadEntries: 0,
  lag: 3,
  unstoredBytes: 0,
  held: [{ group: 0, phase: 'ready', owners: ['n1'], sequence: 5, root: 'x' }],
  consumerGroups: [],
  unlistedConsumerGroups: 0,
  unreadable: [],
  unlistedUnreadable: 0
}

function text (of: Partial<CacheStatus>): string {
  return describeStatus({
    cluster: 'c',
    nodes: [{
      node: 'n1',
      incarnation: 1,
      members: ['n1'],
      caches: { offers: { ...CACHE, ...of } },
      consumers: [],
      unlistedConsumers: 0
    }],
    unanswered: []
  })
}

test('shards that wait for an upgrade are named with record and field (SPEC E26)', t => {
  const shown = text({
    unreadable: [{ shard: 3, key: 'a b', field: 'f', code: 9 }, { shard: 1, key: 'k' }],
    unlistedUnreadable: 5
  })
  t.deepEqual(shown.split('\n').slice(-4), [
    'n1 has to be upgraded for shard 3: a newer release wrote field "f" of kind 9 in record "a b"',
    'n1 has to be upgraded for shard 1: a newer release wrote record "k"',
    'n1 has to be upgraded for 5 more shards',
    ''
  ])
  t.notRegex(text({}), /upgraded/)
})
