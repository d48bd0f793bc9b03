/**
 * Takes writes and committed cursors into the shards held here, and passes them on to the other
 * replicas.
 */
import type { Cursor } from '../../engine/cursor.js'
import { LogError, MillpondError, TimeoutError, UnavailableError } from '../../engine/errors.js'
import { checkText } from '../../engine/base/values.js'
import { turnsOf, type Turns } from '../../engine/turns.js'
import type { Write } from '../../engine/write/write.js'
import type { ShardSet } from '../../storage/shard-set.js'
import type { Persister } from '../../storage/write-behind/persister.js'
import type { CacheContext } from '../contexts.js'
import type { Acks } from '../deltas/acks.js'
import type { FlushSchedule } from '../deltas/flush-schedule.js'
import type { Outbox } from '../deltas/outbox.js'
import { demandOf, type WriteConcern } from '../deltas/write-concern.js'
import type { HeldGroups } from '../groups/held-groups.js'
import { isProven } from '../groups/phases.js'
import { Deadlines } from '../../engine/calls/deadlines.js'

export interface LocalWritesParts {
  readonly shards: ShardSet
  readonly held: HeldGroups
  readonly outbox: Outbox
  readonly acks: Acks
  readonly flushes: FlushSchedule
  readonly persister: Pick<Persister, 'synced' | 'backlogged'>
}

export class LocalWrites {
  readonly #context: CacheContext
  readonly #parts: LocalWritesParts
  readonly #deadlines: Deadlines
  readonly #turns: Turns
  #closed = false

  constructor (context: CacheContext, parts: LocalWritesParts) {
    this.#context = context
    this.#parts = parts
    this.#deadlines = new Deadlines(context.ports)
    this.#turns = turnsOf(context.ports)
  }

  /**
   * Takes one write and resolves when its write concern is reached. It is readable at once. Where
   * the flush is overdue, or this turn of the event loop has lasted long enough, the promise
   * resolves in the next one: a loop of awaited writes would let no timer run.
   * @param timeoutMs how long that may take, in milliseconds
   * @returns false when it changed nothing: it is older than the record, or a retry
   * @throws UnavailableError (code UNAVAILABLE, nothing changed) when this node does not hold the
   *   shard's placement group, or has not all of it and the write is an operation; BusyError,
   *   KindError, LimitError, LogError (nothing changed); WriteConcernError (the write stands);
   *   StoreError, TimeoutError, or code LOG_FAILED, when a durable write may not be durable
   */
  async take (
    shard: number,
    write: Write,
    concern: WriteConcern,
    timeoutMs: number
  ): Promise<boolean> {
    const { cache, shape, topology, self } = this.#context
    const { shards, held, acks, flushes, persister } = this.#parts
    const group = topology.groupOf(shard)
    if (this.#closed || !held.has(group)) {
      throw new UnavailableError(`${self.id} does not hold placement group ${group} of ${cache}`)
    }
    if (write.operations !== undefined && !isProven(held.phase(group))) {
      throw new UnavailableError(`${held.lack(group)}, and takes no operation until then`)
    }
    const { replicas, isDurable } = demandOf(concern, shape.replicas)
    if (replicas > 1) acks.assertRoom()
    const accepted = shards.write(shard, write, replicas > 1)
    if (isDurable) {
      this.#log(shard)
      await Promise.all([
        this.#synced(timeoutMs),
        acks.confirmed(group, concern, timeoutMs)
      ])
    } else if (replicas > 1) await acks.confirmed(group, concern, timeoutMs)
    else if (persister.backlogged) await this.#synced(timeoutMs)
    else if (this.#turns.isOverAtLast(flushes.dueMs)) await this.#turns.next()
    return accepted
  }

  /** The version of what would take something from a write here; 0 for nothing. */
  standingAbove (shard: number, write: Write): number {
    return this.#parts.shards.standingAbove(shard, write)
  }

  /** @throws StoreError; TimeoutError when the store takes longer: the write stays buffered */
  async #synced (timeoutMs: number): Promise<void> {
    let forget = (): void => {}
    const late = new Promise<never>((_, reject) => {
      forget = this.#deadlines.after(
        timeoutMs,
        () => reject(new TimeoutError('the store, which was to make a write durable', timeoutMs))
      )
    })
    try {
      await Promise.race([this.#parts.persister.synced(), late])
    } finally {
      forget()
    }
  }

  /** Logs what is buffered. A write that the log does not take stays buffered: it may yet stand. */
  #log (shard: number): void {
    try {
      this.#parts.shards.open(shard).flush()
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      const { code, message, retryable } = error
      throw new MillpondError(code, `${message}; the write is buffered, and not durable`, {
        changed: 'maybe',
        retryable,
        cause: error
      })
    }
  }

  /**
   * Joins a cursor that a consumer group commits.
   * @throws UnavailableError when this node closes; LimitError, ValueError when the name of the
   *   consumer group cannot be; LimitError when the shard remembers as many
   *   consumer groups as it may
   */
  commitCursor (shard: number, consumerGroup: string, cursor: Cursor): void {
    const { shards, outbox, flushes } = this.#parts
    const { self, limits } = this.#context
    if (this.#closed) throw new UnavailableError(`${self.id} is closing`)
    checkText(consumerGroup, 'consumer group', limits.maxConsumerGroupBytes)
    const moved = shards.cursors.commit(consumerGroup, cursor)
    if (moved === null) return
    outbox.addCursor(shard, consumerGroup, moved)
    flushes.soon()
  }

  close (): void {
    this.#closed = true
  }
}
