/**
 * One cache on one node, from its store up: opens the store, reads back the shards in it, and wires
 * shards to replication.
 */
import { join } from 'node:path'
import { ConfigConflictError, StoreError } from '../../engine/errors.js'
import type { HybridClock } from '../../engine/base/hlc.js'
import type { Limits } from '../../engine/limits.js'
import type { Ports } from '../../engine/ports.js'
import type { IndexDeclaration } from '../../engine/query/query.js'
import { HintPublisher } from '../../pubsub/hints/hints.js'
import type { CacheStatus } from '../../pubsub/requests/status-protocol.js'
import type { CacheContext } from '../../replication/cache-context.js'
import type { CacheShape } from '../../replication/membership/cache-shape.js'
import { Replicator } from '../../replication/replicator.js'
import { openMemoryStore } from '../../storage/stores/memory-store.js'
import { Persister } from '../../storage/write-behind/persister.js'
import { ShardSet } from '../../storage/shard-set.js'
import { openSqliteStore } from '../../storage/stores/sqlite-store.js'
import type { Store } from '../../storage/store.js'
import type { CheckedNodeConfig } from '../config.js'
import type { OnMillpondEvent } from '../events.js'
import { openOwnStore, withCode } from '../own-adapters.js'

export interface CacheReplicaParts {
  readonly store: Store
  readonly clock: HybridClock
  /** The fields that queries can ask for. Default: none. */
  readonly indexes: IndexDeclaration | undefined
}

/** The context of replication, whose listener hears the events of storage as well. */
export interface CacheReplicaContext extends CacheContext {
  readonly onEvent: OnMillpondEvent
}

/**
 * Opens a cache's store and checks that it belongs to this cluster and has its shape.
 * @throws StoreError; ConfigConflictError naming what differs; TypeError when `open` gives no Store
 */
export async function openStore (
  config: CheckedNodeConfig,
  cache: string,
  shape: CacheShape,
  limits: Limits,
  open?: (cache: string) => Store
): Promise<Store> {
  const path = config.dataDir === undefined ? undefined : join(config.dataDir, `${cache}.sqlite`)
  const store = open !== undefined
    ? openOwnStore(open, cache)
    : path === undefined
    ? openMemoryStore()
    : openSqliteStore({ path, durability: config.durability, limits })
  const facts = {
    cluster: config.cluster,
    cache,
    shards: String(shape.shards),
    groups: String(shape.groups)
  }
  try {
    for (const [name, wanted] of Object.entries(facts)) {
      const stored = withCode(cache, () => store.getMeta(name))
      if (stored === undefined) withCode(cache, () => store.setMeta(name, wanted))
      else if (stored !== wanted) {
        const [place, other] = path === undefined
          ? ['', 'another store']
          : [` (${path})`, 'give the node another data directory']
        throw new ConfigConflictError(
          `${name} ${wanted} contradicts the data in the store of cache ${cache}${place}, which ` +
            `was written with ${name} ${stored}: use ${stored}, or ${other}`
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
  readonly #limits: Limits

  constructor (
    context: CacheReplicaContext,
    { store, clock, indexes }: CacheReplicaParts
  ) {
    const { cache, topology, self, limits, ports, timing, onEvent } = context
    const { incarnation } = self
    this.#store = store
    this.#limits = context.limits
    const persister = this.#persister = new Persister({
      store,
      timers: ports.timers,
      limits,
      storeIntervalMs: timing.storeIntervalMs,
      onEvent: event => onEvent({ ...event, cache })
    })
    this.#hints = new HintPublisher(context, onEvent)
    this.replicator = new Replicator(context, {
      persister,
      createShards: listener =>
        new ShardSet({
          topology,
          limits,
          clock,
          persister,
          incarnation,
          drawIncarnation: () => drawIncarnation(ports),
          ...indexes === undefined ? {} : { indexes },
          onEvent: event => onEvent({ ...event, cache })
        }, { ...listener, onChange: shard => this.#hints.changed(shard) })
    })
    this.#load(incarnation)
  }

  #load (incarnation: number): void {
    const { shards, held, topology } = this.replicator
    for (const shard of shards.load(this.#store)) {
      if (shards.known(shard).has(incarnation)) {
        throw new StoreError(
          `incarnation id ${incarnation} was drawn before, one chance in four billion: start the ` +
            'node again',
          undefined,
          { changed: 'no' }
        )
      }
      held.tell(topology.groupOf(shard), 'restored')
    }
  }

  get unstoredBytes (): number {
    return this.#persister.unstoredBytes
  }

  status (): CacheStatus {
    const { shards, held, shape, inbox, outbox } = this.replicator
    const { maxStatusItems } = this.#limits
    const consumerGroups = [...shards.cursors.groups()]
    const unreadable = [...shards.unreadable()]
    return {
      ...shape,
      ...shards.counts(),
      lag: inbox.lag,
      unstoredBytes: this.#persister.unstoredBytes,
      held: held.all.map(group => ({
        group,
        phase: held.phase(group) ?? 'syncing',
        owners: [...held.owners(group)],
        sequence: outbox.sequence(group),
        root: shards.root(group)
      })),
      consumerGroups: consumerGroups.slice(0, maxStatusItems)
        .map(([name, count]) => ({ name, shards: count })),
      unlistedConsumerGroups: Math.max(0, consumerGroups.length - maxStatusItems),
      unreadable: unreadable.slice(0, maxStatusItems)
        .map(({ shard, form: { key, field, code } }) => ({ shard, key, field, code })),
      unlistedUnreadable: Math.max(0, unreadable.length - maxStatusItems)
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
