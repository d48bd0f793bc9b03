/**
 * A consumer: reads every shard of a cache at its own pace and remembers how far it came (D7).
 *
 *   hints ---------> dirty shards --(rate limit)--> poll a holder --> batch --> the program --> commit
 *   digest check -->
 *
 * It starts at the group's committed cursors, or at the beginning. A record that changes many times before it is read is
 * given out once, as it is now; what waits for a slow consumer never exceeds the live records. Delivery is at least
 * once, and per key never older than before.
 *
 * When no replica has seen as much as a cursor (what it had seen was lost with its node), waiting will not help: after a
 * while the shard is read again from the start and named in `batch.resets`.
 */
import type { Change } from '../engine/changes.js'
import { ConfigError, MillpondError } from '../engine/errors.js'
import { limits } from '../engine/limits.js'
import type { Ports, Timer } from '../engine/ports.js'
import { groupOf } from '../engine/routing.js'
import type { Messenger } from '../replication/messenger.js'
import type { Router } from '../replication/router.js'
import type { Subjects } from '../replication/subjects.js'
import { Wake } from './wake.js'
import { onHints } from './hints.js'
import { Positions } from './positions.js'
import type { QueryClient } from './query-client.js'
import type { PollPage } from './query-protocol.js'
import { RateLimit } from './rate-limit.js'

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

export interface Batch {
  readonly changes: readonly Change[]
  /** Shards that are being read again from the start: forget their keys that do not come again. Nearly always empty. */
  readonly resets: readonly number[]
  /** Commits everything up to this batch for the group; resolves when an owner of each shard has it. */
  commit(): Promise<void>
}

export interface ConsumerOptions extends ConsumeOptions {
  readonly router: Router
  readonly queries: QueryClient
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

/** Pause before a holder that had nothing for us is asked again. */
const RETRY_MS = 20

export async function * consume (options: ConsumerOptions): AsyncGenerator<Batch, void, undefined> {
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
  /** Shards polled since the last commit. */
  readonly #uncommitted = new Set<number>()
  /** Since when no replica could continue a shard's cursor. */
  readonly #behindSinceMs = new Map<number, number>()
  /** Shards that were started over and that no batch has named yet. */
  readonly #unreportedResets = new Set<number>()
  /** Per group: the holder in use, and the digest that differed at the last check. */
  readonly #holders = new Map<number, string>()
  readonly #suspects = new Map<number, string>()
  readonly #closers: Array<() => void> = []
  #checkTimer: Timer | undefined
  #idleSinceMs: number
  #closed = false

  constructor (options: ConsumerOptions) {
    const { ports, ratePerSecond = Infinity, batchSize = 500, router } = options
    if (!(ratePerSecond > 0)) throw new ConfigError(`ratePerSecond must be a positive number, got ${ratePerSecond}`)
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > limits.maxPollLimit) throw new ConfigError(`batchSize must be an integer from 1 to ${limits.maxPollLimit}, got ${batchSize}`)
    this.#options = options
    this.#positions = new Positions(router.shape)
    this.#rate = new RateLimit(ports.clock, ratePerSecond)
    this.#wake = new Wake(ports.timers)
    this.#idleSinceMs = ports.clock.monotonicMs()
  }

  async start (): Promise<void> {
    const { messenger, subjects, router, signal, closing } = this.#options
    const hints = onHints(messenger, subjects, router.cache, (node, shards) => this.#hinted(node, shards))
    this.#closers.push(() => hints.close())
    const abort = () => {
      this.#closed = true
      this.#wake.end()
    }
    for (const end of signal === undefined ? [closing] : [closing, signal]) {
      end.addEventListener('abort', abort)
      this.#closers.push(() => end.removeEventListener('abort', abort))
      if (end.aborted) abort()
    }
    await this.#restore()
    for (let shard = 0; shard < router.shape.shards; shard++) this.#positions.markDirty(shard)
    this.#checkSoon()
  }

  /** Reads the group's committed cursors, from one holder per placement group; waits for groups that nobody holds yet. */
  async #restore (): Promise<void> {
    const { router, queries, group: consumerGroup } = this.#options
    let waiting = Array.from({ length: router.shape.groups }, (_, group) => group)
    while (waiting.length > 0 && !this.#closed) {
      const holder = this.#holder(waiting.find(group => this.#holder(group) !== undefined) ?? 0)
      const groups = waiting.filter(group => this.#holder(group) === holder)
      if (holder === undefined) {
        await this.#wake.sleep(RETRY_MS)
        continue
      }
      try {
        const found = await queries.ask(holder, 'cursors', { cache: router.cache, consumerGroup, groups })
        for (const [shard, cursor] of found) this.#positions.moveTo(shard, cursor)
        waiting = waiting.filter(group => !groups.includes(group))
      } catch (error) {
        if (this.#closed) return
        if (!(error instanceof MillpondError) || !error.retryable) throw error
        for (const group of groups) this.#moveOn(group, holder)
        await this.#wake.sleep(RETRY_MS)
      }
    }
  }

  /** The next batch with something in it, or null at the end. */
  async next (): Promise<Batch | null> {
    const { ports, stopWhenIdleMs = Infinity } = this.#options
    while (!this.#closed) {
      if (this.#positions.isClean) {
        const leftMs = this.#idleSinceMs + stopWhenIdleMs - ports.clock.monotonicMs()
        if (leftMs <= 0) return null
        await this.#wake.wait(Math.min(leftMs, this.#options.checkIntervalMs))
        continue
      }
      if (this.#rate.allowed === 0) {
        await this.#wake.sleep(this.#rate.waitMs)
        continue
      }
      const batch = await this.#poll()
      if (batch !== null) return batch
    }
    return null
  }

  /** Polls the longest waiting dirty shards that share a holder. */
  async #poll (): Promise<Batch | null> {
    const { router, queries, ports, batchSize = 500 } = this.#options
    const limit = Math.min(batchSize, this.#rate.allowed)
    const [holder, shards] = this.#pick()
    if (holder === undefined) {
      await this.#wake.sleep(RETRY_MS) // nobody holds it right now
      return null
    }
    for (const shard of shards) if (this.#outOfPatience(shard)) this.#startOver(shard)
    for (const shard of shards) this.#positions.markClean(shard) // a hint that comes during the poll marks it again
    let pages: PollPage[]
    try {
      pages = await queries.ask(holder, 'poll', { cache: router.cache, limit, shards: shards.map(shard => [shard, this.#positions.cursor(shard)]) })
    } catch (error) {
      if (this.#closed) return null
      if (!(error instanceof MillpondError) || !error.retryable) throw error
      for (const shard of shards) this.#avoid(holder, shard)
      await this.#wake.sleep(RETRY_MS)
      return null
    }
    const answered = new Set(pages.map(({ shard }) => shard))
    for (const shard of shards) if (!answered.has(shard)) this.#positions.markDirty(shard)
    for (const page of pages) this.#take(page, holder)
    const changes = pages.flatMap(page => page.changes)
    this.#rate.take(changes.length)
    if (changes.length > 0) this.#idleSinceMs = ports.clock.monotonicMs()
    else if (pages.every(({ behind }) => behind)) await this.#wake.sleep(RETRY_MS)
    const resets = [...this.#unreportedResets]
    if (changes.length === 0 && resets.length === 0) return null
    this.#unreportedResets.clear()
    const commit = this.#commitUpTo([...this.#uncommitted].map(shard => [shard, this.#positions.cursor(shard)]))
    return { changes, resets, commit }
  }

  #pick (): [holder: string | undefined, shards: number[]] {
    let holder: string | undefined
    const shards: number[] = []
    for (const shard of this.#positions.dirty()) {
      const candidate = this.#holder(this.#groupOf(shard))
      holder ??= candidate
      if (candidate !== undefined && candidate === holder) shards.push(shard)
      if (shards.length >= limits.maxShardsPerPoll) break
    }
    return [holder, shards]
  }

  #take (page: PollPage, holder: string): void {
    const { ports } = this.#options
    if (page.behind) {
      if (!this.#behindSinceMs.has(page.shard)) this.#behindSinceMs.set(page.shard, ports.clock.monotonicMs())
      this.#avoid(holder, page.shard)
      return
    }
    this.#behindSinceMs.delete(page.shard)
    this.#positions.moveTo(page.shard, page.cursor)
    this.#uncommitted.add(page.shard)
    if (page.more) this.#positions.markDirty(page.shard)
  }

  #outOfPatience (shard: number): boolean {
    const since = this.#behindSinceMs.get(shard)
    if (since === undefined || this.#options.ports.clock.monotonicMs() - since < this.#options.behindPatienceMs) return false
    this.#behindSinceMs.delete(shard)
    return true
  }

  #startOver (shard: number): void {
    this.#positions.startOver(shard)
    this.#unreportedResets.add(shard)
  }

  #groupOf (shard: number): number { return groupOf(shard, this.#options.router.shape.groups) }

  /** The holder to ask about a group: the same as long as it is one, so that cursors and hints fit together. */
  #holder (group: number): string | undefined {
    const holders = this.#options.router.holders(group)
    const current = this.#holders.get(group)
    if (current !== undefined && holders.includes(current)) return current
    return this.#use(group, holders[0])
  }

  #use (group: number, holder: string | undefined): string | undefined {
    if (holder === undefined) this.#holders.delete(group)
    else this.#holders.set(group, holder)
    return holder
  }

  /** Moves a shard's group on to the next holder, and keeps the shard dirty. */
  #avoid (holder: string, shard: number): void {
    const group = this.#groupOf(shard)
    if (this.#moveOn(group, holder)) {
      for (const sibling of this.#positions.shardsOf(group)) this.#positions.markDirty(sibling) // the hints of the new holder were not listened to
    }
    this.#positions.markDirty(shard)
  }

  /** Uses the holder after this one for a group. @returns whether there is another one */
  #moveOn (group: number, from: string): boolean {
    const holders = this.#options.router.holders(group)
    const next = holders[(holders.indexOf(from) + 1) % Math.max(1, holders.length)]
    if (this.#holders.get(group) !== from || next === from) return false
    this.#use(group, next)
    return true
  }

  #hinted (node: string, shards: readonly number[]): void {
    for (const shard of shards) if (this.#holders.get(this.#groupOf(shard)) === node) this.#positions.markDirty(shard)
    if (!this.#positions.isClean) this.#wake.now()
  }

  #checkSoon (): void {
    this.#checkTimer = this.#options.ports.timers.after(this.#options.checkIntervalMs, () => {
      // A check that failed is made up for by the next one.
      void this.#check().catch(() => {}).finally(() => { if (!this.#closed) this.#checkSoon() })
    })
  }

  /** A group that is clean, and yet differs from its holder in the same way twice, lost a hint. */
  async #check (): Promise<void> {
    const { router, queries } = this.#options
    for (let group = 0; group < router.shape.groups && !this.#closed; group++) {
      const holder = this.#holder(group)
      const root = holder === undefined ? undefined : router.rootAt(holder, group)
      if (holder === undefined || root === undefined || !this.#positions.groupIsClean(group) || root === this.#positions.root(group)) {
        this.#suspects.delete(group)
        continue
      }
      if (this.#suspects.get(group) !== root) {
        this.#suspects.set(group, root)
        continue
      }
      this.#suspects.delete(group)
      for (const [, digests] of await queries.ask(holder, 'digests', { cache: router.cache, groups: [group] })) {
        for (const shard of this.#positions.differing(group, digests)) this.#positions.markDirty(shard)
      }
      this.#wake.now()
    }
  }

  #commitUpTo (cursors: ReadonlyArray<readonly [number, Uint8Array | null]>): () => Promise<void> {
    return async () => {
      const { router, queries, group: consumerGroup } = this.#options
      const byGroup = new Map<number, Array<[number, Uint8Array]>>()
      for (const [shard, cursor] of cursors) {
        if (cursor === null) continue
        const group = this.#groupOf(shard)
        byGroup.set(group, [...byGroup.get(group) ?? [], [shard, cursor]])
      }
      await Promise.all([...byGroup].map(async ([group, ofGroup]) => {
        await queries.askHolder(router, group, 'commit', { cache: router.cache, consumerGroup, cursors: ofGroup })
      }))
      for (const [shard, cursor] of cursors) if (this.#positions.cursor(shard) === cursor) this.#uncommitted.delete(shard)
    }
  }

  close (): void {
    this.#closed = true
    this.#checkTimer?.cancel()
    for (const close of this.#closers) close()
  }
}
