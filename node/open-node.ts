/**
 * A node: holds replicas, takes writes, answers readers.
 *
 *   open stores -> connect -> listen for others (conflicts are found here) -> load -> serve
 *     -> first heartbeat
 *   close: take no more writes -> publish -> goodbye -> make durable -> disconnect
 */
import { limits as usualLimits, type Limits } from '../engine/limits.js'
import { ConfigConflictError, ConfigError, UnavailableError } from '../engine/errors.js'
import { HybridClock } from '../engine/base/hlc.js'
import { Topology } from '../engine/topology/topology.js'
import type { Ports } from '../engine/ports.js'
import { joinWaitMs } from '../engine/timing.js'
import { conflictBetween, sameShape,
  type CacheShape } from '../replication/membership/cache-shape.js'
import { Membership } from '../replication/membership/membership.js'
import { Messenger } from '../replication/messages/messenger.js'
import { settledWithin } from '../replication/messages/settled-within.js'
import type { Replicator } from '../replication/replicator.js'
import { subjectsOf } from '../replication/messages/subjects.js'
import { WriteServer } from '../replication/writes/write-server.js'
import type { NodeStatus } from '../pubsub/requests/status-protocol.js'
import { RequestServer } from '../pubsub/requests/request-server.js'
import type { Store } from '../storage/store.js'
import type { Cache } from './cache/cache.js'
import type { Schema } from './cache/cache-schema.js'
import { CacheReplica, drawIncarnation, openStore } from './cache/cache-replica.js'
import { checkNodeConfig, type CheckedNodeConfig, type NodeConfig } from './config.js'
import { Caches, openTransport, type Network } from './connection.js'
import type { Inside } from './inside.js'
import { createNetwork } from './network.js'
import type { OnMillpondEvent } from './events.js'
import { systemPorts } from './system-ports.js'

/** The parts of a node or client that tests and embedders may replace. */
export interface Wiring {
  /**
   * Connects nodes and clients without NATS: createNetwork(), or a transport of one's own. Not used
   * where the configuration has `nats`. Default: for a node a network of its own; a client needs
   * one or the other.
   */
  readonly network?: Network
  /** Time, timers and chance. Default: those of the system. */
  readonly ports?: Ports
  /** The bounds of everything in the node or client (limitsWith). Default: `limits`. */
  readonly limits?: Limits
  /**
   * Opens the store of a cache, which the node closes; a client opens none. A StoreError fails
   * openNode. Default: SQLite in `dataDir`, or memory without one.
   */
  readonly openStore?: (cache: string) => Store
  /** Hears everything the node or client reports. Default: nothing listens. */
  readonly onEvent?: OnMillpondEvent
  /** Is handed the parts of the node or client before it joins: for simulations and tests. */
  readonly onInside?: (inside: Inside) => void
}

export interface MillpondNode {
  readonly name: string
  /**
   * @param schema which kind each field is: a field used as another kind is then a KindError of the
   *   call itself, and the calls have types. One per cache and process; a call without one gets the
   *   cache as it was declared. Default: fields become what they are used as
   * @throws ConfigError when this node does not run the cache, or the schema contradicts an earlier
   *   one
   */
  cache<const S extends Schema = Schema>(name: string, schema?: S): Cache<S>
  status(): NodeStatus
  /** The status of another node. @throws TimeoutError, UnavailableError */
  statusOf(node: string): Promise<NodeStatus>
  /**
   * Flushes, says goodbye, makes everything durable and disconnects. Calling it again waits for the
   * same.
   */
  close(): Promise<void>
}

/**
 * Placement groups by default: enough to spread over many nodes, few enough for small heartbeats.
 */
const DEFAULT_GROUPS = 64

/**
 * Opens a node and joins the cluster.
 * @throws ConfigError, ConfigConflictError (settings against the cluster's or the data directory's;
 *   the name is taken), ConnectionError, StoreError
 */
export async function openNode (config: NodeConfig, wiring: Wiring = {}): Promise<MillpondNode> {
  const { limits = usualLimits, ports = systemPorts } = wiring
  const checked = checkNodeConfig(config, limits)
  const onEvent = wiring.onEvent ?? (() => {})
  const name = checked.name ?? `node-${ports.random.uint32().toString(36)}`
  const shapes = new Map(
    Object.entries(checked.caches).map((
      [cache, { shards, replicas, groups }]
    ): [string, CacheShape] => [cache, {
      shards,
      replicas,
      groups: groups ?? Math.min(shards, DEFAULT_GROUPS)
    }])
  )
  const stores = new Map<string, Store>()
  const undo: Array<() => Promise<void> | void> = []
  try {
    for (const [cache, shape] of shapes) {
      const store = await openStore(checked, cache, shape, limits, wiring.openStore)
      stores.set(cache, store)
      undo.push(() => store.close())
    }
    const network = wiring.network ??
      (checked.nats === undefined ? createNetwork(ports, limits) : undefined)
    const transport = await openTransport({
      nats: checked.nats,
      network,
      name,
      limits,
      ports,
      onEvent
    })
    undo.push(() => transport.close())
    const node = new Node({
      name,
      config: checked,
      shapes,
      stores,
      limits,
      ports,
      onEvent,
      messenger: new Messenger({ transport, ports, onEvent })
    })
    undo.push(() => node.abandon())
    wiring.onInside?.(node.inside)
    await node.join()
    return node
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

interface NodeParts {
  readonly name: string
  readonly config: CheckedNodeConfig
  readonly shapes: ReadonlyMap<string, CacheShape>
  readonly stores: ReadonlyMap<string, Store>
  readonly limits: Limits
  readonly ports: Ports
  readonly onEvent: OnMillpondEvent
  readonly messenger: Messenger
}

class Node implements MillpondNode {
  readonly name: string
  readonly #parts: NodeParts
  readonly #incarnation: number
  readonly #clock: HybridClock
  readonly #membership: Membership
  readonly #replicas = new Map<string, CacheReplica>()
  readonly #replicators = new Map<string, Replicator>()
  readonly #caches: Caches
  readonly #requestServer: RequestServer
  #closing: Promise<void> | undefined

  constructor (parts: NodeParts) {
    const { name, config, limits, ports, messenger, onEvent } = parts
    const subjects = subjectsOf(config.cluster)
    this.name = name
    this.#parts = parts
    this.#incarnation = drawIncarnation(ports)
    this.#clock = new HybridClock(ports.clock, limits)
    const context = { limits, timing: config.timing, ports, messenger, subjects, onEvent }
    this.#membership = new Membership(context, {
      id: name,
      incarnation: this.#incarnation,
      describe: () => ({
        weight: config.weight,
        ...config.zone === undefined ? {} : { zone: config.zone },
        caches: Object.fromEntries(
          [...this.#replicators].map(([cache, replicator]) => [cache, replicator.describe()])
        )
      })
    })
    this.#requestServer = new RequestServer({
      replicatorOf: cache => this.#replicatorOf(cache),
      status: () => this.status(),
      limits
    })
    this.#caches = new Caches({
      messenger,
      subjects,
      membership: this.#membership,
      ports,
      clock: this.#clock,
      timing: config.timing,
      limits,
      onEvent,
      self: {
        id: name,
        incarnation: this.#incarnation,
        replicators: this.#replicators,
        answer: request => this.#requestServer.answer(request)
      }
    })
  }

  get inside (): Inside {
    return {
      messenger: this.#parts.messenger,
      membership: this.#membership,
      caches: this.#caches,
      replicas: this.#replicas
    }
  }

  /**
   * Listens before it speaks: what contradicts the cluster is found before anything of this node
   * counts.
   */
  async join (): Promise<void> {
    const { config, shapes, stores, limits, ports, messenger, onEvent } = this.#parts
    const subjects = subjectsOf(config.cluster)
    this.#membership.hello()
    await this.#listen()
    // A process that was busy meanwhile has what it should have heard still before it: one round
    // trip brings it in.
    await settledWithin(messenger.transport.flush(), ports.timers, config.timing.requestTimeoutMs)
    if (this.#membership.takenBy !== undefined) {
      throw new ConfigConflictError(
        `node name ${this.name} is taken: another process of cluster ${config.cluster} runs ` +
          'under it; choose another name or stop that one'
      )
    }
    for (const member of this.#membership.members.values()) {
      this.#checkAgainst(member.id, member.caches)
    }
    const self = {
      id: this.name,
      incarnation: this.#incarnation,
      weight: config.weight,
      ...config.zone === undefined ? {} : { zone: config.zone }
    }
    for (const [cache, shape] of shapes) {
      const store = stores.get(cache)
      if (store === undefined) throw new Error(`no store was opened for ${cache}`)
      const context = {
        cache,
        shape,
        topology: new Topology(shape),
        self,
        limits,
        ports,
        messenger,
        subjects,
        membership: this.#membership,
        timing: config.timing,
        onEvent
      }
      const indexes = config.caches[cache]?.indexes
      const replica = new CacheReplica(context, { store, clock: this.#clock, indexes })
      this.#replicas.set(cache, replica)
      this.#replicators.set(cache, replica.replicator)
    }
    messenger.serve(
      subjects.peerAll(this.name),
      question => this.#replicatorOf(cacheOf(question)).peerServer.answer(question)
    )
    const writes = new WriteServer({
      incarnation: this.#incarnation,
      replicatorOf: cache => this.#replicatorOf(cache),
      clock: this.#clock
    })
    messenger.serve(subjects.writes(this.name), (batch, _, request) => writes.take(batch, request))
    messenger.serve(subjects.requests(this.name), request => this.#requestServer.answer(request))
    messenger.transport.onConnection(connected => {
      onEvent({ type: 'connection', connected })
      if (!connected) return
      this.#membership.hello() // what was lost meanwhile shows in the next heartbeats
      this.#membership.beatSoon()
    })
    for (const replicator of this.#replicators.values()) replicator.start()
    this.#membership.start()
  }

  /** Listens for the others for as long as their heartbeats may be apart. */
  async #listen (): Promise<void> {
    const { config: { timing }, ports: { clock, timers } } = this.#parts
    const startedMs = clock.monotonicMs()
    let leftMs = timing.joinWaitMs
    do {
      const waitMs = leftMs
      await new Promise<void>(resolve => {
        timers.after(waitMs, resolve)
      })
      leftMs = startedMs + joinWaitMs(timing, this.#membership.pace) - clock.monotonicMs()
    } while (leftMs > 0)
  }

  #checkAgainst (member: string, caches: Readonly<Record<string, CacheShape>>): void {
    for (const [cache, mine] of this.#parts.shapes) {
      const theirs = caches[cache]
      if (theirs !== undefined && !sameShape(mine, theirs)) {
        throw new ConfigConflictError(
          `cache ${cache}: ${
            conflictBetween(mine, theirs)
          } (${member}); use the cluster's settings, or another cache name`
        )
      }
    }
  }

  #replicatorOf (cache: string): Replicator {
    const replicator = this.#replicators.get(cache)
    if (replicator === undefined) {
      throw new UnavailableError(`${this.name} does not run cache ${JSON.stringify(cache)}`)
    }
    return replicator
  }

  cache<const S extends Schema = Schema> (name: string, schema?: S): Cache<S> {
    if (!this.#replicators.has(name)) {
      throw new ConfigError(
        `cache ${JSON.stringify(name)} is not one this node runs (${
          [...this.#replicators.keys()].join(', ')
        }); add it to caches`
      )
    }
    return this.#caches.get(name, schema)
  }

  status (): NodeStatus {
    const { limits: { maxStatusItems } } = this.#parts
    const { consumers } = this.#caches
    return {
      node: this.name,
      incarnation: this.#incarnation,
      members: [this.name, ...this.#membership.members.keys()].sort(),
      caches: Object.fromEntries(
        [...this.#replicas].map(([cache, replica]) => [cache, replica.status()])
      ),
      consumers: consumers.status(maxStatusItems),
      unlistedConsumers: Math.max(0, consumers.size - maxStatusItems)
    }
  }

  async statusOf (node: string): Promise<NodeStatus> {
    return await this.#caches.requests.ask(node, 'status', {})
  }

  close (): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    const { messenger } = this.#parts
    const { transport } = messenger
    await this.#caches.close()
    for (const replica of this.#replicas.values()) replica.stop()
    this.#membership.close()
    const durable = await Promise.allSettled(
      [...this.#replicas.values()].map(replica => replica.close())
    )
    messenger.close()
    await transport.close()
    for (const result of durable) if (result.status === 'rejected') throw result.reason
  }

  /** Lets go after a join that failed: nothing was written. */
  async abandon (): Promise<void> {
    for (const replica of this.#replicas.values()) {
      replica.stop()
      await replica.close()
    }
    this.#membership.close()
    this.#parts.messenger.close()
  }
}

function cacheOf (question: unknown): string {
  const cache = (question as { cache?: unknown } | null)?.cache
  return typeof cache === 'string' ? cache : ''
}
