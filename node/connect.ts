/** A client: writes, reads and consumes over the cluster's nodes, and holds nothing itself. */
import { ConfigError, UnavailableError } from '../engine/errors.js'
import type { Pace } from '../engine/timing.js'
import { HybridClock } from '../engine/base/hlc.js'
import { Membership } from '../replication/membership/membership.js'
import type { ConsumerStatus, NodeStatus } from '../pubsub/requests/status-protocol.js'
import type { Cache } from './cache/cache.js'
import type { Schema } from './cache/cache-schema.js'
import { checkClientConfig, type ClientConfig } from './config.js'
import { Caches } from './caches.js'
import { openContext } from './connection.js'
import type { NodeContext } from './node-context.js'
import { undoAll } from './undoing.js'
import { surroundingsOf, type Wiring } from './wiring.js'

export interface MillpondClient {
  /** The caches that these nodes run, sorted by name. */
  readonly caches: readonly string[]
  /** The nodes that are alive as far as this client has heard, sorted by name. */
  readonly nodes: readonly string[]
  /**
   * How often nodes are heard and after which silence one is taken for gone: the largest that one
   * of them is configured with, and not less than this client's own `timing`, if it has one.
   */
  readonly timing: Pace
  /**
   * As on a node (MillpondNode).
   * @throws ConfigError when no node runs a cache of this name, or the schema contradicts an
   *   earlier one
   */
  cache<const S extends Schema = Schema>(name: string, schema?: S): Cache<S>
  /** The consumers of this client that run right now, the longest running first. */
  readonly consumers: readonly ConsumerStatus[]
  /**
   * The status of a node. It does not know this client's consumers.
   * @throws TimeoutError, UnavailableError
   */
  statusOf(node: string): Promise<NodeStatus>
  /** Waits for writes on their way, then disconnects. A second call waits for the first. */
  close(): Promise<void>
}

/**
 * Connects to a cluster and waits until every placement group of its caches has a node to ask, or
 * connectTimeoutMs is over.
 * @throws ConfigError, ConnectionError; UnavailableError when no node answers within
 *   connectTimeoutMs
 */
export async function connect (config: ClientConfig, wiring: Wiring = {}): Promise<MillpondClient> {
  const { cluster, nats, connectTimeoutMs, timing, paceFloor, ...rest } = checkClientConfig(config)
  const surroundings = surroundingsOf(wiring, 'connect')
  const name = rest.name ?? `client-${surroundings.ports.random.uint32().toString(36)}`
  const { network } = wiring
  const context = await openContext({ cluster, name, timing, nats, network }, surroundings)
  const { messenger } = context
  const undo = [() => messenger.transport.close(), () => messenger.close()]
  try {
    const membership = new Membership(context, { paceFloor })
    undo.push(() => membership.close())
    return await joinAsClient(context, membership, { cluster, connectTimeoutMs, wiring })
  } catch (error) {
    await undoAll(undo.reverse())
    throw error
  }
}

/** The cluster a client looks for, for how long, and what its program gave it. */
interface Search {
  readonly cluster: string
  readonly connectTimeoutMs: number
  readonly wiring: Wiring
}

/** @throws UnavailableError when no node answers in time */
async function joinAsClient (
  context: NodeContext,
  membership: Membership,
  { cluster, connectTimeoutMs, wiring }: Search
): Promise<MillpondClient> {
  const { messenger, limits, ports, onEvent } = context
  const { transport } = messenger
  const caches = new Caches(context, membership, new HybridClock(ports.clock, limits))
  wiring.onInside?.({ messenger, membership, caches, replicas: new Map() })
  transport.onConnection(connected => {
    onEvent({ type: 'connection', connected })
    if (connected) membership.hello()
  })
  /** Caches that nodes ran before: during an outage, asking for one is still no mistake. */
  const known = new Set<string>()
  let closing: Promise<void> | undefined
  const close = async () => {
    await caches.close()
    membership.close()
    messenger.close()
    await transport.close()
  }
  const client: MillpondClient = {
    get caches () {
      return [
        ...new Set([...membership.members.values()].flatMap(member => Object.keys(member.caches)))
      ].sort()
    },
    get nodes () {
      return [...membership.members.keys()].sort()
    },
    get timing () {
      const { heartbeatMs, failureTimeoutMs } = membership.pace
      return { heartbeatMs, failureTimeoutMs }
    },
    cache<const S extends Schema> (cache: string, schema?: S) {
      if (!known.has(cache) && !client.caches.includes(cache)) {
        throw new ConfigError(
          `cache ${JSON.stringify(cache)} is not one cluster ${cluster} runs (${
            client.caches.join(', ') || 'none'
          })`
        )
      }
      return caches.get(cache, schema)
    },
    get consumers () {
      return caches.consumers.status()
    },
    statusOf: node => caches.requests.ask(node, 'status', {}),
    close: () => (closing ??= close())
  }
  const heard = new Promise<void>(resolve => {
    const timer = ports.timers.after(connectTimeoutMs, resolve)
    membership.onBeat(() => {
      if (!isComplete(membership)) return
      timer.cancel()
      resolve()
    })
  })
  membership.hello()
  await heard
  if (membership.members.size === 0) {
    throw new UnavailableError(
      `no node of cluster ${cluster} answered within ${connectTimeoutMs} ms: start one with this ` +
        'cluster name on the same server'
    )
  }
  for (const cache of client.caches) known.add(cache)
  return client
}

/**
 * Whether every placement group of every cache heard of has a holder: with a hole in its view, the
 * client would refuse calls that the cluster can serve.
 */
function isComplete (membership: Membership): boolean {
  const held = new Map<string, { groups: number, found: Set<number> }>()
  for (const { caches } of membership.members.values()) {
    for (const [cache, { groups, held: theirs }] of Object.entries(caches)) {
      const of = held.get(cache) ?? { groups, found: new Set() }
      for (const [group, { phase }] of theirs) if (phase !== 'syncing') of.found.add(group)
      held.set(cache, of)
    }
  }
  return held.size > 0 && [...held.values()].every(({ groups, found }) => found.size >= groups)
}
