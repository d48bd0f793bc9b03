/**
 * Sends writes to a holder of their shard, in batches per holder, and tries another holder when one
 * does not answer. Writes that are on their way are bounded in number: a writer that runs ahead is
 * told at once. Each write ends when its time is up, whatever its holders do (SPEC K1).
 *
 *   submit --> queue --batch delay, or full--> batches per holder --> OwnerRequests
 *                ^                                                        |
 *                +--- pause <-- OutgoingWrite: try again? <-- outcome ----+
 */
import { asError } from '../../engine/base/thrown.js'
import { approximateBytes } from '../../engine/base/values.js'
import { BusyError, ClosedError, MillpondError } from '../../engine/errors.js'
import { isRepeatable } from '../../engine/fields/lookup.js'
import type { Timer } from '../../engine/ports.js'
import { attemptMs, writeBatchDelayMs } from '../../engine/timing.js'
import type { HybridClock } from '../../engine/base/hlc.js'
import type { Write } from '../../engine/write/write.js'
import { abortedBy } from '../../engine/calls/call.js'
import { onAbort } from '../../engine/calls/on-abort.js'
import type { CacheAccess } from '../contexts.js'
import { textOf, type WriteConcern } from '../deltas/write-concern.js'
import type { NodeLife } from '../membership/heartbeat.js'
import { noHolder, type Router } from '../membership/router.js'
import { Deadlines } from '../../engine/calls/deadlines.js'
import { OutgoingWrite } from './outgoing-write.js'
import { Overtaking } from './overtaking.js'
import { OwnerRequests } from './owner-requests.js'

export interface SubmitOptions {
  /** What taking it on this node failed with, where that may have left the write. */
  readonly triedHere?: Error
  /** Ends the call, and further attempts. */
  readonly signal?: AbortSignal
}

/**
 * Writes that can share a batch: to one holder, with one write concern and time for its answer, and
 * either to be taken as they are or not.
 */
interface HolderWrites {
  readonly holder: NodeLife
  readonly waitMs: number
  readonly writes: OutgoingWrite[]
}

/** Finer than anybody's patience, coarser than the company that writes wait for. */
const WAIT_STEP_MS = 50

export class WriteForwarder {
  readonly #context: CacheAccess
  readonly #router: Router
  readonly #requests: OwnerRequests
  readonly #deadlines: Deadlines
  readonly #overtaking: Overtaking
  /** Writes that a holder was sent, and has not answered for. */
  readonly #asked = new Set<OutgoingWrite>()
  #queue: OutgoingWrite[] = []
  #onTheirWay = 0
  #timer: Timer | undefined
  #idle: Array<() => void> = []
  #closed = false

  /**
   * @param clock dates the writes that enter here
   * @param writer the life of this process
   */
  constructor (context: CacheAccess, router: Router, clock: HybridClock, writer: number) {
    this.#context = context
    this.#router = router
    this.#requests = new OwnerRequests(context, writer)
    this.#deadlines = new Deadlines(context.ports)
    this.#overtaking = new Overtaking(clock)
  }

  /**
   * @param timeoutMs how long the write may take, in milliseconds
   * @throws at once `triedHere`, where that was given, or else: BusyError when
   *   limits.maxWritesInFlight writes are on their way, ClosedError after close. The promise
   *   rejects with what the holder refused, WriteConcernError, or UnavailableError / TimeoutError
   *   when no holder answered in time
   */
  submit (
    shard: number,
    write: Write,
    concern: WriteConcern,
    timeoutMs: number,
    { triedHere, signal }: SubmitOptions = {}
  ): Promise<void> {
    const refused = this.#closed ? new ClosedError('connection') : this.#lackOfRoom(1)
    if (refused !== undefined) throw triedHere ?? refused // that says nothing about here
    const outgoing = new OutgoingWrite({
      group: this.#router.topology.groupOf(shard),
      write,
      concern,
      timeoutMs,
      deadlineMs: this.#context.ports.clock.monotonicMs() + timeoutMs
    })
    if (triedHere !== undefined) outgoing.triedHere(triedHere)
    const abandon = (by: AbortSignal): void =>
      outgoing.abandon(abortedBy(by, this.#asked.has(outgoing) ? 'maybe' : 'no'))
    // First: a signal of the program's own making may throw, and then nothing has begun.
    const stop = signal === undefined ? undefined : onAbort(signal, () => abandon(signal))
    this.#onTheirWay++
    const forget = this.#deadlines.after(
      timeoutMs,
      () => outgoing.expire(this.#asked.has(outgoing))
    )
    this.#overtaking.begun(outgoing)
    this.#enqueue(outgoing)
    return outgoing.done.then(() => this.#overtaking.ended(outgoing, true), (error: unknown) => {
      this.#overtaking.ended(outgoing, mayStand(error))
      throw error
    }).finally(() => {
      forget()
      stop?.()
      this.#asked.delete(outgoing)
      if (--this.#onTheirWay === 0) { for (const wake of this.#idle.splice(0)) wake() }
    })
  }

  /** @throws BusyError when as many writes cannot be taken now */
  assertRoom (writes: number): void {
    const error = this.#lackOfRoom(writes)
    if (error !== undefined) throw error
  }

  #lackOfRoom (writes: number): BusyError | undefined {
    return this.#onTheirWay + writes <= this.#context.limits.maxWritesInFlight
      ? undefined
      : new BusyError(
        `${this.#onTheirWay} writes are on their way already; await some of them first`
      )
  }

  /** How many writes are on their way. */
  get onTheirWay (): number {
    return this.#onTheirWay
  }

  /** Resolves when no write is on its way any more. */
  async idle (): Promise<void> {
    if (this.#onTheirWay > 0) {
      await new Promise<void>(resolve => {
        this.#idle.push(resolve)
      })
    }
  }

  #enqueue (outgoing: OutgoingWrite): void {
    const { ports, timing, limits } = this.#context
    this.#queue.push(outgoing)
    // Once: with every further write the sending would be put off again.
    const full = this.#queue.length === limits.maxWritesPerBatch
    if (full) this.#timer?.cancel()
    if (full || this.#timer === undefined) {
      this.#timer = ports.timers.after(
        full ? 0 : writeBatchDelayMs(timing),
        () => this.#sendAll()
      )
    }
  }

  #sendAll (): void {
    this.#timer = undefined
    const batches = new Map<string, HolderWrites>()
    const nowMs = this.#context.ports.clock.monotonicMs()
    for (const outgoing of this.#queue.splice(0)) {
      if (outgoing.isSettled) continue
      const holder = this.#holderFor(outgoing)
      if (holder === undefined) {
        this.#failed(outgoing, noHolder(this.#context.cache, [outgoing.group]))
        continue
      }
      const waitMs = this.#waitMs(outgoing, nowMs)
      const name = `${holder.id} ${textOf(outgoing.concern)} ${waitMs} ${outgoing.isAsItIs}`
      const batch = batches.get(name)
      if (batch === undefined) batches.set(name, { holder, waitMs, writes: [outgoing] })
      else batch.writes.push(outgoing)
      this.#asked.add(outgoing)
    }
    for (const { holder, waitMs, writes } of batches.values()) {
      for (const piece of this.#cut(writes)) void this.#send(holder, piece, waitMs)
    }
  }

  /**
   * How long the holder may take, in steps, so that writes of nearly the same time share a batch.
   * The replicas that a write concern waits for need all the time there is, and so does a write
   * that is not tried elsewhere when no answer comes.
   */
  #waitMs (
    { group, concern, deadlineMs, attempts, write: { operations } }: OutgoingWrite,
    nowMs: number
  ): number {
    const { timing } = this.#context
    const leftMs = Math.max(1, Math.ceil((deadlineMs - nowMs) / WAIT_STEP_MS) * WAIT_STEP_MS)
    if (concern !== 'buffered' || operations?.every(isRepeatable) === false) return leftMs
    return attemptMs(timing, leftMs, this.#router.holders(group).length - attempts)
  }

  /** Each attempt goes to the next holder. */
  #holderFor ({ group, attempts }: OutgoingWrite): NodeLife | undefined {
    const holders = this.#router.holders(group)
    const id = holders[attempts % Math.max(1, holders.length)]
    const incarnation = id === undefined ? undefined : this.#router.incarnationOf(id)
    return id === undefined || incarnation === undefined ? undefined : { id, incarnation }
  }

  /** Batches bounded in number and size. */
  #cut (writes: readonly OutgoingWrite[]): OutgoingWrite[][] {
    const { maxWritesPerBatch, maxDeltaBytes } = this.#context.limits
    const pieces: OutgoingWrite[][] = []
    let bytes = Infinity
    for (const outgoing of writes) {
      const size = sizeOf(outgoing.write)
      const last = pieces[pieces.length - 1]
      if (last === undefined || last.length >= maxWritesPerBatch || bytes + size > maxDeltaBytes) {
        pieces.push([outgoing])
        bytes = size
      } else {
        last.push(outgoing)
        bytes += size
      }
    }
    return pieces
  }

  async #send (
    holder: NodeLife,
    writes: readonly OutgoingWrite[],
    waitMs: number
  ): Promise<void> {
    try {
      const outcomes = await this.#requests.send(holder, writes, waitMs)
      const nowMs = this.#context.ports.clock.monotonicMs()
      writes.forEach((outgoing, i) => {
        this.#asked.delete(outgoing)
        const others = {
          isLast: this.#closed,
          holders: this.#router.holders(outgoing.group).length
        }
        const outcome = outcomes[i] ?? null
        if (typeof outcome?.above === 'number') this.#overtaken(outgoing, outcome.above)
        else this.#again(outgoing, outgoing.answered(outcome, nowMs, others))
      })
    } catch (error) {
      for (const outgoing of writes) this.#failed(outgoing, asError(error))
    }
  }

  /** The next attempt needs no pause: the holder is there. */
  #overtaken (outgoing: OutgoingWrite, above: number): void {
    if (outgoing.isSettled) return
    const judged = this.#overtaking.judge(outgoing, above)
    switch (judged.step) {
      case 'send':
        outgoing.becomes(judged.write)
        break
      case 'send-as-it-is':
        outgoing.asItIs()
        break
      case 'wait':
        this.#again(outgoing, judged.pauseMs)
        return
      case 'refuse':
        outgoing.abandon(judged.error)
        return
    }
    if (this.#closed) outgoing.abandon(new ClosedError('connection'))
    else this.#enqueue(outgoing)
  }

  /** A write was taken on this node, while others may be on their way. */
  takenHere (write: Write): void {
    if (this.#onTheirWay > 0) this.#overtaking.takenHere(write)
  }

  #failed (outgoing: OutgoingWrite, error: Error): void {
    const nowMs = this.#context.ports.clock.monotonicMs()
    this.#asked.delete(outgoing)
    this.#again(outgoing, outgoing.failed(error, nowMs, { isLast: this.#closed }))
  }

  #again (outgoing: OutgoingWrite, pauseMs: number | null): void {
    if (pauseMs === null) return
    this.#context.ports.timers.after(pauseMs, () => this.#enqueue(outgoing))
  }

  close (): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const outgoing of this.#queue.splice(0)) outgoing.abandon(new ClosedError('connection'))
  }
}

/** Whether a write that failed with this may have taken effect. */
function mayStand (error: unknown): boolean {
  return !(error instanceof MillpondError) || error.changed !== 'no'
}

/** About as many bytes as the write takes in a batch. */
function sizeOf ({ key, fields, operations }: Write): number {
  return key.length +
    approximateBytes([...Object.values(fields ?? {}).map(value => value ?? null),
      JSON.stringify(operations ?? null)])
}
