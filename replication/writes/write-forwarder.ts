/**
 * Sends writes to an owner of their shard, in batches per owner, and tries another owner when one
 * does not answer.
 *
 * A write is stamped before it comes here and carries its version through every attempt, so trying
 * again after a lost answer changes nothing. Only an increment would count twice: it is tried again
 * only where nothing can have changed. What is on its way is bounded; a writer that runs ahead is
 * told at once.
 */
import { BusyError, ClosedError, EnvelopeError, MillpondError, OutcomeUnknownError, RemoteError,
  TimeoutError, UnavailableError, WriteConcernError } from '../../engine/errors.js'
import { isRepeatable } from '../../engine/fields/lookup.js'
import { limits } from '../../engine/limits.js'
import type { Ports, Timer } from '../../engine/ports.js'
import * as v from '../../engine/base/schema.js'
import type { Write } from '../../engine/write/write.js'
import { approximateBytes } from '../../engine/base/values.js'
import { moreOf } from '../../engine/write/write.js'
import { intervals } from '../../engine/timing.js'
import type { WriteConcern } from '../deltas/acks.js'
import type { Messenger } from '../messages/messenger.js'
import type { Router } from '../membership/router.js'
import type { Subjects } from '../messages/subjects.js'
import { WriteOutcomes, type WriteBatch } from './write-protocol.js'

export interface WriteForwarderOptions {
  readonly cache: string
  readonly router: Router
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly ports: Ports
  /** How long writes wait for company before they are sent. */
  readonly batchDelayMs: number
  /** How long an owner may take to answer, on top of the time the write concern is given. */
  readonly requestTimeoutMs: number
}

interface Outgoing {
  readonly group: number
  readonly write: Write
  readonly concern: WriteConcern
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  attempts: number
  /** An attempt before this one got no answer, or not that nothing changed. */
  mayStand: boolean
}

export class WriteForwarder {
  readonly #options: WriteForwarderOptions
  #queue: Outgoing[] = []
  #onTheirWay = 0
  #timer: Timer | undefined
  #idle: Array<() => void> = []
  /** Per node, how to give up the batches it was sent and has not answered. */
  readonly #asked = new Map<string, Set<(error: Error) => void>>()
  #closed = false

  constructor (options: WriteForwarderOptions) {
    this.#options = options
    options.router.onLeft(node => {
      for (const reject of this.#asked.get(node) ?? []) {
        reject(
          new MillpondError('UNAVAILABLE', `${node} left before it answered`, {
            changed: 'maybe',
            retryable: true
          })
        )
      }
    })
  }

  /**
   * @throws BusyError at once when limits.maxWritesInFlight writes are on their way. The promise
   *   rejects with what the owner refused, WriteConcernError, or UnavailableError / TimeoutError
   *   when no owner answered in time
   */
  submit (shard: number, write: Write, concern: WriteConcern, timeoutMs: number): Promise<void> {
    if (this.#closed) throw new ClosedError('connection')
    this.assertRoom(1)
    this.#onTheirWay++
    const group = this.#options.router.topology.groupOf(shard)
    const deadlineMs = this.#options.ports.clock.monotonicMs() + timeoutMs
    return new Promise<void>((resolve, reject) => {
      this.#enqueue({
        group,
        write,
        concern,
        timeoutMs,
        deadlineMs,
        resolve,
        reject,
        attempts: 0,
        mayStand: false
      })
    }).finally(() => {
      if (--this.#onTheirWay === 0) { for (const wake of this.#idle.splice(0)) wake() }
    })
  }

  /** @throws BusyError when as many writes cannot be taken now */
  assertRoom (writes: number): void {
    if (this.#onTheirWay + writes > limits.maxWritesInFlight) {
      throw new BusyError(
        `${this.#onTheirWay} writes are on their way already; await some of them first`
      )
    }
  }

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

  #enqueue (outgoing: Outgoing): void {
    this.#queue.push(outgoing)
    const full = this.#queue.length >= limits.maxWritesPerBatch
    if (full) this.#timer?.cancel()
    if (full || this.#timer === undefined) {
      this.#timer = this.#options.ports.timers.after(
        full ? 0 : this.#options.batchDelayMs,
        () => this.#sendAll()
      )
    }
  }

  #sendAll (): void {
    this.#timer = undefined
    const batches = new Map<string, { to: string, life: number, writes: Outgoing[] }>()
    for (const outgoing of this.#queue.splice(0)) {
      const holders = this.#options.router.holders(outgoing.group)
      const to = holders[outgoing.attempts % Math.max(1, holders.length)]
      const life = to === undefined ? undefined : this.#options.router.incarnationOf(to)
      if (to === undefined || life === undefined) {
        this.#again(
          outgoing,
          new UnavailableError(
            `no node that holds placement group ${outgoing.group} of ${this.#options.cache} is ` +
              'reachable'
          )
        )
        continue
      }
      const name = `${to} ${outgoing.concern} ${outgoing.timeoutMs}`
      const batch = batches.get(name)
      if (batch === undefined) batches.set(name, { to, life, writes: [outgoing] })
      else batch.writes.push(outgoing)
    }
    for (const { to, life, writes } of batches.values()) {
      for (const piece of cut(writes)) void this.#send(to, life, piece)
    }
  }

  async #send (to: string, life: number, writes: readonly Outgoing[]): Promise<void> {
    const { cache, messenger, subjects, requestTimeoutMs } = this.#options
    const [{ concern, timeoutMs }] = writes as readonly [Outgoing]
    const batch: WriteBatch = {
      cache,
      to: life,
      concern,
      timeoutMs,
      writes: writes.map(({ write }) => tupleOf(write))
    }
    const waitMs = requestTimeoutMs + (concern === 'buffered' ? 0 : timeoutMs)
    try {
      const answer = v.safeParse(
        WriteOutcomes,
        await this.#unlessLeft(to, messenger.request(subjects.writes(to), batch, waitMs))
      )
      if (!answer.success || answer.output.length !== writes.length) {
        throw new EnvelopeError('shape', `${to} answered a batch of writes with something else`)
      }
      writes.forEach((outgoing, i) => this.#settle(outgoing, answer.output[i] ?? null))
    } catch (error) {
      for (const outgoing of writes) this.#again(outgoing, error as Error)
    }
  }

  /**
   * An owner has as long to answer as the write concern may take; one that died must not cost its
   * writes all of that.
   */
  async #unlessLeft (node: string, answer: Promise<unknown>): Promise<unknown> {
    const asked = this.#asked.get(node) ?? new Set<(error: Error) => void>()
    this.#asked.set(node, asked)
    return await new Promise((resolve, reject) => {
      asked.add(reject)
      answer.then(resolve, reject).finally(() => asked.delete(reject)).catch(() => {})
    })
  }

  #settle (outgoing: Outgoing, outcome: WriteOutcomes[number]): void {
    if (outcome === null) outgoing.resolve()
    else {
      const { concern } = outcome
      const error = concern === undefined
        ? new RemoteError(outcome.code, outcome.message, outcome)
        : new WriteConcernError(concern.wanted, concern.reached, concern.needed, concern.timeoutMs)
      if (outcome.changed === 'no' && outcome.retryable) this.#again(outgoing, error)
      else giveUp(outgoing, error)
    }
  }

  /** Tries the next owner while there is time, after growing pauses. */
  #again (outgoing: Outgoing, error: Error): void {
    const retryable = error instanceof MillpondError && error.retryable
    const { clock, timers } = this.#options.ports
    const now = clock.monotonicMs()
    outgoing.attempts++
    if (
      !(error instanceof MillpondError) || error.changed !== 'no' || error instanceof EnvelopeError
    ) outgoing.mayStand = true
    const { operations } = outgoing.write
    if (outgoing.mayStand && operations !== undefined && !operations.every(isRepeatable)) {
      outgoing.reject(
        new OutcomeUnknownError(`${JSON.stringify(outgoing.write.key)}: ${error.message}`, error)
      )
      return
    }
    if (this.#closed || !retryable || now >= outgoing.deadlineMs) {
      giveUp(
        outgoing,
        now >= outgoing.deadlineMs && !(error instanceof TimeoutError)
          ? new TimeoutError(
            `write of ${JSON.stringify(outgoing.write.key)} (${error.message})`,
            outgoing.timeoutMs
          )
          : error
      )
      return
    }
    timers.after(
      Math.min(intervals.maxWriteRetryMs, intervals.minWriteRetryMs * 2 ** (outgoing.attempts - 1)),
      () => this.#enqueue(outgoing)
    )
  }

  close (): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const outgoing of this.#queue.splice(0)) outgoing.reject(new ClosedError('connection'))
  }
}

/** A last attempt that was refused says nothing about those before it. */
function giveUp ({ mayStand, reject }: Outgoing, error: Error): void {
  if (!mayStand || !(error instanceof MillpondError) || error.changed !== 'no') reject(error)
  else {reject(
      new RemoteError(error.code, `${error.message}; an earlier attempt may have taken effect`, {
        changed: 'maybe',
        retryable: error.retryable,
        cause: error
      })
    )}
}

function tupleOf (write: Write): WriteBatch['writes'][number] {
  const { fields, more = null } = moreOf(write)
  return [write.key, write.version, write.stamp, fields, more as WriteBatch['writes'][number][4]]
}

/** Batches bounded in number and size. */
function cut (writes: readonly Outgoing[]): Outgoing[][] {
  const pieces: Outgoing[][] = []
  let bytes = Infinity
  for (const outgoing of writes) {
    const size = outgoing.write.key.length +
      approximateBytes([...Object.values(outgoing.write.fields ?? {}).map(value => value ?? null),
        JSON.stringify(outgoing.write.operations ?? null)])
    const last = pieces[pieces.length - 1]
    if (
      last === undefined || last.length >= limits.maxWritesPerBatch ||
      bytes + size > limits.maxDeltaBytes
    ) {
      pieces.push([outgoing])
      bytes = size
    } else {
      last.push(outgoing)
      bytes += size
    }
  }
  return pieces
}
