/**
 * One cache on one node: puts the parts of replication together and moves data between them.
 *
 *   write --> ShardSet --(flush interval)--> Outbox --> peers         Acks <-- confirmations
 *                ^
 *                +---- Inbox <-- deltas        Membership --> Inbox (gaps), HeldGroups (placement),
 *                |                                            DigestWatch (differences)
 *                +---- AntiEntropy <-- what Inbox and DigestWatch found missing
 */
import * as v from '../engine/base/schema.js'
import { EnvelopeError, UnavailableError } from '../engine/errors.js'
import type { Ports, Timer } from '../engine/ports.js'
import { Topology } from '../engine/topology/topology.js'
import type { Write } from '../engine/write/write.js'
import { gapPatienceMs, intervals } from '../engine/timing.js'
import type { Persister } from '../storage/write-behind/persister.js'
import type { ShardSet } from '../storage/shard-set.js'
import { Acks, replicasNeeded, type WriteConcern } from './deltas/acks.js'
import { AntiEntropy } from './repair/anti-entropy.js'
import { conflictBetween, sameShape, type CacheShape } from './membership/cache-shape.js'
import { Confirmations } from './deltas/confirmations.js'
import { DigestWatch } from './repair/digest-watch.js'
import type { OnEvent } from './events.js'
import { ExpirySweep } from './upkeep/expiry-sweep.js'
import { HeldGroups } from './groups/held-groups.js'
import { Inbox } from './deltas/inbox.js'
import type { CacheState, Member } from './membership/heartbeat.js'
import type { Membership } from './membership/membership.js'
import { NO_ANSWER, type Messenger } from './messages/messenger.js'
import { Outbox } from './deltas/outbox.js'
import { Question } from './repair/peer-protocol.js'
import { PeerServer } from './repair/peer-server.js'
import type { Place } from './membership/placement.js'
import { tokenFromEnd, type Subjects } from './messages/subjects.js'
import { TombstoneCollector, type TombstoneTiming } from './upkeep/tombstone-collector.js'

export interface ReplicatorOptions {
  readonly cache: string
  readonly shape: CacheShape
  readonly self: Place & { readonly incarnation: number }
  readonly membership: Membership
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly ports: Ports
  readonly persister: Persister
  /** Creates the shards, wired to what they report to. */
  readonly createShards: (
    sinks: {
      readonly topology: Topology,
      readonly onDelta: (shard: number, delta: Uint8Array) => void,
      readonly onPending: () => void
    }
  ) => ShardSet
  readonly flushIntervalMs: number
  readonly requestTimeoutMs: number
  readonly tombstones: TombstoneTiming
  readonly onEvent: OnEvent
}

export class Replicator {
  readonly cache: string
  readonly shape: CacheShape
  readonly topology: Topology
  readonly shards: ShardSet
  readonly held: HeldGroups
  readonly #options: ReplicatorOptions
  readonly #outbox: Outbox
  readonly #inbox: Inbox
  readonly #antiEntropy: AntiEntropy
  readonly #server: PeerServer
  readonly #acks: Acks
  readonly #watch = new DigestWatch()
  readonly #confirmations: Confirmations
  readonly #expiries: ExpirySweep
  readonly #collector: TombstoneCollector
  #flushTimer: Timer | undefined
  /**
   * The longer a flush takes, the longer the next one is put off: under load, batches grow instead
   * of their number.
   */
  #restMs = 0
  #flushing = false
  #closed = false

  constructor (options: ReplicatorOptions) {
    this.#options = options
    const { cache, shape, self, membership, messenger, subjects, ports, onEvent } = options
    this.cache = cache
    this.shape = shape
    this.topology = new Topology(shape)
    this.#acks = new Acks(ports.timers)
    this.#outbox = new Outbox({
      cache,
      node: self.id,
      incarnation: self.incarnation,
      topology: this.topology,
      messenger,
      subjects
    })
    const onPending = () => this.#flushSoon()
    this.shards = options.createShards({
      topology: this.topology,
      onPending,
      onDelta: (shard, delta) => {
        this.#outbox.addDelta(shard, delta)
        // What a flush logs, the same flush publishes.
        if (!this.#flushing) this.#flushSoon()
      }
    })
    this.#inbox = new Inbox({
      cache,
      shards: this.shards,
      onEvent,
      holds: group => this.held.has(group),
      onMissing: (node, group) => this.#antiEntropy.missing(node, group),
      onConfirm: (node, incarnation, group, sequence) =>
        this.#confirmations.send(node, incarnation, group, sequence)
    })
    this.#antiEntropy = new AntiEntropy({
      cache,
      node: self.id,
      shards: this.shards,
      inbox: this.#inbox,
      messenger,
      subjects,
      ports,
      onEvent,
      requestTimeoutMs: options.requestTimeoutMs,
      gapPatienceMs: gapPatienceMs(options),
      holds: group => this.held.has(group),
      incarnationOf: node => membership.members.get(node)?.incarnation
    })
    this.held = new HeldGroups({
      cache,
      shape,
      self,
      membership,
      antiEntropy: this.#antiEntropy,
      shards: this.shards,
      onEvent,
      subscribe: group =>
        messenger.on(
          subjects.deltasOfGroup(cache, group),
          'deltas',
          (value, subject) => this.#receive(tokenFromEnd(subject, 1), group, value)
        ),
      onDropped: group => {
        this.shards.drop(group)
        this.#inbox.forgetGroup(group)
      }
    })
    this.#server = new PeerServer({
      shards: this.shards,
      outbox: this.#outbox,
      holds: group => this.held.has(group),
      vouches: group => this.held.phase(group) === 'ready'
    })
    this.#confirmations = new Confirmations({
      cache,
      node: self.id,
      incarnation: self.incarnation,
      messenger,
      subjects,
      timers: ports.timers,
      onConfirmed: (node, group, sequence) => this.#acks.confirm(node, group, sequence)
    })
    this.#expiries = new ExpirySweep({
      node: self.id,
      held: this.held,
      shards: this.shards,
      timers: ports.timers
    })
    this.#expiries.start()
    this.#collector = new TombstoneCollector({
      cache,
      node: self.id,
      replicas: shape.replicas,
      held: this.held,
      shards: this.shards,
      antiEntropy: this.#antiEntropy,
      membership,
      ports,
      onEvent,
      timing: options.tombstones
    })
    membership.onBeat((member, joined) => this.#heard(member, joined))
    membership.onLeft(member => this.#left(member))
  }

  /** What this node's heartbeats say about the cache. */
  describe (): CacheState {
    return {
      ...this.shape,
      held: this.held.all.map(
        group => [group, this.#outbox.sequence(group), this.shards.root(group),
          this.shards.cursorRoot(group), this.held.phase(group) ?? 'syncing']
      )
    }
  }

  get lag (): number {
    return this.#inbox.lag
  }

  /** How full the queues are: for whoever checks that they stay within bounds and run empty. */
  get queues (): {
    readonly keptBatches: number,
    readonly keptBytes: number,
    readonly ackWaiters: number,
    readonly unpublished: boolean
  } {
    const { batches, bytes } = this.#outbox.kept
    return {
      keptBatches: batches,
      keptBytes: bytes,
      ackWaiters: this.#acks.waiting,
      unpublished: !this.#outbox.isEmpty
    }
  }

  sequence (group: number): number {
    return this.#outbox.sequence(group)
  }

  /**
   * Answers a peer's question about this cache, unless it is for another process of this name.
   * @throws EnvelopeError when it is not shaped as one; StoreError
   */
  async answer (value: unknown): Promise<unknown> {
    const parsed = v.safeParse(Question, value)
    if (!parsed.success) {
      throw new EnvelopeError('shape', 'the question is not shaped as it should be')
    }
    if (parsed.output.to !== this.#options.self.incarnation) return NO_ANSWER
    const answer = this.#server.answer(parsed.output)
    // Whoever asks is about to forget what it has, on disk as well: only what is durable here takes
    // its place.
    if (parsed.output.op === 'covers') await this.#options.persister.synced()
    return answer
  }

  /**
   * Takes one write and resolves when its write concern is reached.
   * @returns false when it changed nothing: older than what is there, or a retry
   * @throws UnavailableError (code UNAVAILABLE, nothing changed) when this node does not hold the
   *   key's group; WriteConcernError
   */
  async write (
    shard: number,
    write: Write,
    concern: WriteConcern,
    timeoutMs: number
  ): Promise<boolean> {
    const group = this.topology.groupOf(shard)
    if (this.#closed || !this.held.has(group)) {
      throw new UnavailableError(
        `${this.#options.self.id} does not hold placement group ${group} of ${this.cache}`
      )
    }
    const needed = replicasNeeded(concern, this.shape.replicas)
    if (needed > 1) this.#acks.assertRoom()
    const accepted = this.shards.write(shard, write, needed > 1)
    if (concern === 'durable') {
      this.shards.open(shard).flush()
      await this.#options.persister.synced()
    } else if (needed > 1) await this.#acks.confirmed(group, concern, needed, timeoutMs)
    else if (this.#options.persister.backlogged) await this.#options.persister.synced()
    return accepted
  }

  /** Joins a committed cursor and passes it on to the other replicas. */
  commitCursor (
    shard: number,
    consumerGroup: string,
    cursor: Parameters<ShardSet['commitCursor']>[1]
  ): void {
    if (this.#closed) throw new UnavailableError(`${this.#options.self.id} is closing`)
    const moved = this.shards.commitCursor(consumerGroup, cursor)
    if (moved === null) return
    this.#outbox.addCursor(shard, consumerGroup, moved)
    this.#flushSoon()
  }

  #flushSoon (): void {
    if (this.#flushTimer !== undefined || this.#closed) return
    this.#flushTimer = this.#options.ports.timers.after(
      Math.max(this.#options.flushIntervalMs, this.#restMs),
      () => this.flush()
    )
  }

  /** Logs and publishes everything buffered. */
  flush (): void {
    const { clock } = this.#options.ports
    const startedMs = clock.monotonicMs()
    this.#flushTimer?.cancel()
    this.#flushTimer = undefined
    this.#flushing = true
    try {
      this.shards.flush()
      this.#publish()
    } finally {
      this.#flushing = false
      this.#restMs = Math.min(
        intervals.maxFlushRestMs,
        (clock.monotonicMs() - startedMs) * intervals.flushRestFactor
      )
      // Left over where the flush failed half-way.
      if (!this.#outbox.isEmpty) this.#flushSoon()
    }
  }

  #publish (): void {
    const waiting = [...this.#acks.groupsWaiting()]
    for (const group of waiting) this.#outbox.wantAck(group)
    this.#outbox.publish()
    for (const group of waiting) this.#acks.published(group, this.#outbox.sequence(group))
  }

  #receive (node: string, group: number, value: unknown): void {
    if (node === this.#options.self.id) return
    // Whose settings are not known yet may put the same key into another shard. Its heartbeat will
    // show what was missed.
    const theirs = this.#options.membership.members.get(node)?.caches[this.cache]
    if (theirs !== undefined && sameShape(theirs, this.shape)) {
      this.#inbox.receive(node, group, value)
    }
  }

  #heard (member: Member, joined: boolean): void {
    const theirs = member.caches[this.cache]
    if (theirs === undefined) return
    if (!sameShape(theirs, this.shape)) {
      if (joined) {
        this.#options.onEvent({
          type: 'config-conflict',
          cache: this.cache,
          node: member.id,
          detail: conflictBetween(this.shape, theirs)
        })
      }
      return
    }
    if (joined) this.held.reconcile()
    this.held.heard(member.id)
    this.#inbox.heard(member)
    for (const [group, state] of theirs.held) {
      if (!this.held.has(group)) continue
      const root = this.shards.root(group)
      // It holds all we have. Its confirmation may have been lost on the way, and is sent only
      // once.
      if (state.root === root) this.#acks.confirm(member.id, group, this.#outbox.sequence(group))
      if (this.#watch.differs(member.id, group, state, root, this.shards.cursorRoot(group))) {
        this.#antiEntropy.differing(member.id, group)
      }
    }
    this.held.step()
  }

  #left (member: Member): void {
    this.#antiEntropy.forgetPeer(member.id)
    this.#inbox.forgetPeer(member.id)
    this.#watch.forgetPeer(member.id)
    this.held.reconcile()
  }

  /** Publishes what is buffered and stops. The shards stay readable. */
  close (): void {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    this.#expiries.close()
    this.#collector.close()
    this.#antiEntropy.close()
    this.#acks.close()
    this.held.close()
    this.#confirmations.close()
  }
}
