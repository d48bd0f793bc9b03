/**
 * `millpond status`: what every node says of itself, as a table for people or, with --json,
 * complete.
 *
 * A node that does not answer is named and does not fail the command: status is needed most when
 * nodes are silent.
 */
import type { MillpondClient } from '../../node/connect.js'
import type { CacheStatus, NodeStatus } from '../../pubsub/requests/status-protocol.js'
import { withClient, type ClusterFlags } from '../cluster.js'
import { EXIT } from '../failure.js'
import { askMembers, type MembersAnswer } from '../members.js'
import { writeNdjson } from '../output.js'
import { table } from '../table.js'
import { describeConsumerGroups, describeConsumers } from '../status-consumers.js'

export interface StatusFlags extends ClusterFlags {
  readonly cache?: string
  readonly json?: boolean
}

interface ClusterStatus extends MembersAnswer {
  readonly cluster: string
}

export async function runStatus (flags: StatusFlags): Promise<number> {
  const status = await withClient(flags, client => ask(client, flags))
  if (flags.json === true) {
    await writeNdjson([status])
  } else {
    process.stdout.on('error', () => {}) // the reader has left
    process.stdout.write(describeStatus(status))
  }
  return EXIT.ok
}

async function ask (
  client: MillpondClient,
  { cluster, cache }: StatusFlags
): Promise<ClusterStatus> {
  // says which caches there are when there is none of this name
  if (cache !== undefined) client.cache(cache)
  const { nodes, unanswered } = await askMembers(client)
  return {
    cluster,
    nodes: cache === undefined
      ? nodes
      : nodes.map(node => ({
        ...node,
        caches: pick(node.caches, cache),
        consumers: node.consumers.filter(consumer => consumer.cache === cache)
      })),
    unanswered
  }
}

function pick (caches: NodeStatus['caches'], cache: string): NodeStatus['caches'] {
  const found = caches[cache]
  return found === undefined ? {} : { [cache]: found }
}

export function describeStatus ({ cluster, nodes, unanswered }: ClusterStatus): string {
  const names = [...new Set(nodes.flatMap(({ caches }) => Object.keys(caches)))].sort()
  const parts = [`cluster ${cluster}: ${nodes.map(({ node }) => node).join(', ')}\n`]
  for (const { node, problem } of unanswered) parts.push(`${node} does not answer: ${problem}\n`)
  parts.push(nodes.map(describeTiming).join(''))
  for (const name of names) {
    parts.push(describeCache(
      name,
      nodes.flatMap(({ node, members, caches }) =>
        caches[name] === undefined ? [] : [{ node, members, status: caches[name] }]
      )
    ))
  }
  parts.push(describeConsumers(nodes))
  return parts.filter(part => part !== '').join('\n')
}

/** A line where a node does not go by its own timing; nothing where it does, or does not say. */
function describeTiming ({ node, timing }: NodeStatus): string {
  if (timing === undefined) return ''
  const { heartbeatMs, failureTimeoutMs, configured } = timing
  const isOwn = heartbeatMs === configured.heartbeatMs &&
    failureTimeoutMs === configured.failureTimeoutMs
  return isOwn
    ? ''
    : `${node} goes by slower nodes: heartbeat ${heartbeatMs} ms, failure timeout ` +
      `${failureTimeoutMs} ms; its own timing is ${configured.heartbeatMs} ms, ` +
      `${configured.failureTimeoutMs} ms\n`
}

interface Held {
  readonly node: string
  readonly members: readonly string[]
  readonly status: CacheStatus
}

function describeCache (cache: string, nodes: readonly Held[]): string {
  const first = nodes[0]?.status
  const rows = nodes.map(({ node, members, status }) => [
    node,
    String(members.length),
    String(status.records),
    String(status.held.length),
    String(status.held.filter(({ phase }) => phase !== 'ready').length),
    String(status.lag),
    String(status.held.reduce((sum, { sequence }) => sum + sequence, 0)),
    String(status.unstoredBytes)
  ])
  const placements = new Map<string, number>()
  for (const owners of ownersOf(nodes).values()) {
    placements.set(owners, (placements.get(owners) ?? 0) + 1)
  }
  return [
    `cache ${cache}: ${first?.shards} shards in ${first?.groups} groups, ` +
    `${first?.replicas} replicas; ${differing(nodes)}\n`,
    table(
      ['node', 'sees', 'records', 'groups', 'not ready', 'lag', 'published', 'unstored bytes'],
      rows
    ),
    '\n',
    table(
      ['owners', 'groups'],
      [...placements].sort(([a], [b]) => a < b ? -1 : 1).map((
        [owners, groups]
      ) => [owners, String(groups)])
    ),
    ...nodes.flatMap(({ node, status }) => proof(node, status)),
    ...nodes.flatMap(({ node, status }) => unreadable(node, status)),
    describeConsumerGroups(nodes)
  ].join('')
}

/** What a node waits for, and what it had to go on without. */
function proof (node: string, { waitsFor, lostGroups }: CacheStatus): string[] {
  return [
    ...waitsFor === undefined ? [] : [`${node} is not ready: ${waitsFor}\n`],
    ...lostGroups.length === 0
      ? []
      : [`${node} went on without stores that had held placement groups ${lostGroups.join(', ')}\n`]
  ]
}

/** A line for each shard that waits for an upgrade of its node. */
function unreadable (
  node: string,
  { unreadable: shards, unlistedUnreadable }: CacheStatus
): string[] {
  const lines = shards.map(({ shard, key, field, code }) =>
    `${node} has to be upgraded for shard ${shard}: a newer release wrote ${
      field === undefined ? '' : `field ${JSON.stringify(field)} of kind ${code} in `
    }record ${JSON.stringify(key)}\n`
  )
  if (unlistedUnreadable > 0) {
    lines.push(`${node} has to be upgraded for ${unlistedUnreadable} more shards\n`)
  }
  return lines.length === 0 ? [] : ['\n', ...lines]
}

/** Per group the owners, as its holders see them. */
function ownersOf (nodes: readonly Held[]): Map<number, string> {
  return new Map(
    nodes.flatMap(({ status }) =>
      status.held.map(({ group, owners }): [number, string] => [group, owners.join(', ')])
    )
  )
}

/**
 * Whether the replicas are the same by their digests. While writes come in they are a few
 * milliseconds apart.
 */
function differing (nodes: readonly Held[]): string {
  const roots = new Map<number, Set<string>>()
  for (const { status } of nodes) {
    for (const { group, root, phase } of status.held) {
      if (phase === 'ready') roots.set(group, (roots.get(group) ?? new Set<string>()).add(root))
    }
  }
  const different = [...roots.values()].filter(({ size }) => size > 1).length
  return different === 0 ? 'replicas are identical' : `replicas differ in ${different} groups`
}
