/**
 * Finds changes that no hint told of. Heartbeats carry a digest of each placement group. A group
 * that was just written to may differ from what a consumer read because the heartbeat came before
 * the hint. For a group that differs at two looks in a row a hint may have been lost: its holder is
 * asked for the digests of its shards, and the shards that differ are read.
 *
 * Two observations do not clear a group of suspicion: that its digest is another one than at the
 * last look, and that some of its shards wait to be read anyway. Both are always true of a group
 * that is written to without end. If they cleared it, a hint lost there would never be noticed.
 */
import { piecesOf } from '../../engine/base/pieces.js'
import type { ConsumerScope } from '../consumer/scope.js'

export class LostHints {
  readonly #scope: ConsumerScope
  /** The placement groups that differed at the last look. */
  readonly #suspects = new Set<number>()

  constructor (scope: ConsumerScope) {
    this.#scope = scope
  }

  /**
   * Looks once at every placement group, and marks the shards that differ.
   * @throws when a holder cannot be asked: look again later
   */
  async look (): Promise<void> {
    const { context: { router, requests, limits }, positions, holders, ending } = this.#scope
    const lost = new Map<string, number[]>()
    for (const group of router.topology.allGroups()) {
      const holder = holders.of(group)
      if (holder !== undefined && this.#isSuspectAgain(group, router.rootAt(holder, group))) {
        lost.set(holder, [...lost.get(holder) ?? [], group])
      }
    }
    for (const [holder, all] of lost) {
      for (const groups of piecesOf(all, limits.maxShardsPerRequest)) {
        const question = { cache: router.cache, groups }
        const call = requests.begin({ signal: ending })
        const found = await requests.ask(holder, 'digests', question, call)
        for (const [group, digests] of found) {
          for (const shard of positions.differing(group, digests)) positions.markDirty(shard)
        }
      }
    }
  }

  #isSuspectAgain (group: number, root: string | undefined): boolean {
    const suspect = this.#suspects.delete(group)
    if (root === undefined || root === this.#scope.positions.root(group)) return false
    if (!suspect) this.#suspects.add(group)
    return suspect
  }
}
