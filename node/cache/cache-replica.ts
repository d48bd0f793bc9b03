/**
 * One cache on one node, from its store up: opens the store, reads back what it has, and wires
 * shards to replication.
 */
import { join } from 'node:path'
import { ConfigConflictError, StoreError } from '../../engine/errors.js'
import type { HybridClock } from '../../engine/base/hlc.js'
import type { Ports } from '../../engine/ports.js'
import { HintPublisher } from '../../pubsub/hints/hints.js'
import type { CacheStatus } from '../../pubsub/requests/status-protocol.js'
import type { OnEvent } from '../../replication/events.js'
import type { CacheShape } from '../../replication/membership/cache-shape.js'
import type { Membership } from '../../replication/membership/membership.js'
import type { Messenger } from '../../replication/messages/messenger.js'
import type { Place } from '../../replication/membership/placement.js'
import { Replicator } from '../../replication/replicator.js'
import type { Subjects } from '../../replication/messages/subjects.js'
import { openMemoryStore } from '../../storage/stores/memory-store.js'
import { Persister } from '../../storage/write-behind/persister.js'
import { ShardSet } from '../../storage/shard-set.js'
import { openSqliteStore } from '../../storage/stores/sqlite-store.js'
import type { Store } from '../../storage/store.js'
import type { CheckedNodeConfig } from '../config.js'
import type { OnMillpondEvent } from '../events.js'

export interface CacheReplicaOptions {
  readonly cache: string
  readonly shape: CacheShape
  readonly config: CheckedNodeConfig
  readonly self: Place & { readonly incarnation: number }
  readonly store: Store
  readonly clock: HybridClock
  readonly membership: Membership
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly ports: Ports
  readonly onEvent: OnMillpondEvent
}

/**
 * Opens a cache's store and checks that it belongs to this cluster and has its shape.
 * @throws StoreError; ConfigConflictError naming what differs
 */
export async function openStore (
  config: CheckedNodeConfig,
  cache: string,
  shape: CacheShape,
  open?: (cache: string) => Store
): Promise<Store> {
  const store = open !== undefined
    ? open(cache)
    : config.dataDir === undefined
    ? openMemoryStore()
    : openSqliteStore({
      path: join(config.dataDir, `${cache}.sqlite`),
      durability: config.durability
    })
  const facts = {
    cluster: config.cluster,
    cache,
    shards: String(shape.shards),
    groups: String(shape.groups)
  }
  try {
    for (const [name, wanted] of Object.entries(facts)) {
      const stored = store.getMeta(name)
      if (stored === undefined) store.setMeta(name, wanted)
      else if (stored !== wanted) {
        throw new ConfigConflictError(
          `${name} ${wanted} contradicts the data in ${
            config.dataDir ?? 'memory'
          }, which was written with ${name} ${stored}: use ${stored}, or another data directory`
        )
      }
    }
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

/** An id no other process life has: the Yjs client id, so 32 bits and not 0. */
export function drawIncarnation (ports: Ports): number {
  return ports.random.uint32() || 1
}

export class CacheReplica {
  readonly replicator: Replicator
  readonly #store: Store
  readonly #persister: Persister
  readonly #hints: HintPublisher

  constructor (options: CacheReplicaOptions) {
    const {
      cache,
      shape,
      config,
      self,
      store,
      clock,
      membership,
      messenger,
      subjects,
      ports,
      onEvent
    } = options
    const { flushIntervalMs, hintIntervalMs, storeIntervalMs, requestTimeoutMs } = config.timing
    const indexes = config.caches[cache]?.indexes
    const ofCache: OnEvent = event => onEvent(event)
    this.#store = store
    this.#persister = new Persister({
      store,
      timers: ports.timers,
      flushIntervalMs: storeIntervalMs,
      onEvent: event => onEvent({ ...event, cache })
    })
    this.#hints = new HintPublisher({
      cache,
      node: self.id,
      messenger,
      subjects,
      timers: ports.timers,
      hintIntervalMs
    })
    this.replicator = new Replicator({
      cache,
      shape,
      self,
      membership,
      messenger,
      subjects,
      ports,
      persister: this.#persister,
      flushIntervalMs,
      requestTimeoutMs,
      tombstones: config.timing,
      onEvent: ofCache,
      createShards: ({ topology, onDelta, onPending }) =>
        new ShardSet({
          topology,
          incarnation: self.incarnation,
          drawIncarnation: () => drawIncarnation(ports),
          clock,
          persister: this.#persister,
          onDelta,
          onPending,
          ...indexes === undefined ? {} : { indexes },
          onChange: shard => this.#hints.changed(shard),
          onEvent: event => onEvent({ ...event, cache })
        })
    })
    this.#load(self.incarnation)
  }

  #load (incarnation: number): void {
    const { shards, held, topology } = this.replicator
    for (const shard of shards.load(this.#store)) {
      if (shards.known(shard).has(incarnation)) {
        throw new StoreError(
          `incarnation id ${incarnation} was drawn before, one chance in four billion: start the ` +
            'node again'
        )
      }
      held.restore(topology.groupOf(shard))
    }
  }

  get unstoredBytes (): number {
    return this.#persister.unstoredBytes
  }

  status (): CacheStatus {
    const { shards, held, shape, lag } = this.replicator
    return {
      ...shape,
      ...shards.counts(),
      lag,
      unstoredBytes: this.#persister.unstoredBytes,
      held: held.all.map(group => ({
        group,
        phase: held.phase(group) ?? 'syncing',
        owners: [...held.owners(group)],
        sequence: this.replicator.sequence(group),
        root: shards.root(group)
      }))
    }
  }

  /** Publishes the last deltas and hints, and takes nothing more. */
  stop (): void {
    this.replicator.close()
    this.#hints.close()
  }

  /**
   * Makes everything durable and lets go of the files. @throws StoreError when it could not be
   * stored
   */
  async close (): Promise<void> {
    try {
      await this.#persister.close()
    } finally {
      await this.#store.close()
    }
  }
}
