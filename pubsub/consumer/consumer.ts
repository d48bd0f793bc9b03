/**
 * A consumer: reads every shard of a cache at its own pace and remembers how far it came (D7).
 *
 *   hints ----> dirty shards --(rate limit)--> poll a holder --> batch --> the program --> commit
 *   digest check -->
 *
 * It starts at the group's committed cursors, or at the beginning. A record that changes many times
 * before it is read is given out once, as it is now; what waits for a slow consumer never exceeds
 * the live records. Delivery is at least once, and per key never older than before. Here are its
 * beginning, its pace and its end; how shards are read is in shard-reader.ts.
 */
import { setMaxListeners } from 'node:events'
import type { Change } from '../../engine/changes.js'
import { ConfigError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import type { Ports, Timer } from '../../engine/ports.js'
import { intervals } from '../../engine/timing.js'
import type { Messenger } from '../../replication/messages/messenger.js'
import type { Router } from '../../replication/membership/router.js'
import type { Subjects } from '../../replication/messages/subjects.js'
import { Commits, type ShardCursor } from './commits.js'
import { onHints } from '../hints/hints.js'
import { HolderChoice } from './holder-choice.js'
import { LostHints } from '../hints/lost-hints.js'
import { Positions } from './positions.js'
import type { RequestClient } from '../requests/request-client.js'
import { RateLimit } from './rate-limit.js'
import { ShardReader } from './shard-reader.js'
import { Wake } from './wake.js'

export interface ConsumeOptions {
  /** The consumer group whose cursors are read and committed. */
  readonly group: string
  /** Most records per second, on average. Default: no limit. */
  readonly ratePerSecond?: number
  /** Most records in one batch. Default 500. */
  readonly batchSize?: number
  /** Ends the iteration when nothing new was seen for so long. Default: never. */
  readonly stopWhenIdleMs?: number
  /** Ends the iteration when aborted. */
  readonly signal?: AbortSignal
}

export interface ConsumedBatch {
  readonly changes: readonly Change[]
  /**
   * Shards that are being read again from the start: forget their keys that do not come again.
   * Nearly always empty.
   */
  readonly resets: readonly number[]
  /**
   * Commits everything up to this batch for the group; resolves when an owner of each shard has it.
   */
  commit(): Promise<void>
}

export interface ConsumerOptions extends ConsumeOptions {
  readonly router: Router
  readonly requests: RequestClient
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly ports: Ports
  /** How often heartbeats' digests are held against what was read, to find lost hints. */
  readonly checkIntervalMs: number
  /** Aborted when the node or client closes: the iteration ends. */
  readonly closing: AbortSignal
  /** How long a shard may be ahead of every replica before it is read again from the start. */
  readonly behindPatienceMs: number
}

export async function* consume (
  options: ConsumerOptions
): AsyncGenerator<ConsumedBatch, void, undefined> {
  const consumer = new Consumer(options)
  try {
    await consumer.start()
    for (;;) {
      const batch = await consumer.next()
      if (batch === null) return
      yield batch
    }
  } finally {
    consumer.close()
  }
}

class Consumer {
  readonly #options: ConsumerOptions
  readonly #positions: Positions
  readonly #rate: RateLimit
  readonly #wake: Wake
  readonly #reader: ShardReader
  readonly #commits: Commits
  readonly #lostHints: LostHints
  readonly #closers: Array<() => void> = []
  #checkTimer: Timer | undefined
  #idleSinceMs: number
  /** The last poll came to nothing because no replica could answer. */
  #isStalled = false
  #closed = false

  constructor (options: ConsumerOptions) {
    const {
      ports: { clock, timers },
      ratePerSecond = Infinity,
      batchSize = 500,
      router,
      requests,
      group: consumerGroup,
      behindPatienceMs
    } = options
    if (!(ratePerSecond > 0)) {
      throw new ConfigError(`ratePerSecond must be a positive number, got ${ratePerSecond}`)
    }
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > limits.maxPollLimit) {
      throw new ConfigError(
        `batchSize must be an integer from 1 to ${limits.maxPollLimit}, got ${batchSize}`
      )
    }
    this.#options = options
    const positions = new Positions(router.topology)
    const holders = new HolderChoice(router)
    this.#positions = positions
    this.#reader = new ShardReader({
      router,
      requests,
      positions,
      holders,
      clock,
      behindPatienceMs
    })
    this.#commits = new Commits({ router, requests, holders, consumerGroup })
    this.#lostHints = new LostHints({ router, requests, positions, holders })
    this.#rate = new RateLimit(clock, ratePerSecond)
    this.#wake = new Wake(timers)
    this.#idleSinceMs = clock.monotonicMs()
  }

  async start (): Promise<void> {
    const { messenger, subjects, router, signal, closing } = this.#options
    const hints = onHints(
      messenger,
      subjects,
      router.cache,
      (node, shards) => this.#hinted(node, shards)
    )
    this.#closers.push(() => hints.close())
    const abort = () => {
      this.#closed = true
      this.#wake.end()
    }
    // one of each consumer, and each takes its own away: no leak to warn of
    setMaxListeners(0, closing)
    for (const end of signal === undefined ? [closing] : [closing, signal]) {
      end.addEventListener('abort', abort)
      this.#closers.push(() => end.removeEventListener('abort', abort))
      if (end.aborted) abort()
    }
    await this.#restore()
    for (const shard of router.topology.allShards()) this.#positions.markDirty(shard)
    this.#checkSoon()
  }

  /** Starts at the group's committed cursors; waits for placement groups that nobody holds yet. */
  async #restore (): Promise<void> {
    let waiting = [...this.#options.router.topology.allGroups()]
    for (;;) {
      const { cursors, left } = await this.#commits.read(waiting).catch((error: unknown) => {
        if (this.#closed) return { cursors: [], left: [] } // the connection went with us
        throw error
      })
      for (const [shard, cursor] of cursors) this.#positions.moveTo(shard, cursor)
      if (left.length === 0 || this.#closed) return
      waiting = left
      await this.#wake.sleep(intervals.consumerRetryMs)
    }
  }

  /** The next batch with something in it, or null at the end. */
  async next (): Promise<ConsumedBatch | null> {
    while (!this.#closed) {
      if (this.#positions.isClean) {
        if (this.#idleLeftMs <= 0) return null
        await this.#wake.wait(Math.min(this.#idleLeftMs, this.#options.checkIntervalMs))
        continue
      }
      if (this.#rate.allowed === 0) {
        await this.#wake.sleep(this.#rate.waitMs)
        continue
      }
      const batch = await this.#read()
      if (batch !== null) return batch
      if (this.#isStalled && this.#idleLeftMs <= 0) return null
    }
    return null
  }

  /** How long nothing new may still be seen before it ends. */
  get #idleLeftMs (): number {
    const { ports, stopWhenIdleMs = Infinity } = this.#options
    return this.#idleSinceMs + stopWhenIdleMs - ports.clock.monotonicMs()
  }

  async #read (): Promise<ConsumedBatch | null> {
    const { ports, batchSize = 500 } = this.#options
    const { changes, resets, isStalled } = await this.#reader.read(
      Math.min(batchSize, this.#rate.allowed)
    ).catch((error: unknown) => {
      // the connection went with us
      if (this.#closed) return { changes: [], resets: [], isStalled: false }
      throw error
    })
    this.#isStalled = isStalled
    this.#rate.take(changes.length)
    if (changes.length > 0) this.#idleSinceMs = ports.clock.monotonicMs()
    if (isStalled) await this.#wake.sleep(intervals.consumerRetryMs)
    return changes.length === 0 && resets.length === 0
      ? null
      : { changes, resets, commit: this.#commitUpTo(this.#reader.readSoFar()) }
  }

  #hinted (node: string, shards: readonly number[]): void {
    this.#reader.hinted(node, shards)
    if (!this.#positions.isClean) this.#wake.now()
  }

  #checkSoon (): void {
    this.#checkTimer = this.#options.ports.timers.after(this.#options.checkIntervalMs, () => {
      // A look that failed is made up for by the next one.
      void this.#lostHints.look().catch(() => {}).finally(() => {
        if (this.#closed) return
        if (!this.#positions.isClean) this.#wake.now()
        this.#checkSoon()
      })
    })
  }

  #commitUpTo (cursors: readonly ShardCursor[]): () => Promise<void> {
    return async () => {
      await this.#commits.write(cursors)
      this.#reader.committed(cursors)
    }
  }

  close (): void {
    this.#closed = true
    this.#checkTimer?.cancel()
    for (const close of this.#closers) close()
  }
}
