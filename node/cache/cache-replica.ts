/**
 * One cache on one node, from its open store up: reads back the shards in it, and wires shards to
 * replication.
 */
import { intervals } from '../../engine/timing.js'
import { settledWithin } from '../../replication/transport/settled-within.js'
import { everyStep, everyStepInTurn } from '../../engine/base/every-step.js'
import { StoreError } from '../../engine/errors.js'
import type { HybridClock } from '../../engine/base/hlc.js'
import type { Limits } from '../../engine/limits.js'
import type { Ports, Timers } from '../../engine/ports.js'
import type { IndexDeclaration } from '../../engine/query/query.js'
import { turnsOf, type Turns } from '../../engine/turns.js'
import { HintPublisher } from '../../pubsub/hints/hints.js'
import type { CacheStatus } from '../../pubsub/requests/status-protocol.js'
import type { CacheContext } from '../../replication/contexts.js'
import { Replicator } from '../../replication/replicator.js'
import { Persister } from '../../storage/write-behind/persister.js'
import { ShardSet } from '../../storage/shard-set.js'
import type { Store } from '../../storage/store.js'
import type { OnMillpondEvent } from '../events.js'
import { drawIncarnation } from '../incarnation.js'

export interface CacheReplicaParts {
  readonly store: Store
  readonly clock: HybridClock
  /** The fields that queries can ask for. Default: none. */
  readonly indexes: IndexDeclaration | undefined
}

/** The name of the roster among the settings of the store. */
const ROSTER = 'roster'

/** The context of replication, whose listener hears the events of storage as well. */
export interface CacheReplicaContext extends CacheContext {
  readonly onEvent: OnMillpondEvent
}

export class CacheReplica {
  readonly replicator: Replicator
  readonly #store: Store
  readonly #persister: Persister
  readonly #hints: HintPublisher
  readonly #limits: Limits
  readonly #incarnation: number
  readonly #cache: string
  readonly #clock: Ports['clock']
  readonly #timers: Timers
  readonly #turns: Turns
  #loaded: number[] = []

  constructor (
    context: CacheReplicaContext,
    { store, clock, indexes }: CacheReplicaParts
  ) {
    const { cache, topology, self, limits, ports, timing, onEvent } = context
    const { incarnation } = self
    this.#store = store
    this.#limits = context.limits
    this.#incarnation = incarnation
    this.#cache = cache
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#turns = turnsOf(ports)
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
      saveRoster: text => store.setMeta(ROSTER, text),
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
  }

  /**
   * Reads the store back, and lets heartbeats have their turns meanwhile. Call hold() when nothing
   * can refuse this node any more.
   * @throws StoreError when it cannot be read; the replica is then to be abandoned
   */
  async load (): Promise<void> {
    const { shards, roster } = this.replicator
    roster.load(this.#store.getMeta(ROSTER))
    const reading = shards.loading(this.#store)
    for (;;) {
      const { done, value: shard } = await this.#turns.run(() => reading.next())
      if (done === true) return
      if (shards.known(shard).has(this.#incarnation)) {
        throw new StoreError(
          `incarnation id ${this.#incarnation} was drawn before, one chance in four billion: ` +
            'start the node again',
          undefined,
          { changed: 'no' }
        )
      }
      this.#loaded.push(shard)
    }
  }

  /** Takes its placement groups back, whose shards were loaded. */
  hold (): void {
    const { held, topology } = this.replicator
    for (const shard of this.#loaded) held.tell(topology.groupOf(shard), 'restored')
    this.#loaded = []
  }

  get unstoredBytes (): number {
    return this.#persister.unstoredBytes
  }

  status (): CacheStatus {
    const { shards, held, shape, inbox, outbox } = this.replicator
    const { maxStatusItems } = this.#limits
    const consumerGroups = [...shards.cursors.groups()]
    const unreadable = [...shards.unreadable()]
    const { lack, lostGroups } = this.replicator
    return {
      ...shape,
      ...shards.counts(),
      ...lack === undefined ? {} : { waitsFor: lack },
      lostGroups,
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
    everyStep([() => this.replicator.close(), () => this.#hints.close()])
  }

  /**
   * Lets go without a word to other nodes or to the store, for a node that never took part.
   * @throws what the store throws when it is closed
   */
  async abandon (): Promise<void> {
    await everyStepInTurn([
      () => this.replicator.abandon(),
      () => this.#hints.abandon(),
      () => this.close()
    ])
  }

  /**
   * Makes everything durable and lets go of the files.
   * @throws StoreError when it could not be stored, or not within intervals.storeCloseTimeoutMs
   */
  async close (): Promise<void> {
    const endMs = this.#clock.monotonicMs() + intervals.storeCloseTimeoutMs
    await everyStepInTurn([
      () => this.#until(endMs, this.#persister.close(), 'write what was left'),
      () => this.#until(endMs, this.#store.close(), 'close')
    ])
  }

  /** A store that hangs must not keep the other stores and the connection of its node. */
  async #until (endMs: number, step: Promise<void>, what: string): Promise<void> {
    const { storeCloseTimeoutMs } = intervals
    const leftMs = Math.max(0, endMs - this.#clock.monotonicMs())
    if (!await settledWithin(step, this.#timers, leftMs)) {
      throw new StoreError(
        `the store of cache ${this.#cache} did not ${what} within ${storeCloseTimeoutMs} ms: ` +
          `${this.#persister.unstoredBytes} bytes may not be in it`
      )
    }
    await step
  }
}
