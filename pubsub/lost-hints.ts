/**
 * Finds what no hint told of. Heartbeats carry a digest of each placement group; a group that a consumer has read to its end,
 * and that differs from its holder's digest in the same way twice in a row, lost a hint: the shards that differ are asked for.
 */
import type { Router } from '../replication/router.js'
import type { HolderChoice } from './holder-choice.js'
import type { Positions } from './positions.js'
import type { QueryClient } from './query-client.js'

export interface LostHintsOptions {
  readonly router: Router
  readonly queries: QueryClient
  readonly positions: Positions
  readonly holders: HolderChoice
}

export class LostHints {
  readonly #options: LostHintsOptions
  /** The digest that differed at the last look, per group. */
  readonly #suspects = new Map<number, string>()

  constructor (options: LostHintsOptions) { this.#options = options }

  /** Looks once at every group; marks the shards that differ. @throws when a holder cannot be asked: look again later */
  async look (): Promise<void> {
    const { router, queries, positions, holders } = this.#options
    const lost = new Map<string, number[]>()
    for (let group = 0; group < router.shape.groups; group++) {
      const holder = holders.of(group)
      if (holder !== undefined && this.#isSuspectAgain(group, router.rootAt(holder, group))) lost.set(holder, [...lost.get(holder) ?? [], group])
    }
    for (const [holder, groups] of lost) {
      for (const [group, digests] of await queries.ask(holder, 'digests', { cache: router.cache, groups })) {
        for (const shard of positions.differing(group, digests)) positions.markDirty(shard)
      }
    }
  }

  #isSuspectAgain (group: number, root: string | undefined): boolean {
    const { positions } = this.#options
    const suspect = this.#suspects.get(group)
    this.#suspects.delete(group)
    if (root === undefined || !positions.groupIsClean(group) || root === positions.root(group)) return false
    if (suspect === root) return true
    this.#suspects.set(group, root)
    return false
  }
}
