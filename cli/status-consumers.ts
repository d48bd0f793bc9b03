/** The part of `millpond status` about consumers and their groups; empty where there are none. */
import type { CacheStatus, ConsumerStatus } from '../pubsub/requests/status-protocol.js'
import { table } from './table.js'

/** The consumers that run in the processes of nodes. */
export function describeConsumers (
  nodes: ReadonlyArray<{
    readonly node: string,
    readonly consumers: readonly ConsumerStatus[],
    readonly unlistedConsumers: number
  }>
): string {
  const rows = nodes.flatMap(({ node, consumers }) =>
    consumers.map(consumer => [
      node,
      consumer.cache,
      consumer.consumerGroup,
      consumer.phase,
      age(consumer.ageMs),
      String(consumer.dirtyShards),
      String(consumer.behindShards),
      String(consumer.groupsWithoutHolder),
      String(consumer.delivered),
      String(consumer.uncommitted),
      ago(consumer.deliveredAgoMs),
      ago(consumer.committedAgoMs),
      consumer.lastError === null
        ? '-'
        : `${consumer.lastError.code} ${age(consumer.lastError.agoMs)} ago`
    ])
  )
  const unlisted = nodes.map(({ node, unlistedConsumers }) =>
    more(unlistedConsumers, `on ${node}, of all caches`)
  ).join('')
  if (rows.length === 0) {
    return unlisted === '' ? '' : `consumers in the processes of nodes\n${unlisted}`
  }
  return [
    'consumers in the processes of nodes\n',
    table(
      ['node', 'cache', 'consumer group', 'phase', 'for', 'dirty shards', 'behind',
        'groups without holder', 'delivered', 'uncommitted', 'last delivery', 'last commit',
        'last error'],
      rows
    ),
    unlisted
  ].join('')
}

/** The consumer groups with committed cursors, and in how many shards of which node. */
export function describeConsumerGroups (
  nodes: ReadonlyArray<{ readonly node: string, readonly status: CacheStatus }>
): string {
  const byName = new Map<string, string[]>()
  for (const { node, status } of nodes) {
    for (const { name, shards } of status.consumerGroups) {
      byName.set(name, [...byName.get(name) ?? [], `${node} ${shards}`])
    }
  }
  if (byName.size === 0) return ''
  return [
    '\n',
    table(
      ['consumer group', 'shards with a committed cursor'],
      [...byName].sort(([a], [b]) => a < b ? -1 : 1).map(([name, held]) => [name, held.join(', ')])
    ),
    ...nodes.map(({ node, status }) => more(status.unlistedConsumerGroups, `on ${node}`))
  ].join('')
}

function more (count: number, where: string): string {
  return count === 0 ? '' : `and ${count} more ${where}\n`
}

function ago (ms: number | null): string {
  return ms === null ? 'never' : `${age(ms)} ago`
}

function age (ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`
}
