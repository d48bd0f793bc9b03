/**
 * The demo's cluster: nodes that share a network inside this process, every one with a copy of
 * everything.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { intervals } from '../../engine/timing.js'
import { connect, type MillpondClient } from '../../node/connect.js'
import { createNetwork } from '../../node/network.js'
import type { MillpondNode } from '../../node/local-node.js'
import { openNode } from '../../node/open-node.js'
import type { CacheStatus } from '../../pubsub/requests/status-protocol.js'

export const CACHE = 'market'
const CLUSTER = 'demo'
const NAMES = ['a', 'b', 'c']

export interface DemoCluster {
  readonly nodes: readonly MillpondNode[]
  readonly client: MillpondClient
  close(): Promise<void>
}

export async function openCluster (): Promise<DemoCluster> {
  const network = createNetwork()
  const nodes = await Promise.all(NAMES.map(name =>
    openNode({
      cluster: CLUSTER,
      name,
      caches: { [CACHE]: { shards: 64, groups: 16, replicas: NAMES.length } },
      timing: { joinWaitMs: intervals.demoJoinWaitMs }
    }, { network })
  ))
  while (!nodes.every(isReady)) await sleep(intervals.demoPollMs)
  const client = await connect({ cluster: CLUSTER }, { network })
  return {
    nodes,
    client,
    async close () {
      await client.close()
      await Promise.all(nodes.map(node => node.close()))
    }
  }
}

function cacheOf (node: MillpondNode): CacheStatus {
  const status = node.status().caches[CACHE]
  if (status === undefined) throw new Error(`${node.name} does not run ${CACHE}`)
  return status
}

function isReady (node: MillpondNode): boolean {
  const { held, groups } = cacheOf(node)
  return node.status().members.length === NAMES.length && held.length === groups &&
    held.every(({ phase }) => phase === 'ready')
}

/**
 * Placement groups whose digests are not the same on all nodes. A digest covers every entry of a
 * replica.
 */
export function differingGroups (nodes: readonly MillpondNode[]): number {
  const statuses = nodes.map(cacheOf)
  let different = 0
  for (let group = 0; group < (statuses[0]?.groups ?? 0); group++) {
    const roots = new Set(statuses.map(({ held }) => held.find(of => of.group === group)?.root))
    if (roots.size !== 1 || roots.has(undefined)) different++
  }
  return different
}

/** Whether nothing published is left to be merged, and all replicas are the same. */
export function isConverged (nodes: readonly MillpondNode[]): boolean {
  return nodes.every(node => cacheOf(node).lag === 0) && differingGroups(nodes) === 0
}

export function countRecords (nodes: readonly MillpondNode[]): number {
  return Math.max(...nodes.map(node => cacheOf(node).records))
}
