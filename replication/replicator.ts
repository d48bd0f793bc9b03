/**
 * One cache on one node: makes the parts of replication and wires them.
 *
 *   LocalWrites --> ShardSet --(FlushSchedule)--> Outbox --> peers     Acks <-- Confirmations
 *                     ^  ^
 *                     |  +-- Inbox <-- DeltaFeed <-- peers' deltas
 *                     |        |
 *                     |        +-- batches that are missing --> Repairs <-- groups that differ --+
 *                     |                                           |                              |
 *                     +---- Exchange <----------------------------+    MemberWatch <-- heartbeats
 *                              ^                                           |
 *                              +-- GroupMoves <-- HeldGroups <-- placement-+
 */
import { everyStep } from '../engine/base/every-step.js'
import type { Topology } from '../engine/topology/topology.js'
import type { ShardSet } from '../storage/shard-set.js'
import type { ShardSetListener } from '../storage/shard-set-context.js'
import type { Persister } from '../storage/write-behind/persister.js'
import type { CacheContext } from './contexts.js'
import { Acks } from './deltas/acks.js'
import { StoredConfirmations } from './deltas/stored-confirmations.js'
import { Confirmations } from './deltas/confirmations.js'
import { DeltaFeed } from './deltas/delta-feed.js'
import { FlushSchedule } from './deltas/flush-schedule.js'
import { Inbox } from './deltas/inbox.js'
import { Outbox } from './deltas/outbox.js'
import { CachePeers } from './groups/cache-peers.js'
import { Drain } from './groups/drain.js'
import { GroupMoves } from './groups/group-moves.js'
import { HandOver } from './groups/hand-over.js'
import { HeldGroups } from './groups/held-groups.js'
import { isProven } from './groups/phases.js'
import { Roster, type StoreIdentity } from './groups/roster.js'
import { RosterWatch } from './groups/roster-watch.js'
import { MemberWatch } from './member-watch.js'
import type { CacheShape } from './membership/cache-shape.js'
import { phaseSaid, type CacheState, type NodeLife } from './membership/heartbeat.js'
import { Presence } from './membership/presence.js'
import { Coverage } from './repair/coverage.js'
import { DigestWatch } from './repair/digest-watch.js'
import { Exchange } from './repair/exchange.js'
import { PeerClient } from './repair/peer-client.js'
import { PeerServer } from './repair/peer-server.js'
import { Repairs } from './repair/repairs.js'
import { RepairRest } from './repair/repair-rest.js'
import { ExpirySweep } from './upkeep/expiry-sweep.js'
import { TombstoneCollector } from './upkeep/tombstone-collector.js'
import { LocalWrites } from './writes/local-writes.js'

export interface ReplicatorParts {
  /** Writes the roster down, for the next life of this node. @throws StoreError */
  readonly saveRoster: (text: string) => void
  readonly persister: Persister
  /** Makes the shards, which tell the replicator of deltas and of writes that wait for a flush. */
  readonly createShards: (
    listener: Pick<ShardSetListener, 'onDelta' | 'onPending'>
  ) => ShardSet
}

export class Replicator {
  readonly cache: string
  readonly shape: CacheShape
  readonly topology: Topology
  readonly shards: ShardSet
  readonly roster: Roster
  readonly held: HeldGroups
  readonly writes: LocalWrites
  readonly outbox: Outbox
  readonly inbox: Inbox
  readonly peerServer: PeerServer
  readonly #self: NodeLife
  readonly #store: StoreIdentity
  readonly #persister: Persister
  readonly #watch: RosterWatch
  #started = false
  readonly #acks: Acks
  readonly #confirmations: Confirmations
  readonly #time: CacheContext['membership']['time']
  readonly #flushes: FlushSchedule
  readonly #members: MemberWatch
  readonly #moves: GroupMoves
  readonly #drain: Drain
  /** Everything else that stops with the replicator. */
  readonly #closing: ReadonlyArray<{ close(): void }>
  #closed = false

  constructor (context: CacheContext, { persister, createShards, saveRoster }: ReplicatorParts) {
    this.cache = context.cache
    this.shape = context.shape
    this.topology = context.topology
    this.#time = context.membership.time
    this.#self = context.self
    this.#store = context.store
    this.#persister = persister
    const roster = this.roster = new Roster({
      self: { ...context.store, node: context.self.id },
      clock: context.ports.clock,
      timing: context.timing,
      maxStores: context.limits.maxRosterStores
    })
    const peers = new CachePeers(context)
    const client = new PeerClient(context)
    const acks = this.#acks = new Acks(context)
    const confirmations = this.#confirmations = new Confirmations(context, acks)
    const stored = new StoredConfirmations(context, persister, confirmations)
    const outbox = this.outbox = new Outbox(context)
    const flushes = this.#flushes = new FlushSchedule(
      context,
      isOver => this.#logAndPublish(isOver)
    )
    const shards = this.shards = createShards({
      onPending: () => flushes.soon(),
      onDelta: (shard, delta) => {
        outbox.addDelta(shard, delta)
        if (!flushes.running) flushes.soon()
      }
    })
    const held = this.held = new HeldGroups(context, peers, roster)
    const rest = new RepairRest(context, shards)
    const inbox = this.inbox = new Inbox(context, { shards, held, confirmations, stored, rest })
    const exchange = new Exchange(context, { client, shards, held, inbox, rest })
    const coverage = new Coverage(context, client, shards)
    const digests = new DigestWatch()
    const repairs = new Repairs(context, { client, inbox, exchange, rest, digests })
    const feed = new DeltaFeed(context, { peers, inbox, repairs })
    held.listen({
      taken: group => feed.follow(group),
      dropped: group => {
        feed.unfollow(group)
        shards.drop(group)
        inbox.forgetGroup(group)
      }
    })
    const presence = new Presence(context, context.self.incarnation)
    const watch = this.#watch = new RosterWatch(context, {
      roster,
      held,
      peers,
      client,
      saveRoster
    })
    const handOver = new HandOver(context, { held, peers, shards, coverage })
    const moves = this.#moves = new GroupMoves(context, {
      held,
      peers,
      exchange,
      handOver,
      presence,
      roster,
      watch
    })
    this.#members = new MemberWatch(context, {
      shards,
      peers,
      held,
      moves,
      inbox,
      outbox,
      acks,
      digests,
      repairs,
      watch
    })
    this.writes = new LocalWrites(context, { shards, held, outbox, acks, flushes, persister })
    this.#drain = new Drain(context, {
      held,
      handOver,
      moves,
      writes: this.writes,
      flush: () => this.flush()
    })
    this.peerServer = new PeerServer(context, { shards, outbox, held, roster, persister })
    const expiries = new ExpirySweep(context, { shards, held })
    const tombstones = new TombstoneCollector(context, { shards, held, peers, coverage })
    this.#closing = [this.writes, flushes, expiries, tombstones, this.#members, repairs, exchange,
      moves, acks, feed, stored, confirmations, presence, watch, this.#drain]
  }

  /** Whether the time is that of several nodes, and not of this one's own clock. */
  get hasSharedTime (): boolean {
    return this.#time.isShared
  }

  /** Takes its place in the cluster: call it when the shards are loaded and members were heard. */
  start (): void {
    this.#started = true
    this.#members.start()
  }

  /** What keeps this node from having all that it should hold, in words; undefined: nothing. */
  get lack (): string | undefined {
    const { held } = this
    if (!this.#started) return `${this.#self.id} is still loading ${this.cache}`
    const group = held.all.find(each =>
      held.owners(each).includes(this.#self.id) && !isProven(held.phase(each))
    )
    return group === undefined ? undefined : held.lack(group)
  }

  /**
   * An operator says that a store will not come back, by its id or the name of its node.
   * @returns the stores that this node had waited for
   */
  forget (named: string): Array<{ readonly id: string, readonly node: string }> {
    const given = this.roster.giveUp(named)
    this.#moves.step()
    return given.map(({ id, node }) => ({ id, node }))
  }

  /** The groups that began without a store that had held them, in this life of the node. */
  get lostGroups (): number[] {
    return [...this.#watch.lostGroups].sort((a, b) => a - b)
  }

  /** Another process has the name of this one, which counts as a replica no more (SPEC R17). */
  gaveWay (): void {
    this.#confirmations.mute()
  }

  /**
   * Hands the placement groups over, once the weight of this node is 0.
   * @param waitsForTakers as in Drain.run
   * @returns the groups that the others may not have all of
   */
  drain (timeoutMs: number, waitsForTakers: boolean): Promise<number[]> {
    this.#members.placeGroups()
    return this.#drain.run(timeoutMs, waitsForTakers)
  }

  /** The cache as this node's heartbeats describe it. */
  describe (): CacheState {
    const { held, shards, outbox } = this
    return {
      ...this.shape,
      store: { id: this.#store.id, durable: this.#store.durable },
      isStored: this.#persister.unstoredBytes === 0,
      held: held.all.filter(group => !this.#drain.gaveUp(group)).map(
        group => [group, outbox.sequence(group), shards.root(group), shards.cursorRoot(group),
          ...phaseSaid(held.phase(group) ?? 'syncing')]
      )
    }
  }

  /** How full the queues are, for checks that they stay within bounds and run empty. */
  get queues (): {
    readonly keptBatches: number,
    readonly keptBytes: number,
    readonly ackWaiters: number,
    readonly unpublished: boolean
  } {
    const { batches, bytes } = this.outbox.kept
    return {
      keptBatches: batches,
      keptBytes: bytes,
      ackWaiters: this.#acks.waiting,
      unpublished: !this.outbox.isEmpty
    }
  }

  /** Logs and publishes everything buffered, without waiting for the flush interval. */
  flush (): void {
    this.#flushes.now()
  }

  /** @returns whether everything was logged, and then published */
  #logAndPublish (isOver: () => boolean): boolean {
    try {
      if (!this.shards.flush(isOver)) return false
      // A write whose log failed is in no batch: its writer waits for the next flush.
      const waiting = [...this.#acks.groupsWaiting()].filter(({ group }) =>
        this.shards.isLogged(group)
      )
      for (const { group, isDurable } of waiting) this.outbox.wantAck(group, isDurable)
      this.outbox.publish()
      for (const { group } of waiting) this.#acks.published(group, this.outbox.sequence(group))
      return true
    } finally {
      // Left over where a flush failed half-way.
      if (!this.outbox.isEmpty) this.#flushes.soon()
    }
  }

  /** Publishes everything buffered, writes the roster down and stops. The shards stay readable. */
  close (): void {
    if (this.#closed) return
    everyStep([() => this.flush(), () => this.#watch.flush(), () => this.abandon()])
  }

  /** Stops at once: what waits for a flush is neither logged nor published. */
  abandon (): void {
    if (this.#closed) return
    this.#closed = true
    everyStep(this.#closing.map(part => () => part.close()))
  }
}
