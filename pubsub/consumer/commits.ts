/** A consumer group's committed cursors: read when a consumer starts, joined when it commits. */
import { MillpondError } from '../../engine/errors.js'
import type { Router } from '../../replication/membership/router.js'
import type { HolderChoice } from './holder-choice.js'
import type { RequestClient } from '../requests/request-client.js'

export interface CommitsOptions {
  readonly router: Router
  readonly requests: RequestClient
  readonly holders: HolderChoice
  readonly consumerGroup: string
}

export type ShardCursor = readonly [shard: number, cursor: Uint8Array]

export class Commits {
  readonly #options: CommitsOptions

  constructor (options: CommitsOptions) {
    this.#options = options
  }

  /**
   * Reads the committed cursors of these placement groups.
   * @returns what was found, and the groups that could not be asked about right now
   */
  async read (
    groups: readonly number[]
  ): Promise<{ readonly cursors: ShardCursor[], readonly left: number[] }> {
    const { router, requests, holders, consumerGroup } = this.#options
    const cursors: ShardCursor[] = []
    const left = groups.filter(group => holders.of(group) === undefined)
    for (const [holder, asked] of holders.group(groups, group => group)) {
      try {
        cursors.push(
          ...await requests.ask(holder, 'cursors', {
            cache: router.cache,
            consumerGroup,
            groups: asked
          })
        )
      } catch (error) {
        if (!(error instanceof MillpondError) || !error.retryable) throw error
        left.push(...asked)
        for (const group of asked) holders.moveOn(group, holder)
      }
    }
    return { cursors, left }
  }

  /**
   * Commits cursors at a holder of each shard, one message per holder. @throws UnavailableError,
   * TimeoutError when a shard has none that answers
   */
  async write (cursors: readonly ShardCursor[]): Promise<void> {
    const { router, requests, holders, consumerGroup } = this.#options
    const { cache, topology } = router
    await Promise.all(
      [...holders.group(cursors, ([shard]) => topology.groupOf(shard))].map(
        async ([holder, ofHolder]) => {
          try {
            await requests.ask(holder, 'commit', {
              cache,
              consumerGroup,
              cursors: ofHolder.map(([shard, cursor]): [number, Uint8Array] => [shard, cursor])
            })
          } catch (error) {
            if (!(error instanceof MillpondError) || !error.retryable) throw error
            // This holder cannot take them all: each goes to whichever can. Committing twice joins
            // to the same.
            await Promise.all(
              ofHolder.map(async ([shard, cursor]) =>
                await requests.askHolder(router, topology.groupOf(shard), 'commit', {
                  cache,
                  consumerGroup,
                  cursors: [[shard, cursor]]
                })
              )
            )
          }
        }
      )
    )
  }
}
