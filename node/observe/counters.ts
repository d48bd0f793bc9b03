/** Events as counters: every name with its meaning and labels, and which event counts where. */
import type { MillpondEvent } from '../events.js'

export const COUNTERS = {
  millpond_members_joined_total: ['other nodes that came into view', []],
  millpond_members_left_total: ['other nodes that went: goodbye, silent or replaced', ['why']],
  millpond_conflicts_total: [
    'contradictions between nodes: name-taken, name-lost, config-conflict or own-incarnation',
    ['kind']
  ],
  millpond_timing_differs_total: ['times nodes in view were found to have different timing', []],
  millpond_clock_differs_total: [
    'times the wall clock of this process was found to differ from those of the nodes',
    []
  ],
  millpond_group_phases_total: ['placement groups that entered a phase', ['cache', 'phase']],
  millpond_gap_repairs_total: ['times missing batches of a peer were asked for again', ['cache']],
  millpond_gap_repaired_batches_total: ['missing batches that were asked for again', ['cache']],
  millpond_digest_repairs_total: ['exchanges of states that differed without a gap', ['cache']],
  millpond_digest_repaired_shards_total: ['shards exchanged because their states differed', [
    'cache'
  ]],
  millpond_repair_failures_total: [
    'repairs, fetches and hand-overs that failed and will be tried again',
    ['cache']
  ],
  millpond_drains_ended_total: [
    'times that a node left before the others had taken over',
    ['cache']
  ],
  millpond_lost_groups_total: [
    'placement groups that began without a store that had held them',
    ['cache']
  ],
  millpond_upkeep_failures_total: [
    'expiry sweeps, looks for tombstones and notes of who holds what that failed and will be ' +
    'tried again',
    ['cache', 'work']
  ],
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
  millpond_hints_dropped_total: [
    'hints to consumers that the transport took no more; digests make up for them',
    ['cache']
  ],
  millpond_confirmations_dropped_total: [
    'confirmations to peers that the transport took no more; digests make up for them',
    ['cache']
  ],
  millpond_consumers_started_total: ['consumers of this process that began to read', ['cache']],
  millpond_consumers_ended_total: [
    'consumers of this process that ended: stopped, idle, closed or error',
    ['cache', 'why']
  ],
  millpond_consumer_behind_shards_total: [
    'times a consumer of this process found no replica that had seen as much of a shard as it had',
    ['cache']
  ],
  millpond_consumer_unheld_groups_total: [
    'times a consumer of this process had no node in view that holds a placement group',
    ['cache']
  ],
  millpond_consumer_retries_total: [
    'errors that a consumer of this process went on after, by code',
    ['cache', 'code']
  ],
  millpond_consumer_reset_shards_total: [
    'times a consumer of this process began a shard again: floor (tombstones it had not come to ' +
    'were dropped) or patience (no replica could continue it for too long)',
    ['cache', 'why']
  ],
  millpond_commit_failures_total: [
    'commits of consumers of this process that failed',
    ['cache']
  ],
  millpond_connection_losses_total: ['times the connection to NATS was lost', []],
  millpond_connection_problems_total: ['problems the NATS connection reported', []]
} as const satisfies Readonly<Record<string, readonly [help: string, labels: readonly string[]]>>
export type CounterName = keyof typeof COUNTERS

/** Adds to a counter. @param by default 1 */
export type Count = (name: CounterName, labels?: Record<string, string>, by?: number) => void

export function countEvent (event: MillpondEvent, count: Count): void {
  switch (event.type) {
    case 'member-joined':
      return count('millpond_members_joined_total')
    case 'member-left':
      return count('millpond_members_left_total', { why: event.why })
    case 'name-taken':
    case 'name-lost':
    case 'config-conflict':
    case 'own-incarnation':
      return count('millpond_conflicts_total', { kind: event.type })
    case 'timing-differs':
      return count('millpond_timing_differs_total')
    case 'clock-differs':
      return count('millpond_clock_differs_total')
    case 'timing-agrees':
    case 'clock-agrees':
      return
    case 'group-phase':
      return count('millpond_group_phases_total', { cache: event.cache, phase: event.phase })
    case 'gap-repaired':
      count('millpond_gap_repairs_total', { cache: event.cache })
      return count('millpond_gap_repaired_batches_total', { cache: event.cache }, event.batches)
    case 'digest-repaired':
      count('millpond_digest_repairs_total', { cache: event.cache })
      return count('millpond_digest_repaired_shards_total', { cache: event.cache }, event.shards)
    case 'drain-ended':
      return count('millpond_drains_ended_total', { cache: event.cache })
    case 'data-lost':
      return count('millpond_lost_groups_total', { cache: event.cache }, event.groups.length)
    case 'repair-failed':
      return count('millpond_repair_failures_total', { cache: event.cache })
    case 'upkeep-failed':
      return count('millpond_upkeep_failures_total', { cache: event.cache, work: event.work })
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
    case 'hint-dropped':
      return count('millpond_hints_dropped_total', { cache: event.cache }, event.count)
    case 'confirmation-dropped':
      return count('millpond_confirmations_dropped_total', { cache: event.cache }, event.count)
    case 'consumer-started':
      return count('millpond_consumers_started_total', { cache: event.cache })
    case 'consumer-ended':
      return count('millpond_consumers_ended_total', { cache: event.cache, why: event.why })
    case 'consumer-behind':
      return count(
        'millpond_consumer_behind_shards_total',
        { cache: event.cache },
        event.shards.length + event.unlistedShards
      )
    case 'consumer-unheld':
      return count(
        'millpond_consumer_unheld_groups_total',
        { cache: event.cache },
        event.groups.length + event.unlistedGroups
      )
    case 'consumer-held':
      return
    case 'consumer-retrying':
      return count(
        'millpond_consumer_retries_total',
        { cache: event.cache, code: event.code },
        event.times
      )
    case 'consumer-reset':
      return count(
        'millpond_consumer_reset_shards_total',
        { cache: event.cache, why: event.why },
        event.shards.length + event.unlistedShards
      )
    case 'commit-failed':
      return count('millpond_commit_failures_total', { cache: event.cache })
    case 'connection':
      return event.connected ? undefined : count('millpond_connection_losses_total')
    case 'connection-problem':
      return count('millpond_connection_problems_total')
  }
}
