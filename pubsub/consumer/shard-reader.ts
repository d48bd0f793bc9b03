/**
 * Reads dirty shards: polls one holder for those that wait longest, moves their positions on, and
 * goes to another holder where one cannot answer.
 *
 * A shard is read again from the start in two cases. A replica has dropped tombstones that the
 * cursor had not come to: then at once. No replica has seen as much as the cursor, because the node
 * that had was lost: then after a while, since waiting will not help.
 */
import type { Change } from '../../engine/changes.js'
import { MillpondError, UnavailableError } from '../../engine/errors.js'
import type { PollPage } from '../requests/request-protocol.js'
import { BehindShards } from './behind-shards.js'
import type { ShardCursor } from './commits.js'
import type { ConsumerScope } from './scope.js'

export interface Reading {
  readonly changes: readonly Change[]
  /** Shards that are being read again from the start, each named once. */
  readonly resets: readonly number[]
  /** Nothing new came, and something is left that no replica could answer: try again in a while. */
  readonly isStalled: boolean
}

const NOTHING_READ: Reading = { changes: [], resets: [], isStalled: true }

export class ShardReader {
  readonly #scope: ConsumerScope
  readonly #behind: BehindShards
  /** Shards polled since the last commit. */
  readonly #uncommitted = new Set<number>()
  /** Shards that were started over and that no reading has named yet. */
  readonly #unreportedResets = new Set<number>()

  constructor (scope: ConsumerScope) {
    this.#scope = scope
    this.#behind = new BehindShards(scope)
  }

  /**
   * Polls the longest waiting dirty shards that share a holder.
   * @throws errors that are not mended by trying again
   */
  async read (limit: number): Promise<Reading> {
    const { context: { router, requests }, positions, log, ending } = this.#scope
    const [holder, shards] = this.#pick()
    if (holder === undefined) {
      log.recovers(
        new UnavailableError('no dirty shard has a holder that is reachable'),
        [...positions.dirty()]
      )
      return NOTHING_READ
    }
    this.#startOver(this.#behind.takeOutOfPatience(shards))
    // a hint that comes during the poll marks its shards again
    for (const shard of shards) positions.markClean(shard)
    let pages: PollPage[]
    try {
      pages = await requests.ask(
        holder,
        'poll',
        {
          cache: router.cache,
          limit,
          shards: shards.map(shard => [shard, positions.cursor(shard)])
        },
        requests.begin({ signal: ending })
      )
    } catch (error) {
      if (ending.aborted || !(error instanceof MillpondError) || !error.retryable) throw error
      log.recovers(error, shards)
      for (const shard of shards) this.#avoid(holder, shard)
      return NOTHING_READ
    }
    this.#take(pages, shards, holder)
    const changes = pages.flatMap(page => page.changes)
    const resets = [...this.#unreportedResets]
    this.#unreportedResets.clear()
    // Two holders that both lack something of one shard would have us go from one to the other, and
    // read its whole group there each time, for as long as patience lasts. So changes to other
    // shards do not count as progress here.
    return {
      changes,
      resets,
      isStalled: changes.length === 0 && (pages.length === 0 || pages.some(({ behind }) => behind))
    }
  }

  #pick (): [holder: string | undefined, shards: number[]] {
    const { context: { router: { topology }, limits }, positions, holders } = this.#scope
    let holder: string | undefined
    const shards: number[] = []
    for (const shard of positions.dirty()) {
      const candidate = holders.of(topology.groupOf(shard))
      holder ??= candidate
      if (candidate !== undefined && candidate === holder) shards.push(shard)
      if (shards.length >= limits.maxShardsPerPoll) break
    }
    return [holder, shards]
  }

  /** Moves positions on as the pages say. Shards asked for that have no page stay dirty. */
  #take (pages: readonly PollPage[], asked: readonly number[], holder: string): void {
    const { positions, log } = this.#scope
    const answered = new Set(pages.map(({ shard }) => shard))
    for (const shard of asked) if (!answered.has(shard)) positions.markDirty(shard)
    const reset: number[] = []
    for (const page of pages) {
      if (page.behind) {
        this.#behind.add(page.shard, holder)
        this.#avoid(holder, page.shard)
        continue
      }
      this.#behind.delete(page.shard)
      if (page.reset) {
        reset.push(page.shard)
        positions.markDirty(page.shard)
        continue
      }
      const before = positions.cursor(page.shard)
      positions.moveTo(page.shard, page.cursor)
      if (before === null || page.cursor === null || Buffer.compare(before, page.cursor) !== 0) {
        this.#uncommitted.add(page.shard)
      }
      if (page.more) positions.markDirty(page.shard)
    }
    this.#behind.tell()
    this.#startOver(reset)
    log.reset(reset, 'floor')
  }

  #startOver (shards: readonly number[]): void {
    for (const shard of shards) {
      this.#scope.positions.startOver(shard)
      this.#unreportedResets.add(shard)
    }
  }

  /** Moves a shard's placement group on to the next holder, and keeps the shard dirty. */
  #avoid (holder: string, shard: number): void {
    const { context: { router: { topology } }, positions, holders } = this.#scope
    const group = topology.groupOf(shard)
    if (holders.moveOn(group, holder)) {
      // the hints of the new holder were not listened to
      for (const sibling of positions.shardsOf(group)) positions.markDirty(sibling)
    }
    positions.markDirty(shard)
  }

  /** How many shards the replicas asked so far have seen less of than the consumer. */
  get behindCount (): number {
    return this.#behind.size
  }

  /** The cursors that moved since they were last committed. */
  readSoFar (): ShardCursor[] {
    return [...this.#uncommitted].flatMap((shard): ShardCursor[] => {
      const cursor = this.#scope.positions.cursor(shard)
      return cursor === null ? [] : [[shard, cursor]]
    })
  }

  /** Notes that these cursors were committed. Some shards may have moved on meanwhile. */
  committed (cursors: readonly ShardCursor[]): void {
    for (const [shard, cursor] of cursors) {
      if (this.#scope.positions.cursor(shard) === cursor) this.#uncommitted.delete(shard)
    }
  }
}
