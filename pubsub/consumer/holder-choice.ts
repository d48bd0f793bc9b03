/**
 * The holder that a consumer uses for each placement group. A consumer stays with its choice as
 * long as that node is a holder, so that cursors, hints and digests fit together. It goes to the
 * next holder when its choice cannot answer.
 */
import { groupedBy } from '../../engine/base/grouped.js'
import type { Router } from '../../replication/membership/router.js'

export class HolderChoice {
  readonly #router: Router
  readonly #chosen = new Map<number, string>()

  constructor (router: Router) {
    this.#router = router
  }

  /** The holder in use, or undefined while the placement group has no holder. */
  of (group: number): string | undefined {
    const holders = this.#router.holders(group)
    const current = this.#chosen.get(group)
    if (current !== undefined && holders.includes(current)) return current
    const [first] = holders
    if (first === undefined) this.#chosen.delete(group)
    else this.#chosen.set(group, first)
    return first
  }

  isInUse (group: number, node: string): boolean {
    return this.#chosen.get(group) === node
  }

  /**
   * Chooses the holder after `from`.
   * @returns whether the choice changed: `from` was in use, and there is another holder
   */
  moveOn (group: number, from: string): boolean {
    const holders = this.#router.holders(group)
    const next = holders[(holders.indexOf(from) + 1) % Math.max(1, holders.length)]
    if (next === undefined || next === from || this.#chosen.get(group) !== from) return false
    this.#chosen.set(group, next)
    return true
  }

  /** The items by the holder in use; items of placement groups without a holder are left out. */
  byHolder<T> (items: Iterable<T>, groupOf: (item: T) => number): Map<string, T[]> {
    const grouped = groupedBy(items, item => this.of(groupOf(item)))
    grouped.delete(undefined)
    return grouped as Map<string, T[]>
  }
}
