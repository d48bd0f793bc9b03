/**
 * Finds what no hint told of. Heartbeats carry a digest of each placement group. One look at a
 * group that was just written to may well come between a heartbeat and a hint; a group that differs
 * at two looks in a row may have lost one, and its holder is asked for the digests of its shards:
 * those that differ are read.
 *
 * That a group differs in another way than before, or that some of it waits to be read anyway, says
 * nothing about the rest of it: where somebody always writes, both are always so, and a lost hint
 * would never be noticed.
 */
import type { Router } from '../../replication/membership/router.js'
import type { HolderChoice } from '../consumer/holder-choice.js'
import type { Positions } from '../consumer/positions.js'
import type { RequestClient } from '../requests/request-client.js'

export interface LostHintsOptions {
  readonly router: Router
  readonly requests: RequestClient
  readonly positions: Positions
  readonly holders: HolderChoice
}

export class LostHints {
  readonly #options: LostHintsOptions
  /** The groups that differed at the last look. */
  readonly #suspects = new Set<number>()

  constructor (options: LostHintsOptions) {
    this.#options = options
  }

  /**
   * Looks once at every group; marks the shards that differ. @throws when a holder cannot be asked:
   * look again later
   */
  async look (): Promise<void> {
    const { router, requests, positions, holders } = this.#options
    const lost = new Map<string, number[]>()
    for (const group of router.topology.allGroups()) {
      const holder = holders.of(group)
      if (holder !== undefined && this.#isSuspectAgain(group, router.rootAt(holder, group))) {
        lost.set(holder, [...lost.get(holder) ?? [], group])
      }
    }
    for (const [holder, groups] of lost) {
      for (
        const [group, digests] of await requests.ask(holder, 'digests', {
          cache: router.cache,
          groups
        })
      ) {
        for (const shard of positions.differing(group, digests)) positions.markDirty(shard)
      }
    }
  }

  #isSuspectAgain (group: number, root: string | undefined): boolean {
    const suspect = this.#suspects.delete(group)
    if (root === undefined || root === this.#options.positions.root(group)) return false
    if (!suspect) this.#suspects.add(group)
    return suspect
  }
}
