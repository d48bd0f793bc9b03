/**
 * Opens a node: stores first, so that data of another cluster or shape is found before anything is
 * sent; then the connection; then the node joins (local-node.ts). When a step fails, the steps
 * before it are undone.
 */
import { ConfigError } from '../engine/errors.js'
import { defaultGroups, type CacheShape } from '../replication/membership/cache-shape.js'
import { openStore, type OpenedStore } from './cache/open-store.js'
import { checkNodeConfig, type CheckedNodeConfig, type NodeConfig } from './config.js'
import { openContext } from './connection.js'
import { LocalNode, type MillpondNode } from './local-node.js'
import { createNetwork } from './network.js'
import { undoAll } from './undoing.js'
import { surroundingsOf, tellInside, type Wiring } from './wiring.js'

/**
 * Opens a node and joins the cluster.
 * @throws ConfigError, ConfigConflictError (settings against the cluster's or the data directory's;
 *   the name is taken), ConnectionError, StoreError
 */
export async function openNode (config: NodeConfig, wiring: Wiring = {}): Promise<MillpondNode> {
  const surroundings = surroundingsOf(wiring, 'openNode')
  const { limits, ports } = surroundings
  const checked = checkNodeConfig(config, limits)
  if (wiring.openStore !== undefined) assertOneStore(config)
  const { cluster, nats, timing } = checked
  const name = checked.name ?? `node-${ports.random.uint32().toString(36)}`
  const own = new Map<string, OpenedStore & { readonly shape: CacheShape }>()
  const undo: Array<() => Promise<void> | void> = []
  try {
    for (const [cache, shape] of shapesOf(checked)) {
      const opened = await openStore(checked, cache, shape, surroundings, wiring.openStore)
      own.set(cache, { ...opened, shape })
      undo.push(() => opened.store.close())
    }
    const network = wiring.network ??
      (nats === undefined ? createNetwork(ports, limits) : undefined)
    const context = await openContext({
      cluster,
      name,
      timing,
      nats,
      network,
      networkTimeoutMs: Infinity
    }, surroundings)
    undo.push(() => context.messenger.transport.close())
    const node = new LocalNode(name, checked, own, context)
    undo.push(() => node.abandon())
    tellInside(wiring, node.inside)
    await node.join()
    return node
  } catch (error) {
    await undoAll(undo.reverse(), ports.timers)
    throw error
  }
}

/** @throws ConfigError on a setting of the store that is not opened */
function assertOneStore (config: NodeConfig): void {
  for (const setting of ['dataDir', 'durability'] as const) {
    if (config[setting] === undefined) continue
    throw new ConfigError(
      `${setting} and Wiring.openStore are both given, and a node has one kind of store: leave ` +
        'one of them out'
    )
  }
}

function shapesOf ({ caches }: CheckedNodeConfig): Array<[cache: string, shape: CacheShape]> {
  return Object.entries(caches).map(([cache, { shards, replicas, groups }]) => [cache, {
    shards,
    replicas,
    groups: groups ?? defaultGroups(shards)
  }])
}
