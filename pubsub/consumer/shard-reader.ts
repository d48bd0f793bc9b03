/**
 * Reads dirty shards: polls one holder for those that wait longest, moves their positions on, and
 * goes to another holder where one cannot answer.
 *
 * When no replica has seen as much as a cursor (what it had seen was lost with its node), waiting
 * will not help: after a while the shard is read again from the start. So it is, at once, when a
 * replica has dropped tombstones that the cursor had not reached.
 */
import type { Change } from '../../engine/changes.js'
import { MillpondError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import type { Clock } from '../../engine/ports.js'
import type { Router } from '../../replication/membership/router.js'
import type { ShardCursor } from './commits.js'
import type { HolderChoice } from './holder-choice.js'
import type { Positions } from './positions.js'
import type { RequestClient } from '../requests/request-client.js'
import type { PollPage } from '../requests/request-protocol.js'

export interface ShardReaderOptions {
  readonly router: Router
  readonly requests: RequestClient
  readonly positions: Positions
  readonly holders: HolderChoice
  readonly clock: Clock
  /** How long a shard may be ahead of every replica before it is read again from the start. */
  readonly behindPatienceMs: number
}

export interface Reading {
  readonly changes: readonly Change[]
  /** Shards that are being read again from the start, each named once. */
  readonly resets: readonly number[]
  /** Nothing new came, and something is left that no replica could answer: try again in a while. */
  readonly isStalled: boolean
}

const NO_ANSWER: Reading = { changes: [], resets: [], isStalled: true }

export class ShardReader {
  readonly #options: ShardReaderOptions
  /** Shards polled since the last commit. */
  readonly #uncommitted = new Set<number>()
  /** Since when no replica could continue a shard's cursor. */
  readonly #behindSinceMs = new Map<number, number>()
  /** Shards that were started over and that no reading has named yet. */
  readonly #unreportedResets = new Set<number>()

  constructor (options: ShardReaderOptions) {
    this.#options = options
  }

  /**
   * Polls the longest waiting dirty shards that share a holder. @throws what trying again does not
   * mend
   */
  async read (limit: number): Promise<Reading> {
    const { router, requests, positions } = this.#options
    const [holder, shards] = this.#pick()
    if (holder === undefined) return NO_ANSWER // nobody holds it right now
    for (const shard of shards) if (this.#outOfPatience(shard)) this.#startOver(shard)
    // a hint that comes during the poll marks it again
    for (const shard of shards) positions.markClean(shard)
    let pages: PollPage[]
    try {
      pages = await requests.ask(holder, 'poll', {
        cache: router.cache,
        limit,
        shards: shards.map(shard => [shard, positions.cursor(shard)])
      })
    } catch (error) {
      if (!(error instanceof MillpondError) || !error.retryable) throw error
      for (const shard of shards) this.#avoid(holder, shard)
      return NO_ANSWER
    }
    const answered = new Set(pages.map(({ shard }) => shard))
    for (const shard of shards) if (!answered.has(shard)) positions.markDirty(shard)
    for (const page of pages) this.#take(page, holder)
    const changes = pages.flatMap(page => page.changes)
    const resets = [...this.#unreportedResets]
    this.#unreportedResets.clear()
    // Two holders that both lack something of one shard would have us go from one to the other, and
    // read its whole group there each time, for as long as patience lasts: so what came of the
    // other shards does not count.
    return {
      changes,
      resets,
      isStalled: changes.length === 0 && (pages.length === 0 || pages.some(({ behind }) => behind))
    }
  }

  #pick (): [holder: string | undefined, shards: number[]] {
    const { positions, holders } = this.#options
    let holder: string | undefined
    const shards: number[] = []
    for (const shard of positions.dirty()) {
      const candidate = holders.of(this.#groupOf(shard))
      holder ??= candidate
      if (candidate !== undefined && candidate === holder) shards.push(shard)
      if (shards.length >= limits.maxShardsPerPoll) break
    }
    return [holder, shards]
  }

  #take (page: PollPage, holder: string): void {
    const { clock, positions } = this.#options
    if (page.behind) {
      if (!this.#behindSinceMs.has(page.shard)) {
        this.#behindSinceMs.set(page.shard, clock.monotonicMs())
      }
      this.#avoid(holder, page.shard)
      return
    }
    this.#behindSinceMs.delete(page.shard)
    if (page.reset) {
      this.#startOver(page.shard)
      positions.markDirty(page.shard)
      return
    }
    positions.moveTo(page.shard, page.cursor)
    this.#uncommitted.add(page.shard)
    if (page.more) positions.markDirty(page.shard)
  }

  #outOfPatience (shard: number): boolean {
    const { clock, behindPatienceMs } = this.#options
    const since = this.#behindSinceMs.get(shard)
    if (since === undefined || clock.monotonicMs() - since < behindPatienceMs) return false
    this.#behindSinceMs.delete(shard)
    return true
  }

  #startOver (shard: number): void {
    this.#options.positions.startOver(shard)
    this.#unreportedResets.add(shard)
  }

  #groupOf (shard: number): number {
    return this.#options.router.topology.groupOf(shard)
  }

  /** Moves a shard's group on to the next holder, and keeps the shard dirty. */
  #avoid (holder: string, shard: number): void {
    const { positions, holders } = this.#options
    const group = this.#groupOf(shard)
    if (holders.moveOn(group, holder)) {
      // the hints of the new holder were not listened to
      for (const sibling of positions.shardsOf(group)) positions.markDirty(sibling)
    }
    positions.markDirty(shard)
  }

  /** A node says that these shards changed there. */
  hinted (node: string, shards: readonly number[]): void {
    const { positions, holders } = this.#options
    for (const shard of shards) {
      if (holders.isInUse(this.#groupOf(shard), node)) positions.markDirty(shard)
    }
  }

  /** The cursors that were moved since they were committed. */
  readSoFar (): ShardCursor[] {
    return [...this.#uncommitted].flatMap((shard): ShardCursor[] => {
      const cursor = this.#options.positions.cursor(shard)
      return cursor === null ? [] : [[shard, cursor]]
    })
  }

  /** These were committed; some may have moved on meanwhile. */
  committed (cursors: readonly ShardCursor[]): void {
    for (const [shard, cursor] of cursors) {
      if (this.#options.positions.cursor(shard) === cursor) this.#uncommitted.delete(shard)
    }
  }
}
