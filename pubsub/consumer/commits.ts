/** A consumer group's committed cursors: read when a consumer starts, joined when it commits. */
import type { Call, CallOptions } from '../../engine/calls/call.js'
import { AbortedError, MillpondError } from '../../engine/errors.js'
import { groupedBy } from '../../engine/base/grouped.js'
import { piecesOf } from '../../engine/base/pieces.js'
import { noHolder } from '../../replication/membership/router.js'
import type { Asked } from '../requests/request-protocol.js'
import type { ConsumerScope } from './scope.js'

export type ShardCursor = readonly [shard: number, cursor: Uint8Array]

export class Commits {
  readonly #scope: ConsumerScope

  constructor (scope: ConsumerScope) {
    this.#scope = scope
  }

  /**
   * Reads the committed cursors of these placement groups.
   * @returns the cursors found, and the placement groups that could not be asked about right now
   */
  async read (
    groups: readonly number[]
  ): Promise<{ readonly cursors: ShardCursor[], readonly left: number[] }> {
    const { context: { router, requests, limits }, holders, consumerGroup, log, ending } =
      this.#scope
    const cursors: ShardCursor[] = []
    const shardsOf = (some: readonly number[]) =>
      some.flatMap(group => router.topology.shardsOf(group))
    const left = groups.filter(group => holders.of(group) === undefined)
    if (left.length > 0) log.recovers(noHolder(router.cache, left), shardsOf(left))
    for (const [holder, ofHolder] of holders.byHolder(groups, group => group)) {
      for (const asked of piecesOf(ofHolder, limits.maxShardsPerRequest)) {
        try {
          const question = { cache: router.cache, consumerGroup, groups: asked }
          const call = requests.begin({ signal: ending })
          const found = await requests.ask(holder, 'cursors', question, call)
          for (const cursor of found) cursors.push(cursor)
        } catch (error) {
          if (ending.aborted || !(error instanceof MillpondError) || !error.retryable) throw error
          log.recovers(error, shardsOf(asked))
          left.push(...asked)
          for (const group of asked) holders.moveOn(group, holder)
        }
      }
    }
    return { cursors, left }
  }

  /**
   * Commits cursors at a holder of each shard, with as few messages as their bounds allow.
   * @throws UnavailableError, TimeoutError when a shard has none that answers in time; AbortedError
   */
  async write (cursors: readonly ShardCursor[], options: CallOptions = {}): Promise<void> {
    const { context: { router: { topology }, requests, limits }, holders } = this.#scope
    const call = requests.begin(options)
    const byHolder = holders.byHolder(cursors, ([shard]) => topology.groupOf(shard))
    const withoutHolder = cursors.filter(([shard]) =>
      holders.of(topology.groupOf(shard)) === undefined
    )
    await Promise.all([
      ...[...byHolder].flatMap(([holder, ofHolder]) =>
        piecesOf(ofHolder, limits.maxShardsPerRequest).map(some =>
          this.#writeAt(holder, some, call)
        )
      ),
      this.#writeAnywhere(withoutHolder, call)
    ])
  }

  async #writeAt (
    holder: string,
    some: readonly ShardCursor[],
    call: Call
  ): Promise<void> {
    try {
      await this.#scope.context.requests.ask(holder, 'commit', this.#commitOf(some), call, 2)
    } catch (error) {
      if (!(error instanceof MillpondError) || !error.retryable) throw error
      if (error instanceof AbortedError) throw error
      // Committing twice joins to the same, so it does no harm that the holder may have some.
      await this.#writeAnywhere(some, call)
    }
  }

  /**
   * Commits the cursors of each placement group at whichever of its holders answers, and waits for
   * one a while.
   */
  async #writeAnywhere (cursors: readonly ShardCursor[], call: Call): Promise<void> {
    const { context: { router, requests, limits } } = this.#scope
    const byGroup = groupedBy(cursors, ([shard]) => router.topology.groupOf(shard))
    await Promise.all(
      [...byGroup].flatMap(([group, ofGroup]) =>
        piecesOf(ofGroup, limits.maxShardsPerRequest).map(some =>
          requests.askHolder(router, group, 'commit', this.#commitOf(some), call)
        )
      )
    )
  }

  #commitOf (cursors: readonly ShardCursor[]): Asked<'commit'> {
    const { context: { router: { cache } }, consumerGroup } = this.#scope
    return {
      cache,
      consumerGroup,
      cursors: cursors.map(([shard, cursor]): [number, Uint8Array] => [shard, cursor])
    }
  }
}
