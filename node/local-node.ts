/**
 * A node as its program sees it, and the questions that it answers for others.
 *
 *   join: listen for others (conflicts are found here) -> load -> serve -> first heartbeat
 *   close: take no more writes -> publish -> goodbye -> make durable -> disconnect
 */
import { describe } from '../engine/base/plain.js'
import type { CallOptions } from '../engine/calls/call.js'
import { everyStepAtOnce, everyStepInTurn } from '../engine/base/every-step.js'
import { ConfigError, NameTakenError, UnavailableError } from '../engine/errors.js'
import { HybridClock } from '../engine/base/hlc.js'
import { Topology } from '../engine/topology/topology.js'
import { turnsOf } from '../engine/turns.js'
import type { CacheShape } from '../replication/membership/cache-shape.js'
import { Membership } from '../replication/membership/membership.js'
import type { Place } from '../replication/membership/placement.js'
import type { Replicator } from '../replication/replicator.js'
import type { Subscription } from '../replication/transport/transport.js'
import { WriteServer } from '../replication/writes/write-server.js'
import type { NodeStatus } from '../pubsub/requests/status-protocol.js'
import { RequestServer } from '../pubsub/requests/answer/request-server.js'
import type { Cache } from './cache/cache.js'
import type { Schema } from './cache/cache-schema.js'
import { CacheReplica } from './cache/cache-replica.js'
import { drawIncarnation } from './incarnation.js'
import type { OpenedStore } from './cache/open-store.js'
import { assertCacheName, Caches } from './caches.js'
import type { CheckedNodeConfig } from './config.js'
import type { MillpondEvent } from './events.js'
import type { Inside } from './inside.js'
import { assertFits, listen } from './joining.js'
import type { NodeContext } from './node-context.js'
import { Readiness } from './readiness.js'
import { undoAll } from './undoing.js'

export interface MillpondNode {
  readonly name: string
  /**
   * @param schema which kind each field is: a field used as another kind is then a KindError of the
   *   call itself, and the calls have types. One per cache and process; a call without one gets the
   *   cache as it was declared. Default: fields become what they are used as
   * @throws TypeError on a name that is no text; ConfigError when this node does not run the cache,
   *   or the schema contradicts an earlier one
   */
  cache<const S extends Schema = Schema>(name: string, schema?: S): Cache<S>
  /** Members, caches, placement groups and consumers as this node sees them now. */
  status(): NodeStatus
  /** The status of a node. @throws TypeError; rejects with TimeoutError, UnavailableError */
  statusOf(node: string, options?: CallOptions): Promise<NodeStatus>
  /**
   * Resolves once this node has all that it should hold. Until then it refuses some reads and
   * operations, which other nodes answer. Wait for it before the next node is stopped.
   * @param options default: it waits for as long as that takes
   * @throws TypeError; rejects with TimeoutError, which says what is missing, AbortedError,
   *   ClosedError
   */
  whenReady(options?: CallOptions): Promise<void>
  /**
   * Resolves when the node has closed: with undefined where close was called, or with the reason
   * for which it closed by itself, a NameTakenError.
   */
  readonly ended: Promise<NameTakenError | undefined>
  /** What the node waits for before it is ready, in words; undefined when it is ready. */
  readonly waitsFor: string | undefined
  /**
   * Flushes, hands its placement groups over to the nodes that stay, for at most
   * `timing.drainTimeoutMs` (8000), says goodbye, makes everything durable and disconnects. A
   * second call waits for the first.
   * @throws StoreError when something could not be made durable
   */
  close(): Promise<void>
}

/** Settings and store of each cache that a node runs, by name. */
export type OwnCaches = ReadonlyMap<
  string,
  OpenedStore & { readonly shape: CacheShape }
>

export class LocalNode implements MillpondNode {
  readonly name: string
  readonly ended: Promise<NameTakenError | undefined>
  readonly #config: CheckedNodeConfig
  readonly #own: OwnCaches
  readonly #context: NodeContext
  readonly #self: Place & { readonly incarnation: number }
  readonly #clock: HybridClock
  readonly #membership: Membership
  readonly #replicas = new Map<string, CacheReplica>()
  readonly #replicators = new Map<string, Replicator>()
  readonly #caches: Caches
  readonly #requestServer: RequestServer
  readonly #readiness: Readiness
  /** The name that other nodes know this one by. */
  #id: string
  /** What they ask of the name. */
  #served: Subscription[] = []
  #isLeaving = false
  #lost: NameTakenError | undefined
  #end: (why: NameTakenError | undefined) => void = () => {}
  #closing: Promise<void> | undefined

  constructor (name: string, config: CheckedNodeConfig, own: OwnCaches, context: NodeContext) {
    const { limits, ports } = context
    const { weight, zone } = config
    this.name = name
    this.ended = new Promise(resolve => {
      this.#end = resolve
    })
    this.#config = config
    this.#own = own
    this.#context = context
    const incarnation = drawIncarnation(ports)
    const weightNow = (): number => this.#isLeaving ? 0 : weight
    const idNow = (): string => this.#id
    this.#id = name
    this.#self = {
      get id () {
        return idNow()
      },
      incarnation,
      get weight () {
        return weightNow()
      },
      ...zone === undefined ? {} : { zone }
    }
    this.#membership = new Membership(context, {
      get id () {
        return idNow()
      },
      incarnation,
      onNameLost: other => this.#giveWay(other),
      describe: () => ({
        weight: weightNow(),
        ...zone === undefined ? {} : { zone },
        caches: Object.fromEntries(
          [...this.#replicators].map(([cache, replicator]) => [cache, replicator.describe()])
        )
      })
    })
    this.#clock = new HybridClock(ports.clock, limits, this.#membership.time)
    this.#readiness = new Readiness(ports.timers, () => this.waitsFor)
    this.#requestServer = new RequestServer({
      replicatorOf: cache => this.#replicatorOf(cache),
      status: () => this.status(),
      limits
    })
    this.#caches = new Caches(context, this.#membership, this.#clock, {
      id: name,
      incarnation,
      replicators: this.#replicators,
      answer: request => this.#requestServer.answer(request)
    })
  }

  get inside (): Inside {
    return {
      messenger: this.#context.messenger,
      membership: this.#membership,
      caches: this.#caches,
      replicas: this.#replicas
    }
  }

  /** @throws ConfigConflictError, StoreError; the node is then to be abandoned */
  async join (): Promise<void> {
    await listen(this.#context, this.#membership)
    this.#assertFits()
    await this.#load()
    this.#assertFits() // others may have joined meanwhile
    // From here on nothing can refuse this node.
    for (const { writeSettings } of this.#own.values()) writeSettings()
    for (const replica of this.#replicas.values()) replica.hold()
    this.#serve()
    for (const replicator of this.#replicators.values()) replicator.start()
    this.#membership.start()
    this.#readiness.look()
  }

  #assertFits (): void {
    assertFits(
      {
        name: this.name,
        cluster: this.#config.cluster,
        shapes: new Map([...this.#own].map(([cache, { shape }]) => [cache, shape]))
      },
      this.#membership
    )
  }

  async #load (): Promise<void> {
    for (const [cache, { shape, store, identity }] of this.#own) {
      const context = {
        ...this.#context,
        onEvent: (event: MillpondEvent) => {
          this.#context.onEvent(event)
          if (event.type === 'group-phase') this.#readiness.look()
        },
        cache,
        shape,
        topology: new Topology(shape),
        self: this.#self,
        store: identity,
        expectNodes: this.#config.expectNodes,
        membership: this.#membership
      }
      const indexes = this.#config.caches[cache]?.indexes
      const replica = new CacheReplica(context, { store, clock: this.#clock, indexes })
      this.#replicas.set(cache, replica) // before it loads: one that cannot is abandoned as well
      this.#replicators.set(cache, replica.replicator)
      await replica.load()
    }
  }

  #servePeers (): Subscription {
    const { messenger, subjects } = this.#context
    return messenger.serve(
      subjects.peerAll(this.#id),
      question => this.#replicatorOf(cacheOf(question)).peerServer.answer(question)
    )
  }

  #serve (): void {
    const { messenger, subjects, onEvent } = this.#context
    const writes = new WriteServer({
      incarnation: this.#self.incarnation,
      replicatorOf: cache => this.#replicatorOf(cache),
      clock: this.#clock,
      limits: this.#context.limits
    })
    const turns = turnsOf(this.#context.ports)
    this.#served = [
      this.#servePeers(),
      messenger.serve(
        subjects.writes(this.name),
        (batch, _, request) => writes.take(batch, request)
      ),
      // Many may come in one turn, and each may read thousands of records.
      messenger.serve(
        subjects.requests(this.name),
        request => turns.run(() => this.#requestServer.answer(request))
      )
    ]
    messenger.transport.onConnection(connected => {
      onEvent({ type: 'connection', connected })
      if (!connected) return
      this.#membership.hello() // the next heartbeats show which messages were lost meanwhile
      this.#membership.beatSoon()
    })
  }

  #replicatorOf (cache: string): Replicator {
    const replicator = this.#replicators.get(cache)
    if (replicator === undefined) {
      throw new UnavailableError(`${this.name} does not run cache ${JSON.stringify(cache)}`)
    }
    return replicator
  }

  cache<const S extends Schema = Schema> (name: string, schema?: S): Cache<S> {
    assertCacheName(name)
    if (!this.#replicators.has(name)) {
      throw new ConfigError(
        `cache ${describe(name)} is not one this node runs (${
          [...this.#replicators.keys()].join(', ')
        }); add it to caches`
      )
    }
    return this.#caches.get(name, schema)
  }

  status (): NodeStatus {
    const { limits: { maxStatusItems }, timing: configured } = this.#context
    const { consumers } = this.#caches
    const { pace } = this.#membership
    return {
      node: this.name,
      incarnation: this.#self.incarnation,
      members: [this.name, ...this.#membership.members.keys()].sort(),
      timing: {
        heartbeatMs: pace.heartbeatMs,
        failureTimeoutMs: pace.failureTimeoutMs,
        configured: {
          heartbeatMs: configured.heartbeatMs,
          failureTimeoutMs: configured.failureTimeoutMs
        }
      },
      caches: Object.fromEntries(
        [...this.#replicas].map(([cache, replica]) => [cache, replica.status()])
      ),
      consumers: consumers.status(maxStatusItems),
      unlistedConsumers: Math.max(0, consumers.size - maxStatusItems)
    }
  }

  get waitsFor (): string | undefined {
    if (this.#closing !== undefined) return `${this.name} is closing`
    for (const { lack } of this.#replicators.values()) if (lack !== undefined) return lack
    return undefined
  }

  whenReady (options: CallOptions = {}): Promise<void> {
    return this.#readiness.when(options)
  }

  statusOf (node: string, options?: CallOptions): Promise<NodeStatus> {
    return this.#caches.statusOf(node, options)
  }

  close (): Promise<void> {
    this.#readiness.close()
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    const { messenger } = this.#context
    const replicas = [...this.#replicas.values()]
    const ended = everyStepInTurn([
      () => this.#caches.close(),
      () => this.#drain(),
      ...replicas.map(replica => () => replica.stop()),
      () => this.#membership.close(),
      () => everyStepAtOnce(replicas.map(replica => () => replica.close())),
      () => messenger.close(),
      () => messenger.transport.close()
    ])
    await ended.finally(() => this.#end(this.#lost))
  }

  /**
   * Another process has the name (SPEC R17). What was taken here may be nowhere else: this node
   * goes on under a name that nobody has, only to hand it over, and closes.
   */
  #giveWay (incarnation: number): void {
    if (this.#lost !== undefined || this.#closing !== undefined) return
    this.#lost = new NameTakenError(
      `another process began later under the name ${this.name}, so this one handed over what it ` +
        'had and closed; end one of the two, or give it another name'
    )
    this.#context.onEvent({ type: 'name-lost', node: this.name, incarnation })
    for (const subscription of this.#served) subscription.close()
    this.#id = `${this.name.slice(0, 50)}-${this.#self.incarnation.toString(36)}`
    this.#served = [this.#servePeers()]
    this.#isLeaving = true
    for (const replicator of this.#replicators.values()) replicator.gaveWay()
    this.#membership.renamed()
    void this.close().catch(() => {}) // whoever calls close is told
  }

  /** Lets the others take over what this node holds (SPEC R23). */
  async #drain (): Promise<void> {
    const { timing: { drainTimeoutMs }, onEvent } = this.#context
    if (drainTimeoutMs === 0) return
    this.#isLeaving = true
    this.#membership.beatSoon()
    await everyStepAtOnce(
      [...this.#replicators].map(([cache, replicator]) => async () => {
        const groups = await replicator.drain(drainTimeoutMs, this.#lost !== undefined)
        if (groups.length > 0) onEvent({ type: 'drain-ended', cache, groups })
      })
    )
    this.#membership.beatNow()
  }

  /** Lets go after a join that failed: says and writes nothing, and lets go of all that it can. */
  async abandon (): Promise<void> {
    await undoAll([
      () => this.#membership.close(),
      ...[...this.#replicas.values()].map(replica => () => replica.abandon()),
      () => this.#context.messenger.close()
    ], this.#context.ports.timers)
  }
}

function cacheOf (question: unknown): string {
  const cache = (question as { cache?: unknown } | null)?.cache
  return typeof cache === 'string' ? cache : ''
}
