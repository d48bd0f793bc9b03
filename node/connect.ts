/** A client: writes, reads and consumes over the cluster's nodes, and holds nothing itself. */
import { describe } from '../engine/base/plain.js'
import type { CallOptions } from '../engine/calls/call.js'
import { everyStepInTurn } from '../engine/base/every-step.js'
import { ConfigError, UnavailableError } from '../engine/errors.js'
import type { Timers } from '../engine/ports.js'
import type { Pace } from '../engine/timing.js'
import { HybridClock } from '../engine/base/hlc.js'
import { isProven } from '../replication/groups/phases.js'
import { Membership } from '../replication/membership/membership.js'
import type { ConsumerStatus, NodeStatus } from '../pubsub/requests/status-protocol.js'
import type { Cache } from './cache/cache.js'
import type { Schema } from './cache/cache-schema.js'
import { checkClientConfig, type ClientConfig } from './config.js'
import { assertCacheName, Caches, type ForgottenStore } from './caches.js'
import { openContext } from './connection.js'
import { undoAll } from './undoing.js'
import { surroundingsOf, tellInside, type Wiring } from './wiring.js'

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
   * @throws TypeError on a name that is no text; ConfigError when no node runs a cache of this
   *   name, or the schema contradicts an earlier one
   */
  cache<const S extends Schema = Schema>(name: string, schema?: S): Cache<S>
  /** The consumers of this client that run right now, the longest running first. */
  readonly consumers: readonly ConsumerStatus[]
  /**
   * The status of a node. It does not know this client's consumers.
   * @throws TypeError at once; rejects with TimeoutError, UnavailableError
   */
  statusOf(node: string, options?: CallOptions): Promise<NodeStatus>
  /**
   * Says that a store will not come back: placement groups that wait for it begin without it, and
   * what it alone had is lost (event `data-lost`). A store that runs is left alone.
   * @param store its id, or the name of its node
   * @returns the stores that were given up; none where nobody had waited for one of this name
   * @throws TypeError at once; rejects with TimeoutError, UnavailableError where a node did not
   *   answer: others may have given the store up, and forget can be called again
   */
  forget(store: string, options?: CallOptions): Promise<ForgottenStore[]>
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
  const { limits, ports, onEvent } = surroundings
  const name = rest.name ?? `client-${ports.random.uint32().toString(36)}`
  const { network } = wiring
  const context = await openContext({
    cluster,
    name,
    timing,
    nats,
    network,
    networkTimeoutMs: connectTimeoutMs
  }, surroundings)
  const { messenger } = context
  /** What is open, the last first: the order in which it is closed. */
  const open: Array<() => Promise<void> | void> = [
    () => messenger.close(),
    () => messenger.transport.close()
  ]
  try {
    const membership = new Membership(context, { paceFloor })
    open.unshift(() => membership.close())
    const clock = new HybridClock(ports.clock, limits, membership.time)
    const caches = new Caches(context, membership, clock)
    open.unshift(() => caches.close())
    tellInside(wiring, { messenger, membership, caches, replicas: new Map() })
    messenger.transport.onConnection(connected => {
      onEvent({ type: 'connection', connected })
      if (connected) membership.hello()
    })
    const client = new Client(cluster, membership, caches, () => everyStepInTurn(open))
    await heard(membership, ports.timers, connectTimeoutMs)
    if (membership.members.size === 0) {
      throw new UnavailableError(
        `no node of cluster ${cluster} answered within ${connectTimeoutMs} ms: start one with ` +
          'this cluster name on the same server'
      )
    }
    client.remember()
    return client
  } catch (error) {
    await undoAll(open, ports.timers)
    throw error
  }
}

class Client implements MillpondClient {
  readonly #cluster: string
  readonly #membership: Membership
  readonly #caches: Caches
  readonly #disconnect: () => Promise<void>
  /** Caches that nodes ran before: during an outage, asking for one is still no mistake. */
  readonly #known = new Set<string>()
  #closing: Promise<void> | undefined

  constructor (
    cluster: string,
    membership: Membership,
    caches: Caches,
    disconnect: () => Promise<void>
  ) {
    this.#cluster = cluster
    this.#membership = membership
    this.#caches = caches
    this.#disconnect = disconnect
  }

  get caches (): readonly string[] {
    const { members } = this.#membership
    return [...new Set([...members.values()].flatMap(({ caches }) => Object.keys(caches)))].sort()
  }

  get nodes (): readonly string[] {
    return [...this.#membership.members.keys()].sort()
  }

  get timing (): Pace {
    const { heartbeatMs, failureTimeoutMs } = this.#membership.pace
    return { heartbeatMs, failureTimeoutMs }
  }

  /** The caches heard of so far stay known. */
  remember (): void {
    for (const cache of this.caches) this.#known.add(cache)
  }

  cache<const S extends Schema> (name: string, schema?: S): Cache<S> {
    assertCacheName(name)
    if (!this.#known.has(name) && !this.caches.includes(name)) {
      throw new ConfigError(
        `cache ${describe(name)} is not one cluster ${this.#cluster} runs (${
          this.caches.join(', ') || 'none'
        })`
      )
    }
    return this.#caches.get(name, schema)
  }

  get consumers (): readonly ConsumerStatus[] {
    return this.#caches.consumers.status()
  }

  statusOf (node: string, options?: CallOptions): Promise<NodeStatus> {
    return this.#caches.statusOf(node, options)
  }

  forget (store: string, options?: CallOptions): Promise<ForgottenStore[]> {
    return this.#caches.forget(store, options)
  }

  close (): Promise<void> {
    this.#closing ??= this.#disconnect()
    return this.#closing
  }
}

/** Says hello, and waits until every placement group of every cache heard of has a holder. */
async function heard (membership: Membership, timers: Timers, timeoutMs: number): Promise<void> {
  const all = new Promise<void>(resolve => {
    const timer = timers.after(timeoutMs, resolve)
    membership.onBeat(() => {
      if (!isComplete(membership)) return
      timer.cancel()
      resolve()
    })
  })
  membership.hello()
  await all
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
      for (const [group, { phase }] of theirs) if (isProven(phase)) of.found.add(group)
      held.set(cache, of)
    }
  }
  return held.size > 0 && [...held.values()].every(({ groups, found }) => found.size >= groups)
}
