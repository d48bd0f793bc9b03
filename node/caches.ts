/** The caches of one node or client: each is made when it is asked for, over the view it shares. */
import { assertKnown } from '../engine/base/known.js'
import { describe } from '../engine/base/plain.js'
import { everyStepInTurn } from '../engine/base/every-step.js'
import { UnavailableError } from '../engine/errors.js'
import { allOf } from '../engine/calls/all-of.js'
import { CALL_OPTIONS, checkCall, type CallOptions } from '../engine/calls/call.js'
import type { HybridClock } from '../engine/base/hlc.js'
import type { Membership } from '../replication/membership/membership.js'
import type { Replicator } from '../replication/replicator.js'
import { Router } from '../replication/membership/router.js'
import { WriteForwarder } from '../replication/writes/write-forwarder.js'
import { LiveConsumers } from '../pubsub/consumer/live-consumers.js'
import { assertNodeName, RequestClient } from '../pubsub/requests/ask/request-client.js'
import type { NodeStatus } from '../pubsub/requests/status-protocol.js'
import { Cache } from './cache/cache.js'
import { FieldKinds, type Schema } from './cache/cache-schema.js'
import { drawIncarnation } from './incarnation.js'
import type { NodeContext } from './node-context.js'

const CALL: ReadonlySet<string> = new Set(CALL_OPTIONS)

/** The node that caches live on. */
export interface CachesNode {
  readonly id: string
  readonly incarnation: number
  readonly replicators: ReadonlyMap<string, Replicator>
  readonly answer: (request: unknown) => unknown
}

/** A store that nothing waits for any more. */
export interface ForgottenStore {
  readonly cache: string
  readonly id: string
  /** The node that had it. */
  readonly node: string
}

/** @throws TypeError when it can be the name of no cache at all */
export function assertCacheName (name: unknown): asserts name is string {
  if (typeof name === 'string') return
  throw new TypeError(`cache takes the name of a cache, got ${describe(name)}`)
}

/** Makes caches on demand, each once, and closes them together. */
export class Caches {
  readonly requests: RequestClient
  /** The consumers that run on this node or client right now. */
  readonly consumers = new LiveConsumers()
  readonly #context: NodeContext
  readonly #membership: Membership
  readonly #clock: HybridClock
  readonly #self: CachesNode | undefined
  readonly #caches = new Map<
    string,
    { readonly cache: Cache, readonly forwarder: WriteForwarder, readonly kinds: FieldKinds }
  >()

  /** The life of this process: operations that enter here are told by it. */
  readonly #writer: number
  #closed = false

  /** @param self absent on a client */
  constructor (
    context: NodeContext,
    membership: Membership,
    clock: HybridClock,
    self?: CachesNode
  ) {
    this.#context = context
    this.#membership = membership
    this.#clock = clock
    this.#self = self
    this.#writer = self?.incarnation ?? drawIncarnation(context.ports)
    const { messenger, subjects, ports, timing } = context
    this.requests = new RequestClient({
      messenger,
      subjects,
      ports,
      timeoutMs: timing.requestTimeoutMs,
      ...self === undefined ? {} : { self }
    })
  }

  /** @throws TypeError at once; rejects with ClosedError, TimeoutError, UnavailableError */
  statusOf (node: string, options: CallOptions = {}): Promise<NodeStatus> {
    assertNodeName(node)
    assertKnown(options, CALL, 'statusOf')
    checkCall(options)
    return this.#statusOf(node, options)
  }

  async #statusOf (node: string, options: CallOptions): Promise<NodeStatus> {
    return await this.requests.ask(node, 'status', {}, this.requests.begin(options))
  }

  /** @throws TypeError at once; rejects with ClosedError, TimeoutError, UnavailableError */
  forget (store: string, options: CallOptions = {}): Promise<ForgottenStore[]> {
    if (typeof store !== 'string' || store === '') {
      throw new TypeError(
        `forget takes the id of a store or the name of its node, got ${describe(store)}`
      )
    }
    assertKnown(options, CALL, 'forget')
    checkCall(options)
    return this.#forget(store, options)
  }

  async #forget (store: string, options: CallOptions): Promise<ForgottenStore[]> {
    this.requests.assertOpen()
    const call = this.requests.begin(options)
    const asked = [...this.#membership.members.values()].flatMap(({ id, caches }) =>
      Object.keys(caches).map(async cache =>
        (await this.requests.ask(id, 'forget', { cache, store }, call))
          .map(given => ({ ...given, cache }))
      )
    )
    if (asked.length === 0) {
      throw new UnavailableError('forget: no node that runs a cache is in view')
    }
    const given = await allOf(asked, 'other nodes gave the store up')
    return [...new Map(given.flat().map(each => [`${each.cache} ${each.id}`, each])).values()]
  }

  /**
   * A cache that is first asked for after close is made closed, as one that was asked for before.
   * @throws ConfigError when the schema is none, or contradicts an earlier declaration
   */
  get<S extends Schema> (name: string, schema?: S): Cache<S> {
    const { cache, kinds } = this.#caches.get(name) ?? this.#make(name)
    if (schema !== undefined) kinds.declare(schema)
    return cache as unknown as Cache<S> // a schema adds types to the cache, and nothing else
  }

  #make (name: string): { readonly cache: Cache, readonly kinds: FieldKinds } {
    const { messenger, subjects, ports, limits, onEvent } = this.#context
    const local = this.#self?.replicators.get(name)
    const router = this.#route(name, local)
    const forwarder = new WriteForwarder(
      { ...this.#context, cache: name },
      router,
      this.#clock,
      this.#writer
    )
    const kinds = new FieldKinds(name, limits)
    const cache = new Cache({
      name,
      kinds,
      clock: this.#clock,
      monotonic: ports.clock,
      limits,
      router,
      forwarder,
      writer: this.#writer,
      readers: {
        router,
        requests: this.requests,
        ports,
        limits,
        messenger,
        subjects,
        pace: () => this.#membership.pace,
        onEvent,
        consumers: this.consumers
      },
      onWriteFailed: (cacheName, key, error) =>
        onEvent({ type: 'write-failed', cache: cacheName, key, error }),
      ...local === undefined ? {} : { local }
    })
    if (this.#closed) cache.close()
    const made = { cache, forwarder, kinds }
    this.#caches.set(name, made)
    return made
  }

  #route (name: string, local: Replicator | undefined): Router {
    const membership = this.#membership
    const self = this.#self
    if (local === undefined || self === undefined) return new Router({ membership, cache: name })
    return new Router({
      membership,
      cache: name,
      shape: local.shape,
      self: {
        id: self.id,
        incarnation: self.incarnation,
        topology: local.topology,
        phase: group => local.held.phase(group),
        root: group => local.shards.root(group)
      }
    })
  }

  /** Writes sent to owners and not answered for yet, over all caches. */
  get writesOnTheirWay (): number {
    let count = 0
    for (const { forwarder } of this.#caches.values()) count += forwarder.onTheirWay
    return count
  }

  /**
   * Takes no more calls, and resolves when the writes on their way arrived or failed. Reads that
   * wait for an answer then fail.
   */
  async close (): Promise<void> {
    this.#closed = true
    const all = [...this.#caches.values()]
    await everyStepInTurn([
      ...all.map(({ cache }) => () => cache.close()),
      ...all.map(({ forwarder }) => () => forwarder.idle()),
      ...all.map(({ forwarder }) => () => forwarder.close()),
      () => this.requests.close()
    ])
  }
}
