/** A status as gauges: every name with its meaning and labels, and where its value stands. */
import type { ConsumerStatus, NodeStatus } from '../../pubsub/requests/status-protocol.js'

export const GAUGES = {
  millpond_connected: ['1 while this process is connected to NATS', []],
  millpond_members: ['nodes in view; a node counts itself', []],
  millpond_records: ['records that exist, over the shards held here', ['cache']],
  millpond_live_entries: ['entries in memory that records consist of', ['cache']],
  millpond_dead_entries: ['superseded entries still in memory', ['cache']],
  millpond_replication_lag_batches: ['batches of peers heard of and not merged yet', ['cache']],
  millpond_unstored_bytes: ['bytes waiting to be stored', ['cache']],
  millpond_groups: ['placement groups held here, by phase', ['cache', 'phase']],
  millpond_published_batches: ['batches this life of the node published, over its groups', [
    'cache'
  ]],
  millpond_consumer_groups: [
    'consumer groups that have committed cursors in shards held here',
    ['cache']
  ],
  millpond_unreadable_shards: [
    'shards that stay behind until this node is upgraded: a newer release wrote to them',
    ['cache']
  ],
  millpond_consumers: [
    'consumers that run in this process',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_starting: [
    'consumers of this process that look for the cursors their group has committed',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_dirty_shards: [
    'shards with changes that a consumer of this process has still to read',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_behind_shards: [
    'shards of which replicas have seen less than a consumer of this process',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_unheld_groups: [
    'placement groups that no node in view holds, as a consumer of this process sees it',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_delivered_records: [
    'records given to consumers of this process that run now, since they began',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_uncommitted_shards: [
    'shards that consumers of this process have read further than they have committed',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_uncommitted_records: [
    'records given to consumers of this process and not committed',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_silent_seconds: [
    'seconds since a consumer of this process was given something, or began: the longest of them',
    ['cache', 'consumer_group']
  ],
  millpond_consumer_commit_age_seconds: [
    'seconds since a consumer of this process that has committed did so last: the longest of them',
    ['cache', 'consumer_group']
  ]
} as const satisfies Readonly<Record<string, readonly [help: string, labels: readonly string[]]>>
export type GaugeName = keyof typeof GAUGES

/** A node's status. A client has no more of it than its consumers. */
export type Shown =
  & { readonly consumers: readonly ConsumerStatus[] }
  & Partial<Omit<NodeStatus, 'consumers'>>

export type SetGauge = (name: GaugeName, labels: Record<string, string>, value: number) => void

export function setStatus ({ members, caches = {}, consumers }: Shown, set: SetGauge): void {
  if (members !== undefined) set('millpond_members', {}, members.length)
  for (const [cache, of] of Object.entries(caches)) {
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
    set(
      'millpond_consumer_groups',
      { cache },
      of.consumerGroups.length + of.unlistedConsumerGroups
    )
    set(
      'millpond_unreadable_shards',
      { cache },
      of.unreadable.length + of.unlistedUnreadable
    )
    const phases = new Map<string, number>()
    for (const { phase } of of.held) phases.set(phase, (phases.get(phase) ?? 0) + 1)
    for (const [phase, groups] of phases) set('millpond_groups', { cache, phase }, groups)
  }
  for (const { labels, running } of byGroup(consumers)) {
    const sum = (figure: (consumer: ConsumerStatus) => number): number =>
      running.reduce((total, consumer) => total + figure(consumer), 0)
    const silentMs = running.map(({ ageMs, deliveredAgoMs }) => deliveredAgoMs ?? ageMs)
    set('millpond_consumers', labels, running.length)
    const starting = running.filter(({ phase }) => phase === 'starting').length
    set('millpond_consumer_starting', labels, starting)
    set('millpond_consumer_dirty_shards', labels, sum(({ dirtyShards }) => dirtyShards))
    set('millpond_consumer_behind_shards', labels, sum(({ behindShards }) => behindShards))
    set(
      'millpond_consumer_unheld_groups',
      labels,
      Math.max(...running.map(({ groupsWithoutHolder }) => groupsWithoutHolder))
    )
    set('millpond_consumer_delivered_records', labels, sum(({ delivered }) => delivered))
    set('millpond_consumer_uncommitted_shards', labels, sum(of => of.uncommittedShards))
    set('millpond_consumer_uncommitted_records', labels, sum(({ uncommitted }) => uncommitted))
    set('millpond_consumer_silent_seconds', labels, Math.max(...silentMs) / 1000)
    const committedMs = running.flatMap(({ committedAgoMs }) => committedAgoMs ?? [])
    if (committedMs.length > 0) {
      set('millpond_consumer_commit_age_seconds', labels, Math.max(...committedMs) / 1000)
    }
  }
}

function byGroup (consumers: readonly ConsumerStatus[]) {
  const groups = new Map<
    string,
    { readonly labels: { cache: string, consumer_group: string }, running: ConsumerStatus[] }
  >()
  for (const consumer of consumers) {
    const { cache, consumerGroup } = consumer
    const key = JSON.stringify([cache, consumerGroup])
    const group = groups.get(key) ??
      { labels: { cache, consumer_group: consumerGroup }, running: [] }
    group.running.push(consumer)
    groups.set(key, group)
  }
  return groups.values()
}
