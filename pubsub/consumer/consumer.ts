/**
 * A consumer: reads every shard of a cache at its own pace and remembers how far it came (D7).
 *
 *   hints, lost hints --> dirty shards --(rate limit)--> poll a holder --> batch --> the program
 *                                                                            --> commit
 *
 * A consumer starts at its group's committed cursors, or at the beginning. A record that changes
 * many times before it is read is given out once, as it is now; so the records that wait for a slow
 * consumer never outnumber the live ones. Delivery is at least once, and per key never older than
 * before. This file holds the beginning, the pace and the end of a consumer; shards are read in
 * shard-reader.ts.
 */
import { everyStep } from '../../engine/base/every-step.js'
import { hintCheckIntervalMs, intervals } from '../../engine/timing.js'
import type { ConsumerContext } from '../context.js'
import type { EndReason } from '../events.js'
import { ChangeWatch } from '../hints/change-watch.js'
import type { ConsumerStatus } from '../requests/status-protocol.js'
import { Commits, type ShardCursor } from './commits.js'
import type { CheckedOptions, ConsumedBatch } from './options.js'
import type { LiveConsumer } from './live-consumers.js'
import { RateLimit } from './rate-limit.js'
import { scopeOf, type ConsumerScope } from './scope.js'
import { ShardReader, type Reading } from './shard-reader.js'
import { Wake } from './wake.js'
import { assertKnown } from '../../engine/base/known.js'
import { CALL_OPTIONS, checkCall, type CallOptions } from '../../engine/calls/call.js'
import { onAbort } from '../../engine/calls/on-abort.js'

const NOTHING: Reading = { changes: [], resets: [], isStalled: false }

const CALL: ReadonlySet<string> = new Set(CALL_OPTIONS)

export class Consumer implements LiveConsumer {
  readonly #scope: ConsumerScope
  readonly #options: CheckedOptions
  readonly #closing: AbortSignal
  readonly #rate: RateLimit
  readonly #wake: Wake
  readonly #reader: ShardReader
  readonly #commits: Commits
  readonly #watch: ChangeWatch
  readonly #closers: Array<() => void> = []
  #idleSinceMs: number
  /** The last poll came to nothing because no replica could answer. */
  #isStalled = false
  readonly #ending = new AbortController()

  constructor (context: ConsumerContext, options: CheckedOptions, closing: AbortSignal) {
    const { clock, timers } = context.ports
    this.#scope = scopeOf(context, options.group, this.#ending.signal)
    this.#options = options
    this.#closing = closing
    this.#reader = new ShardReader(this.#scope)
    this.#commits = new Commits(this.#scope)
    this.#rate = new RateLimit(clock, options.ratePerSecond)
    this.#wake = new Wake(timers)
    this.#watch = new ChangeWatch(this.#scope, () => this.#wake.now())
    this.#idleSinceMs = clock.monotonicMs()
  }

  get #closed (): boolean {
    return this.#ending.signal.aborted
  }

  async start (): Promise<void> {
    const { context: { ports, router: { shape, topology } }, positions, log } = this.#scope
    this.#endWith(this.#closing)
    if (this.#options.signal !== undefined) this.#endWith(this.#options.signal)
    if (this.#closed) return
    this.#watch.listen()
    await this.#restore()
    if (this.#closed) return
    this.#idleSinceMs = ports.clock.monotonicMs() // to wait for a holder is not to see nothing new
    log.started(shape.shards, positions.cursorCount)
    for (const shard of topology.allShards()) positions.markDirty(shard)
    this.#watch.lookSoon()
  }

  #endWith (signal: AbortSignal): void {
    const abort = () => {
      this.#ending.abort()
      this.#wake.end()
    }
    this.#closers.push(onAbort(signal, abort))
    if (signal.aborted) abort()
  }

  /** Starts at the group's committed cursors; waits for placement groups without a holder. */
  async #restore (): Promise<void> {
    const { context: { router }, positions, unheld } = this.#scope
    let waiting: readonly number[] = [...router.topology.allGroups()]
    for (;;) {
      unheld.look()
      const { cursors, left } = await this.#commits.read(waiting).catch((error: unknown) => {
        if (this.#closed) return { cursors: [], left: [] } // nobody waits for them
        throw error
      })
      for (const [shard, cursor] of cursors) positions.moveTo(shard, cursor)
      if (left.length === 0 || this.#closed) return
      waiting = left
      await this.#wake.sleep(intervals.consumerRetryMs)
    }
  }

  /** The next batch with something in it, or at the end why there is none. */
  async next (): Promise<ConsumedBatch | EndReason> {
    const { context: { pace }, positions } = this.#scope
    while (!this.#closed) {
      if (positions.isClean) {
        if (this.#idleLeftMs <= 0) return 'idle'
        await this.#wake.wait(Math.min(this.#idleLeftMs, hintCheckIntervalMs(pace())))
        continue
      }
      if (this.#rate.allowed === 0) {
        await this.#wake.sleep(this.#rate.waitMs)
        continue
      }
      const batch = await this.#read()
      if (batch !== null) return batch
      if (this.#isStalled && this.#idleLeftMs <= 0) return 'idle'
    }
    return this.#closing.aborted ? 'closed' : 'stopped'
  }

  /** How long nothing new may still be seen before it ends. */
  get #idleLeftMs (): number {
    const { clock } = this.#scope.context.ports
    return this.#idleSinceMs + this.#options.stopWhenIdleMs - clock.monotonicMs()
  }

  async #read (): Promise<ConsumedBatch | null> {
    const { context: { ports }, log } = this.#scope
    const { changes, resets, isStalled } = await this.#reader.read(
      Math.min(this.#options.batchSize, this.#rate.allowed)
    ).catch((error: unknown) => {
      if (this.#closed) return NOTHING // nobody waits for it
      throw error
    })
    this.#isStalled = isStalled
    this.#rate.take(changes.length)
    if (changes.length > 0) this.#idleSinceMs = ports.clock.monotonicMs()
    if (isStalled) await this.#wake.sleep(intervals.consumerRetryMs)
    if (changes.length === 0 && resets.length === 0) return null
    const cursors = this.#reader.readSoFar()
    const delivered = log.handOut(changes.length)
    return { changes, resets, commit: options => this.#commit(cursors, delivered, options) }
  }

  async #commit (
    cursors: readonly ShardCursor[],
    delivered: number,
    options: CallOptions = {}
  ): Promise<void> {
    assertKnown(options, CALL, 'commit')
    checkCall(options)
    const { log } = this.#scope
    try {
      await this.#commits.write(cursors, options)
    } catch (error) {
      log.commitFailed(cursors.map(([shard]) => shard), error)
      throw error
    }
    log.committed(delivered)
    this.#reader.committed(cursors)
  }

  status (): ConsumerStatus {
    const { context: { router }, positions, unheld, log } = this.#scope
    return {
      ...log.status(),
      shards: router.shape.shards,
      cursors: positions.cursorCount,
      dirtyShards: positions.dirtyCount,
      behindShards: this.#reader.behindCount,
      groupsWithoutHolder: unheld.count,
      uncommittedShards: this.#reader.readSoFar().length
    }
  }

  close (why: EndReason, error?: unknown): void {
    this.#ending.abort()
    everyStep([
      () => this.#watch.close(),
      ...this.#closers,
      () => this.#scope.log.ended(why, error)
    ])
  }
}
