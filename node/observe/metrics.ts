/**
 * Events and status as Prometheus metrics. prom-client is imported here and nowhere else.
 *
 * What happened is counted as it is reported (`_total`); what is now is read from status() when
 * somebody scrapes, so a node nobody scrapes spends nothing on it. Every name and its meaning
 * stands in the tables below, and in the text Prometheus gets; what Node.js tells of the process
 * comes with them, as millpond_process_* and millpond_nodejs_*. Labels have few values: a cache, a
 * reason, a phase, never a key, a shard or a peer.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { NodeStatus } from '../../pubsub/requests/status-protocol.js'
import type { MillpondEvent } from '../events.js'

const COUNTERS = {
  millpond_members_joined_total: ['other nodes that came into view', []],
  millpond_members_left_total: ['other nodes that went: goodbye, silent or replaced', ['why']],
  millpond_conflicts_total: [
    'contradictions between nodes: name-taken, config-conflict or own-incarnation',
    ['kind']
  ],
  millpond_timing_differs_total: ['times nodes in view were found to have different timing', []],
  millpond_group_phases_total: ['placement groups that entered a phase', ['cache', 'phase']],
  millpond_gap_repairs_total: ['times missing batches of a peer were asked for again', ['cache']],
  millpond_gap_repaired_batches_total: ['missing batches that were asked for again', ['cache']],
  millpond_digest_repairs_total: ['exchanges of states that differed without a gap', ['cache']],
  millpond_digest_repaired_shards_total: ['shards exchanged because their states differed', [
    'cache'
  ]],
  millpond_repair_failures_total: ['repairs that failed and will be tried again', ['cache']],
  millpond_updates_refused_total: ['updates from peers or disk that were not applied', ['cache',
    'reason']],
  millpond_clock_ahead_total: ['merges with versions too far ahead for the clock to follow', [
    'cache'
  ]],
  millpond_log_rebuilds_total: ['times Yjs threw and a log was made anew', ['cache']],
  millpond_compactions_total: ['times superseded entries were taken out of a log', ['cache']],
  millpond_field_kind_conflicts_total: ['uses of a field as another kind than it is, given up', [
    'cache'
  ]],
  millpond_tombstones_collected_total: [
    'tombstones dropped, forced ones (before all had seen them) told apart',
    ['cache', 'forced']
  ],
  millpond_shard_resets_total: [
    'shards taken over whole from a peer because tombstones had been dropped',
    ['cache']
  ],
  millpond_shards_large_total: ['times a shard held more records than it should', ['cache']],
  millpond_incarnations_retired_total: ['incarnations taken out of state vectors', ['cache']],
  millpond_compacted_entries_total: ['superseded entries taken out of logs', ['cache']],
  millpond_damaged_blobs_total: ['stored blobs that were damaged and set aside', ['cache']],
  millpond_messages_refused_total: ['messages that were not understood', ['reason']],
  millpond_handler_failures_total: ['requests that failed for an internal reason', []],
  millpond_store_commits_total: ['commits to the store', ['cache']],
  millpond_store_bytes_total: ['bytes committed to the store', ['cache']],
  millpond_store_failures_total: ['commits that failed and will be tried again', ['cache']],
  millpond_writes_failed_total: ['writes that failed after they were accepted', ['cache']],
  millpond_connection_losses_total: ['times the connection to NATS was lost', []],
  millpond_connection_problems_total: ['problems the NATS connection reported', []]
} as const satisfies Readonly<Record<string, readonly [help: string, labels: readonly string[]]>>
type CounterName = keyof typeof COUNTERS

const GAUGES = {
  millpond_connected: ['1 while the node is connected to NATS', []],
  millpond_members: ['nodes in view, this one included', []],
  millpond_records: ['records that exist, over the shards held here', ['cache']],
  millpond_live_entries: ['entries in memory that records consist of', ['cache']],
  millpond_dead_entries: ['superseded entries still in memory', ['cache']],
  millpond_replication_lag_batches: ['batches of peers heard of and not merged yet', ['cache']],
  millpond_unstored_bytes: ['bytes waiting to be stored', ['cache']],
  millpond_groups: ['placement groups held here, by phase', ['cache', 'phase']],
  millpond_published_batches: ['batches this life of the node published, over its groups', [
    'cache'
  ]]
} as const satisfies Readonly<Record<string, readonly [help: string, labels: readonly string[]]>>
type GaugeName = keyof typeof GAUGES

export interface Metrics {
  /** Counts an event. */
  onEvent(event: MillpondEvent): void
  /** Everything in Prometheus' text format. @param status the node's, for what is now */
  text(status?: NodeStatus): Promise<string>
  readonly contentType: string
}

export function createMetrics (): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'millpond_' })
  const counters = new Map(
    Object.entries(COUNTERS).map((
      [name, [help, labels]]
    ): [string, Counter] => [name,
      new Counter({ name, help, labelNames: [...labels], registers: [registry] })]
    )
  )
  const gauges = new Map(
    Object.entries(GAUGES).map((
      [name, [help, labels]]
    ): [string, Gauge] => [name,
      new Gauge({ name, help, labelNames: [...labels], registers: [registry] })]
    )
  )
  const count: Count = (name, labels = {}, by = 1) => counters.get(name)?.inc(labels, by)
  const set: SetGauge = (name, labels, value) => gauges.get(name)?.set(labels, value)
  set('millpond_connected', {}, 1)
  return {
    contentType: registry.contentType,
    onEvent (event) {
      if (event.type === 'connection') set('millpond_connected', {}, event.connected ? 1 : 0)
      countEvent(event, count)
    },
    async text (status) {
      if (status !== undefined) {
        // a phase no group is in any more must not stay
        for (const [name, gauge] of gauges) if (name !== 'millpond_connected') gauge.reset()
        setStatus(status, set)
      }
      return await registry.metrics()
    }
  }
}

type Count = (name: CounterName, labels?: Record<string, string>, by?: number) => void
type SetGauge = (name: GaugeName, labels: Record<string, string>, value: number) => void

function countEvent (event: MillpondEvent, count: Count): void {
  switch (event.type) {
    case 'member-joined':
      return count('millpond_members_joined_total')
    case 'member-left':
      return count('millpond_members_left_total', { why: event.why })
    case 'name-taken':
    case 'config-conflict':
    case 'own-incarnation':
      return count('millpond_conflicts_total', { kind: event.type })
    case 'timing-differs':
      return count('millpond_timing_differs_total')
    case 'timing-agrees':
      return
    case 'group-phase':
      return count('millpond_group_phases_total', { cache: event.cache, phase: event.phase })
    case 'gap-repaired':
      count('millpond_gap_repairs_total', { cache: event.cache })
      return count('millpond_gap_repaired_batches_total', { cache: event.cache }, event.batches)
    case 'digest-repaired':
      count('millpond_digest_repairs_total', { cache: event.cache })
      return count('millpond_digest_repaired_shards_total', { cache: event.cache }, event.shards)
    case 'repair-failed':
      return count('millpond_repair_failures_total', { cache: event.cache })
    case 'update-refused':
      return count('millpond_updates_refused_total', { cache: event.cache, reason: event.reason })
    case 'newer-release':
      return count(
        'millpond_updates_refused_total',
        { cache: event.cache, reason: event.type },
        event.updates
      )
    case 'log-rebuilt':
      return count('millpond_log_rebuilds_total', { cache: event.cache })
    case 'clock-ahead':
      return count('millpond_clock_ahead_total', { cache: event.cache })
    case 'tombstones-collected':
      count(
        'millpond_tombstones_collected_total',
        { cache: event.cache, forced: 'no' },
        event.dropped - event.forced
      )
      return count(
        'millpond_tombstones_collected_total',
        { cache: event.cache, forced: 'yes' },
        event.forced
      )
    case 'shard-reset':
      return count('millpond_shard_resets_total', { cache: event.cache })
    case 'shard-large':
      return count('millpond_shards_large_total', { cache: event.cache })
    case 'incarnations-retired':
      return count('millpond_incarnations_retired_total', { cache: event.cache }, event.count)
    case 'field-kind-conflict':
      return count('millpond_field_kind_conflicts_total', { cache: event.cache })
    case 'compacted':
      count('millpond_compactions_total', { cache: event.cache })
      return count('millpond_compacted_entries_total', { cache: event.cache }, event.dropped)
    case 'shard-damaged':
      return count('millpond_damaged_blobs_total', { cache: event.cache }, event.blobs)
    case 'message-refused':
      return count('millpond_messages_refused_total', { reason: event.reason })
    case 'handler-failed':
      return count('millpond_handler_failures_total')
    case 'store-committed':
      count('millpond_store_commits_total', { cache: event.cache })
      return count('millpond_store_bytes_total', { cache: event.cache }, event.bytes)
    case 'store-commit-failed':
      return count('millpond_store_failures_total', { cache: event.cache })
    case 'store-recovered':
      return
    case 'write-failed':
      return count('millpond_writes_failed_total', { cache: event.cache })
    case 'connection':
      return event.connected ? undefined : count('millpond_connection_losses_total')
    case 'connection-problem':
      return count('millpond_connection_problems_total')
  }
}

function setStatus (status: NodeStatus, set: SetGauge): void {
  set('millpond_members', {}, status.members.length)
  for (const [cache, of] of Object.entries(status.caches)) {
    set('millpond_records', { cache }, of.records)
    set('millpond_live_entries', { cache }, of.liveEntries)
    set('millpond_dead_entries', { cache }, of.deadEntries)
    set('millpond_replication_lag_batches', { cache }, of.lag)
    set('millpond_unstored_bytes', { cache }, of.unstoredBytes)
    set(
      'millpond_published_batches',
      { cache },
      of.held.reduce((sum, { sequence }) => sum + sequence, 0)
    )
    const phases = new Map<string, number>()
    for (const { phase } of of.held) phases.set(phase, (phases.get(phase) ?? 0) + 1)
    for (const [phase, groups] of phases) set('millpond_groups', { cache, phase }, groups)
  }
}
