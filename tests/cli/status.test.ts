/** The status of a cluster as text, where something is wrong that no command could bring about. */
import test from 'ava'
import { describeStatus } from '../../cli/commands/status.js'
import type { CacheStatus, NodeStatus } from '../../pubsub/requests/status-protocol.js'

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
  unlistedUnreadable: 0,
  lostGroups: []
}

function text (of: Partial<CacheStatus>, node: Partial<NodeStatus> = {}): string {
  return describeStatus({
    cluster: 'c',
    nodes: [{
      node: 'n1',
      incarnation: 1,
      members: ['n1'],
      caches: { offers: { ...CACHE, ...of } },
      consumers: [],
      unlistedConsumers: 0,
      ...node
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

test('a node says what it waits for, and what it went on without (SPEC R22)', t => {
  const shown = text({ waitsFor: 'n1 waits for n2', lostGroups: [3, 7] }).split('\n')
  t.true(shown.includes('n1 is not ready: n1 waits for n2'))
  t.true(shown.includes('n1 went on without stores that had held placement groups 3, 7'))
  t.notRegex(text({}), /not ready:|went on/)
})

test('a node that goes by slower ones shows both timings (SPEC R13)', t => {
  const configured = { heartbeatMs: 500, failureTimeoutMs: 3000 }
  const slow = { heartbeatMs: 4000, failureTimeoutMs: 24_000 }
  t.true(
    text({}, { timing: { ...slow, configured } }).split('\n').includes(
      'n1 goes by slower nodes: heartbeat 4000 ms, failure timeout 24000 ms; its own timing is ' +
        '500 ms, 3000 ms'
    )
  )
  t.is(text({}, { timing: { ...configured, configured } }), text({}), 'an older node says none')
})

test('consumers that are not listed are said to be of all caches (SPEC B1)', t => {
  t.is(
    text({}, { unlistedConsumers: 4 }).split('\n\n').at(-1),
    'consumers in the processes of nodes\nand 4 more on n1, of all caches\n'
  )
})
