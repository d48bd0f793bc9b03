/**
 * Events and status as metrics: what a scrape shows, and that every event there can be is counted.
 */
import test from 'ava'
import { createMetrics } from '../../../node/observe/metrics.js'
import type { MillpondEvent } from '../../../node/events.js'
import { StoreError } from '../../../engine/errors.js'
import type { ConsumerStatus, NodeStatus } from '../../../pubsub/requests/status-protocol.js'

const EVENTS: {
  readonly [type in MillpondEvent['type']]: readonly [
    event: Extract<MillpondEvent, { type: type }>,
    line: string | null
  ]
} = {
  'member-joined': [{ type: 'member-joined', node: 'b', incarnation: 1 },
    'millpond_members_joined_total 1'],
  'member-left': [{ type: 'member-left', node: 'b', incarnation: 1, why: 'silent' },
    'millpond_members_left_total{why="silent"} 1'],
  'timing-differs': [{
    type: 'timing-differs',
    heartbeatMs: 4000,
    failureTimeoutMs: 12_000,
    timings: [{ heartbeatMs: 500, failureTimeoutMs: 3000, nodes: ['a'] }, {
      heartbeatMs: 4000,
      failureTimeoutMs: 12_000,
      nodes: ['b']
    }]
  }, 'millpond_timing_differs_total 1'],
  'timing-agrees': [{ type: 'timing-agrees', heartbeatMs: 500, failureTimeoutMs: 3000 }, null],
  'clock-differs': [{ type: 'clock-differs', aheadMs: -120_000, from: 'the median clock of a, b' },
    'millpond_clock_differs_total 1'],
  'clock-agrees': [{ type: 'clock-agrees', aheadMs: 3, from: 'the median clock of a, b' }, null],
  'name-taken': [{ type: 'name-taken', node: 'a', incarnation: 2 },
    'millpond_conflicts_total{kind="name-taken"} 1'],
  'name-lost': [{ type: 'name-lost', node: 'a', incarnation: 2 },
    'millpond_conflicts_total{kind="name-lost"} 1'],
  'config-conflict': [{ type: 'config-conflict', cache: 'c', node: 'b', detail: 'shards' },
    'millpond_conflicts_total{kind="config-conflict"} 1'],
  'own-incarnation': [{ type: 'own-incarnation', cache: 'c', shard: 1, incarnation: 1 },
    'millpond_conflicts_total{kind="own-incarnation"} 1'],
  'group-phase': [{ type: 'group-phase', cache: 'c', group: 1, phase: 'ready' },
    'millpond_group_phases_total{cache="c",phase="ready"} 1'],
  'gap-repaired': [{ type: 'gap-repaired', cache: 'c', node: 'b', batches: 7 },
    'millpond_gap_repaired_batches_total{cache="c"} 7'],
  'digest-repaired': [{ type: 'digest-repaired', cache: 'c', node: 'b', shards: 3 },
    'millpond_digest_repaired_shards_total{cache="c"} 3'],
  'drain-ended': [{ type: 'drain-ended', cache: 'c', groups: [1] },
    'millpond_drains_ended_total{cache="c"} 1'],
  'data-lost': [{ type: 'data-lost', cache: 'c', groups: [1, 2], nodes: ['b'] },
    'millpond_lost_groups_total{cache="c"} 2'],
  'repair-failed': [{ type: 'repair-failed', cache: 'c', node: 'b', error: new Error('no') },
    'millpond_repair_failures_total{cache="c"} 1'],
  'upkeep-failed': [{ type: 'upkeep-failed', cache: 'c', work: 'expiry', error: new Error('no') },
    'millpond_upkeep_failures_total{cache="c",work="expiry"} 1'],
  'update-refused': [{ type: 'update-refused', cache: 'c', shard: 1, reason: 'form', detail: '' },
    'millpond_updates_refused_total{cache="c",reason="form"} 1'],
  'newer-release': [{
    type: 'newer-release',
    cache: 'c',
    shard: 1,
    key: 'k',
    field: 'f',
    code: 9,
    incarnation: 1,
    clock: 0,
    detail: 'upgrade this node',
    updates: 7
  }, 'millpond_updates_refused_total{cache="c",reason="newer-release"} 7'],
  'log-rebuilt': [{ type: 'log-rebuilt', cache: 'c', shard: 1, error: new Error('no') },
    'millpond_log_rebuilds_total{cache="c"} 1'],
  'clock-ahead': [{ type: 'clock-ahead', cache: 'c', shard: 1, version: 1 },
    'millpond_clock_ahead_total{cache="c"} 1'],
  'tombstones-collected': [{
    type: 'tombstones-collected',
    cache: 'c',
    shard: 1,
    dropped: 5,
    forced: 2
  }, 'millpond_tombstones_collected_total{cache="c",forced="no"} 3'],
  'shard-reset': [{ type: 'shard-reset', cache: 'c', shard: 1, dropped: 2 },
    'millpond_shard_resets_total{cache="c"} 1'],
  'shard-large': [{ type: 'shard-large', cache: 'c', shard: 1, records: 200_000 },
    'millpond_shards_large_total{cache="c"} 1'],
  'incarnations-retired': [{ type: 'incarnations-retired', cache: 'c', shard: 1, count: 4 },
    'millpond_incarnations_retired_total{cache="c"} 4'],
  'field-kind-conflict': [{
    type: 'field-kind-conflict',
    cache: 'c',
    shard: 1,
    key: 'k',
    field: 'f'
  }, 'millpond_field_kind_conflicts_total{cache="c"} 1'],
  compacted: [{ type: 'compacted', cache: 'c', shard: 1, live: 1, dropped: 5 },
    'millpond_compacted_entries_total{cache="c"} 5'],
  'shard-damaged': [{ type: 'shard-damaged', cache: 'c', shard: 1, blobs: 2 },
    'millpond_damaged_blobs_total{cache="c"} 2'],
  'message-refused': [{ type: 'message-refused', subject: 's', reason: 'shape' },
    'millpond_messages_refused_total{reason="shape"} 1'],
  'handler-failed': [{ type: 'handler-failed', subject: 's', error: new Error('no') },
    'millpond_handler_failures_total 1'],
  'store-committed': [{ type: 'store-committed', cache: 'c', bytes: 100 },
    'millpond_store_bytes_total{cache="c"} 100'],
  'store-commit-failed': [{
    type: 'store-commit-failed',
    cache: 'c',
    error: new StoreError('full'),
    failures: 1,
    retryMs: 100,
    unstoredBytes: 5
  }, 'millpond_store_failures_total{cache="c"} 1'],
  'store-recovered': [{ type: 'store-recovered', cache: 'c', failures: 1 }, null],
  connection: [{ type: 'connection', connected: false }, 'millpond_connection_losses_total 1'],
  'connection-problem': [{ type: 'connection-problem', error: new Error('no') },
    'millpond_connection_problems_total 1'],
  'hint-dropped': [{ type: 'hint-dropped', cache: 'c', count: 3 },
    'millpond_hints_dropped_total{cache="c"} 3'],
  'confirmation-dropped': [{ type: 'confirmation-dropped', cache: 'c', count: 4 },
    'millpond_confirmations_dropped_total{cache="c"} 4'],
  'consumer-started': [{
    type: 'consumer-started',
    cache: 'c',
    consumerGroup: 'g',
    shards: 4,
    committedShards: 0
  }, 'millpond_consumers_started_total{cache="c"} 1'],
  'consumer-ended': [{ type: 'consumer-ended', cache: 'c', consumerGroup: 'g', why: 'idle' },
    'millpond_consumers_ended_total{cache="c",why="idle"} 1'],
  'consumer-behind': [{
    type: 'consumer-behind',
    cache: 'c',
    consumerGroup: 'g',
    shards: [1, 2],
    unlistedShards: 5,
    forMs: 0
  }, 'millpond_consumer_behind_shards_total{cache="c"} 7'],
  'consumer-unheld': [{
    type: 'consumer-unheld',
    cache: 'c',
    consumerGroup: 'g',
    groups: [1, 2, 3],
    unlistedGroups: 5
  }, 'millpond_consumer_unheld_groups_total{cache="c"} 8'],
  'consumer-held': [{ type: 'consumer-held', cache: 'c', consumerGroup: 'g', forMs: 9 }, null],
  'consumer-retrying': [{
    type: 'consumer-retrying',
    cache: 'c',
    consumerGroup: 'g',
    code: 'TIMEOUT',
    times: 4,
    shards: [1],
    unlistedShards: 0,
    error: new Error('no')
  }, 'millpond_consumer_retries_total{cache="c",code="TIMEOUT"} 4'],
  'consumer-reset': [{
    type: 'consumer-reset',
    cache: 'c',
    consumerGroup: 'g',
    shards: [1, 2],
    unlistedShards: 5,
    why: 'floor'
  }, 'millpond_consumer_reset_shards_total{cache="c",why="floor"} 7'],
  'commit-failed': [{
    type: 'commit-failed',
    cache: 'c',
    consumerGroup: 'g',
    shards: [1],
    unlistedShards: 0,
    error: new Error('no')
  }, 'millpond_commit_failures_total{cache="c"} 1'],
  'write-failed': [{ type: 'write-failed', cache: 'c', key: 'k', error: new Error('no') },
    'millpond_writes_failed_total{cache="c"} 1']
}

for (const [event, line] of Object.values(EVENTS)) {
  test(`${event.type} is counted`, async t => {
    const metrics = createMetrics()
    metrics.onEvent(event)
    const lines = (await metrics.text()).split('\n')
    if (line === null) t.pass()
    else {t.true(
        lines.includes(line),
        lines.filter(other => other.startsWith(line.split(/[{ ]/)[0] ?? '')).join('\n')
      )}
  })
}

function status (phase: string): NodeStatus {
  return {
    node: 'a',
    incarnation: 1,
    members: ['a', 'b'],
    caches: {
      c: {
        shards: 4,
        groups: 1,
        replicas: 2,
        records: 10,
        liveEntries: 12,
        deadEntries: 3,
        lag: 2,
        unstoredBytes: 99,
        held: [{ group: 0, phase, owners: ['a', 'b'], sequence: 5, root: 'x' }],
        consumerGroups: [{ name: 'g', shards: 3 }],
        unlistedConsumerGroups: 2,
        unreadable: [{ shard: 3, key: 'k', field: 'f', code: 9 }],
        unlistedUnreadable: 1,
        lostGroups: []
      }
    },
    consumers: [],
    unlistedConsumers: 0
  }
}

test('current values come from the status of the moment, and empty phases are gone', async t => {
  const metrics = createMetrics()
  await metrics.text(status('syncing'))
  const text = await metrics.text(status('ready'))
  for (
    const line of [
      'millpond_members 2',
      'millpond_records{cache="c"} 10',
      'millpond_live_entries{cache="c"} 12',
      'millpond_dead_entries{cache="c"} 3',
      'millpond_replication_lag_batches{cache="c"} 2',
      'millpond_unstored_bytes{cache="c"} 99',
      'millpond_groups{cache="c",phase="ready"} 1',
      'millpond_published_batches{cache="c"} 5',
      'millpond_consumer_groups{cache="c"} 3',
      'millpond_unreadable_shards{cache="c"} 2'
    ]
  ) t.true(text.split('\n').includes(line), line)
  t.notRegex(text, /phase="syncing"/)
})

test('every figure of a consumer is a gauge, over its consumer group (SPEC C13)', async t => {
  const consumer: ConsumerStatus = {
    cache: 'c',
    consumerGroup: 'g',
    phase: 'reading',
    ageMs: 9000,
    shards: 16,
    cursors: 16,
    dirtyShards: 3,
    behindShards: 2,
    groupsWithoutHolder: 4,
    delivered: 70,
    deliveredAgoMs: 1500,
    uncommitted: 20,
    uncommittedShards: 5,
    committedAgoMs: 2500,
    lastError: null
  }
  const consumers: ConsumerStatus[] = [consumer, {
    ...consumer,
    phase: 'starting',
    delivered: 0,
    deliveredAgoMs: null,
    uncommitted: 0,
    uncommittedShards: 1,
    committedAgoMs: null
  }]
  const metrics = createMetrics()
  const shown = async (of: readonly ConsumerStatus[]) =>
    Object.fromEntries(
      [...(await metrics.text({ consumers: of })).matchAll(
        /^millpond_consumer(\w*)\{cache="c",consumer_group="g"\} (\S+)$/gm
      )].map(([, name = '', value]) => [name, Number(value)])
    )
  t.deepEqual(await shown(consumers), {
    s: 2,
    _starting: 1,
    _dirty_shards: 6,
    _behind_shards: 4,
    _unheld_groups: 4,
    _delivered_records: 70,
    _uncommitted_shards: 6,
    _uncommitted_records: 20,
    _silent_seconds: 9,
    _commit_age_seconds: 2.5
  })
  t.false('_commit_age_seconds' in await shown(consumers.slice(1)), 'it has committed nothing')
})

test('the connection is up until it is lost, and up again when it is back', async t => {
  const metrics = createMetrics()
  t.regex(await metrics.text(status('ready')), /^millpond_connected 1$/m)
  metrics.onEvent({ type: 'connection', connected: false })
  t.regex(await metrics.text(status('ready')), /^millpond_connected 0$/m)
  metrics.onEvent({ type: 'connection', connected: true })
  t.regex(await metrics.text(status('ready')), /^millpond_connected 1$/m)
})

test('every metric has a name of ours and a meaning, and two nodes share none', async t => {
  const one = createMetrics()
  one.onEvent({ type: 'member-joined', node: 'b', incarnation: 1 })
  const text = await one.text()
  const named = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  t.deepEqual(named.filter(line => !line.startsWith('millpond_')), [])
  for (const [, name, help] of text.matchAll(/^# HELP (\S+) (.*)$/gm)) t.not(help, '', name)
  t.regex(await createMetrics().text(), /^millpond_members_joined_total 0$/m)
})
