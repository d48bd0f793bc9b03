/**
 * Where writes enter: each is given its version, and goes to the replica on this node or to an
 * owner elsewhere.
 *
 *   version   the event time, or the writer's clock
 *   stamp     the writer's clock: it orders events of equal time
 *   expires   the event time plus the time to live: a log that is read again expires as it did the
 *             first time
 */
import { ClosedError, LimitError, MillpondError, OutcomeUnknownError,
  StoreError } from '../../engine/errors.js'
import { isRepeatable } from '../../engine/fields/lookup.js'
import { VERSION_UNITS_PER_MS, type HybridClock } from '../../engine/base/hlc.js'
import { describe } from '../../engine/base/plain.js'
import { asError } from '../../engine/base/thrown.js'
import { allOf } from '../../engine/calls/all-of.js'
import { abortedBy, assertSignal, assertTimeout, unlessAborted } from '../../engine/calls/call.js'
import type { Clock } from '../../engine/ports.js'
import { isUndated, type Entered, type Write } from '../../engine/write/write.js'
import { intervals } from '../../engine/timing.js'
import { checkConcern, demandOf,
  type WriteConcern } from '../../replication/deltas/write-concern.js'
import { isProven, type Phase } from '../../replication/groups/phases.js'
import type { Replicator } from '../../replication/replicator.js'
import type { Router } from '../../replication/membership/router.js'
import { datedAbove } from '../../replication/writes/overtaking.js'
import type { WriteForwarder } from '../../replication/writes/write-forwarder.js'
import { WriteAccounts, type FailureLimits } from './write-account.js'

export interface AckOptions {
  /**
   * How much must hold the write before the promise resolves: 'buffered' (one owner's memory),
   * 'durable' (its store), a number of replicas from 1 to those of the cache, 'majority' or 'all'
   * (in memory), or one of the last three of stores: `{ durable: 2 }`, `{ durable: 'majority' }`.
   * The store of a node without a data directory is memory: there 'durable' promises no more than
   * 'buffered'. More is safer and slower: of one owner it takes a round trip, of more a flush and a
   * second one. Default 'buffered'.
   */
  readonly ack?: WriteConcern
  /**
   * How long the call may take, in milliseconds from 0 to 3,600,000, with all its attempts. Shorter
   * tells of trouble sooner; longer lets the write reach another owner when one is lost, which
   * takes the failure timeout. With 0 only this process can take the write. Default 5000.
   */
  readonly timeoutMs?: number
  /**
   * Ends the call, with AbortedError, when aborted: a write that was sent may take effect all the
   * same.
   */
  readonly signal?: AbortSignal
}

export interface WriteEntryOptions {
  readonly name: string
  readonly limits: FailureLimits
  readonly clock: HybridClock
  /** The life of this process, by which the operations that enter here are told. */
  readonly writer: number
  /** Measures how much of a write's time is left. */
  readonly monotonic: Pick<Clock, 'monotonicMs'>
  readonly router: Router
  readonly forwarder: WriteForwarder
  /** The replica on this node, when it runs the cache. */
  readonly local?: Replicator
  /** Told of writes that failed after the call returned, whether or not somebody awaits them. */
  readonly onWriteFailed: (cache: string, key: string, error: unknown) => void
}

export class WriteEntry {
  readonly #options: WriteEntryOptions
  readonly #accounts: WriteAccounts
  /** How many entered here: their numbers. */
  #operations = 0
  #closed = false

  constructor (options: WriteEntryOptions) {
    this.#options = options
    this.#accounts = new WriteAccounts(options.name, options.limits)
  }

  /**
   * @throws TypeError, FutureVersionError, LimitError on a time that cannot be; FutureVersionError
   *   also when the write is dated by a clock that is too far ahead of those of the nodes
   */
  stamp (
    at: Date | number | undefined,
    ttlMs?: number
  ): { version: number, stamp: number, expires?: number } {
    const { clock } = this.#options
    const expiring = (from: number) => ttlMs === undefined ? {} : { expires: expiryOf(from, ttlMs) }
    if (at === undefined) {
      const expires = expiring(clock.now())
      const version = clock.next()
      return { version, stamp: version, ...expires }
    }
    const version = clock.versionAt(at)
    const expires = expiring(version)
    const stamp = clock.stamp()
    // Equal, they would say that it has no event time.
    return { version, stamp: stamp === version ? clock.stamp() : stamp, ...expires }
  }

  /** For operations, whose value does not depend on time: a clock that is ahead does no harm. */
  mark (): { version: number, stamp: number, entered: Entered } {
    const { clock, writer } = this.#options
    const stamp = clock.stamp()
    return { version: stamp, stamp, entered: { writer, sequence: ++this.#operations } }
  }

  /**
   * @throws ClosedError, ConfigError, TypeError, BusyError at once (nothing changed); rejects as
   * Cache.put says
   */
  send (
    write: Write,
    { ack: wanted = 'buffered', timeoutMs = intervals.writeTimeoutMs, signal }: AckOptions
  ): Promise<void> {
    const { name, router, onWriteFailed } = this.#options
    if (this.#closed) throw new ClosedError(`cache ${name}`)
    const { topology } = router
    const ack = this.#checkAck(wanted, timeoutMs, signal)
    const shard = topology.shardOf(write.key)
    const sent = this.#sent(shard, write, ack, timeoutMs, signal)
    const account = this.#accounts.now
    account.begun()
    const done = sent.then(() => account.settled(), (thrown: unknown) => {
      const error = plainly(write, thrown)
      account.failed(write.key, error)
      onWriteFailed(name, write.key, error)
      throw error
    })
    done.catch(() => {}) // told above, and by the next flush: a caller need not await it
    return done
  }

  /** @throws as send does for its options, and as stamp */
  check (
    { ack = 'buffered', timeoutMs = 0, signal, at, ttlMs }: AckOptions & {
      readonly at?: Date | number,
      readonly ttlMs?: number
    }
  ): void {
    this.#checkAck(ack, timeoutMs, signal)
    const { clock } = this.#options
    if (at !== undefined) clock.versionAt(at)
    if (ttlMs !== undefined) expiryOf(clock.now(), ttlMs)
  }

  /** @returns the write concern; one that cannot be reached is refused */
  #checkAck (
    ack: WriteConcern,
    timeoutMs: number,
    signal: AbortSignal | undefined
  ): WriteConcern {
    const concern = checkConcern(ack, this.#options.router.shape.replicas)
    assertTimeout(timeoutMs)
    if (signal !== undefined) assertSignal(signal)
    return concern
  }

  #sent (
    shard: number,
    write: Write,
    ack: WriteConcern,
    timeoutMs: number,
    signal: AbortSignal | undefined
  ): Promise<unknown> {
    const { router, local, forwarder } = this.#options
    if (signal?.aborted === true) return Promise.reject(abortedBy(signal, 'no'))
    if (local === undefined || !takes(local.held.phase(router.topology.groupOf(shard)), write)) {
      return forwarder.submit(shard, write, ack, timeoutMs, signal === undefined ? {} : { signal })
    }
    let dated: Write
    try {
      dated = this.#datedFor(local, shard, write)
    } catch (error) {
      return Promise.reject(asError(error))
    }
    const taken = demandOf(ack, router.shape.replicas).isDurable
      ? this.#takeDurably(local, shard, dated, ack, timeoutMs)
      : local.writes.take(shard, dated, ack, timeoutMs)
    forwarder.takenHere(dated)
    return signal === undefined ? taken : unlessAborted(taken, signal, 'maybe')
  }

  /**
   * As an owner elsewhere is asked first, the replica here is: a write that something newer has
   * overtaken is dated anew. @throws ShadowedError, FutureVersionError
   */
  #datedFor (local: Replicator, shard: number, write: Write): Write {
    const above = isUndated(write) ? local.writes.standingAbove(shard, write) : 0
    return above === 0 ? write : datedAbove(write, above, this.#options.clock)
  }

  /**
   * Where the store of this node fails, another may make the write durable: of a write that merges
   * by its version a second copy changes nothing (SPEC K4).
   */
  async #takeDurably (
    local: Replicator,
    shard: number,
    write: Write,
    ack: WriteConcern,
    timeoutMs: number
  ): Promise<unknown> {
    const { monotonic, router, forwarder } = this.#options
    const deadlineMs = monotonic.monotonicMs() + timeoutMs
    try {
      return await local.writes.take(shard, write, ack, timeoutMs)
    } catch (error) {
      const leftMs = deadlineMs - monotonic.monotonicMs()
      const others = router.holders(router.topology.groupOf(shard)).length - 1
      const helps = error instanceof StoreError && error.retryable && others > 0 && leftMs > 0 &&
        write.operations === undefined
      if (!helps) throw error
      return await forwarder.submit(shard, write, ack, leftMs, { triedHere: error })
    }
  }

  /** Several writes of one call: either all are sent, or none. Settles when all have ended. */
  sendAll (writes: readonly Write[], options: AckOptions): Promise<void> {
    const [first] = writes
    if (first !== undefined && writes.length === 1) return this.send(first, options)
    this.#options.forwarder.assertRoom(writes.length)
    const readOnce = { ...options } // what a getter throws must come before any is sent
    const sent = writes.map(write => this.send(write, readOnce))
    return allOf(sent, 'other fields of the patch were written').then(() => {})
  }

  /** Resolves when every write so far has ended. @throws WritesFailedError */
  flush (): Promise<void> {
    return this.#accounts.flush()
  }

  close (): void {
    this.#closed = true
  }
}

/**
 * The meaning of an operation depends on the entries that its replica has seen: on a replica that
 * is still fetching, an increment might belong to an epoch that has ended, and a removal would find
 * nothing to remove.
 */
function takes (phase: Phase | undefined, { operations }: Write): boolean {
  return phase !== undefined && (operations === undefined || isProven(phase))
}

/**
 * "It may have taken effect, and trying again does no harm" is true of every write but an
 * increment.
 */
function plainly ({ key, operations }: Write, error: unknown): Error {
  const counts = operations !== undefined && !operations.every(isRepeatable)
  if (
    !counts || !(error instanceof MillpondError) || error.changed !== 'maybe' ||
    error instanceof OutcomeUnknownError
  ) return asError(error)
  return new OutcomeUnknownError(`${JSON.stringify(key)}: ${error.message}`, error)
}

/** @param from the version-time it is counted from */
function expiryOf (from: number, ttlMs: number): number {
  if (typeof ttlMs !== 'number' || !Number.isFinite(ttlMs) || ttlMs <= 0) {
    throw new TypeError(`ttlMs must be a number of milliseconds above 0, got ${describe(ttlMs)}`)
  }
  const expires = from + Math.ceil(ttlMs * VERSION_UNITS_PER_MS)
  if (!Number.isSafeInteger(expires)) {
    throw new LimitError(`ttlMs ${ttlMs} ends after the year 2255; leave it out for never`)
  }
  return expires
}
