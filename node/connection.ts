/**
 * What a node and a client have in common: a connection, a view of the cluster, and caches over
 * both.
 */
import { ConfigError } from '../engine/errors.js'
import type { HybridClock } from '../engine/base/hlc.js'
import type { Limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import { writeBatchDelayMs, type Timing } from '../engine/timing.js'
import type { Membership } from '../replication/membership/membership.js'
import type { Messenger } from '../replication/messages/messenger.js'
import { connectNats } from '../replication/transport/nats/nats-transport.js'
import type { Replicator } from '../replication/replicator.js'
import { Router } from '../replication/membership/router.js'
import type { Subjects } from '../replication/messages/subjects.js'
import type { Transport } from '../replication/transport/transport.js'
import { WriteForwarder } from '../replication/writes/write-forwarder.js'
import { LiveConsumers } from '../pubsub/consumer/live-consumers.js'
import { RequestClient } from '../pubsub/requests/request-client.js'
import { Cache } from './cache/cache.js'
import { FieldKinds, type Schema } from './cache/cache-schema.js'
import type { CheckedClientConfig } from './config.js'
import type { OnMillpondEvent } from './events.js'

/**
 * Connects nodes and clients in place of NATS: createNetwork() within one process, or a Transport
 * of one's own (millpond/adapters), dialled in `connect`.
 */
export interface Network {
  /**
   * A new connection, which its node or client closes. `name` is that of the node or client;
   * `onProblem` hears of exceptions in message handlers, and of troubles that no call reports.
   * @throws ConfigConflictError when the name is taken; ConnectionError when it cannot connect
   */
  connect(
    name: string,
    options: { readonly onProblem: (error: unknown) => void }
  ): Transport | Promise<Transport>
}

export interface ConnectionOptions {
  readonly limits: Limits
  readonly nats: CheckedClientConfig['nats']
  readonly network: Network | undefined
  readonly name: string
  readonly ports: Ports
  readonly onEvent: OnMillpondEvent
}

/**
 * @throws ConnectionError when the server cannot be reached, naming it and the fix; ConfigError
 * when there is nothing to connect to; ConfigConflictError when the name is taken
 */
export async function openTransport (
  { nats, network, name, limits, ports, onEvent }: ConnectionOptions
): Promise<Transport> {
  const onProblem = (error: unknown) => onEvent({ type: 'connection-problem', error })
  if (nats !== undefined) {
    const { servers, user, pass, token, tls } = nats
    return await connectNats({
      servers,
      name,
      limits,
      timers: ports.timers,
      random: ports.random,
      onProblem,
      ...user === undefined ? {} : { user },
      ...pass === undefined ? {} : { pass },
      ...token === undefined ? {} : { token },
      ...tls === undefined
        ? {}
        : {
          tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
        }
    })
  }
  if (network === undefined) {
    throw new ConfigError(
      'nats: give the servers to connect to, or an in-process network to share with the nodes'
    )
  }
  return await network.connect(name, { onProblem })
}

export interface CachesOptions {
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly membership: Membership
  readonly ports: Ports
  readonly clock: HybridClock
  readonly timing: Timing
  readonly limits: Limits
  readonly onEvent: OnMillpondEvent
  /** The node these caches live on. */
  readonly self?: {
    readonly id: string,
    readonly incarnation: number,
    readonly replicators: ReadonlyMap<string, Replicator>,
    readonly answer: (request: unknown) => unknown
  }
}

/** Makes caches on demand, each once, and closes them together. */
export class Caches {
  readonly requests: RequestClient
  /** The consumers that run on this node or client right now. */
  readonly consumers = new LiveConsumers()
  readonly #options: CachesOptions
  readonly #caches = new Map<
    string,
    { readonly cache: Cache, readonly forwarder: WriteForwarder, readonly kinds: FieldKinds }
  >()

  constructor (options: CachesOptions) {
    this.#options = options
    const { messenger, subjects, ports, timing, self } = options
    this.requests = new RequestClient({
      messenger,
      subjects,
      ports,
      timeoutMs: timing.requestTimeoutMs,
      ...self === undefined ? {} : { self }
    })
  }

  /** @throws ConfigError when the schema is none, or contradicts what was declared before */
  get<S extends Schema> (name: string, schema?: S): Cache<S> {
    const { cache, kinds } = this.#caches.get(name) ?? this.#make(name)
    if (schema !== undefined) kinds.declare(schema)
    return cache as unknown as Cache<S> // the types are all that a schema adds to it
  }

  #make (name: string): { readonly cache: Cache, readonly kinds: FieldKinds } {
    const { messenger, subjects, membership, ports, clock, timing, limits, onEvent, self } =
      this.#options
    const local = self?.replicators.get(name)
    const router = new Router({
      membership,
      cache: name,
      ...local === undefined || self === undefined
        ? {}
        : {
          shape: local.shape,
          self: {
            id: self.id,
            incarnation: self.incarnation,
            topology: local.topology,
            phase: group => local.held.phase(group),
            root: group => local.shards.root(group)
          }
        }
    })
    const forwarder = new WriteForwarder({
      cache: name,
      router,
      messenger,
      subjects,
      ports,
      batchDelayMs: writeBatchDelayMs(timing),
      requestTimeoutMs: timing.requestTimeoutMs
    })
    const kinds = new FieldKinds(name, limits)
    const cache = new Cache({
      name,
      kinds,
      clock,
      ports,
      limits,
      router,
      forwarder,
      readers: {
        router,
        requests: this.requests,
        ports,
        limits,
        messenger,
        subjects,
        pace: () => membership.pace,
        onEvent,
        consumers: this.consumers
      },
      onWriteFailed: (cacheName, key, error) =>
        onEvent({ type: 'write-failed', cache: cacheName, key, error }),
      ...local === undefined ? {} : { local }
    })
    const made = { cache, forwarder, kinds }
    this.#caches.set(name, made)
    return made
  }

  /** Writes sent to owners and not answered for yet, over all caches. */
  get writesOnTheirWay (): number {
    let count = 0
    for (const { forwarder } of this.#caches.values()) count += forwarder.onTheirWay
    return count
  }

  /** Takes no more writes, and resolves when those on their way arrived or failed. */
  async close (): Promise<void> {
    for (const { cache } of this.#caches.values()) cache.close()
    await Promise.all([...this.#caches.values()].map(async ({ forwarder }) => {
      await forwarder.idle()
      forwarder.close()
    }))
  }
}
