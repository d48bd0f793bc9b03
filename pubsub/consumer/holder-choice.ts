/**
 * Which holder a consumer uses for each placement group: the same one as long as it is one, so that
 * cursors, hints and digests fit together, and the next one when it cannot answer.
 */
import type { Router } from '../../replication/membership/router.js'

export class HolderChoice {
  readonly #router: Router
  readonly #chosen = new Map<number, string>()

  constructor (router: Router) {
    this.#router = router
  }

  /** The holder in use, or undefined while nobody holds the group. */
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

  /** Uses the holder after this one. @returns whether there is another one */
  moveOn (group: number, from: string): boolean {
    const holders = this.#router.holders(group)
    const next = holders[(holders.indexOf(from) + 1) % Math.max(1, holders.length)]
    if (next === undefined || next === from || this.#chosen.get(group) !== from) return false
    this.#chosen.set(group, next)
    return true
  }

  /** Groups by the holder in use; those that nobody holds are left out. */
  group<T> (items: Iterable<T>, groupOf: (item: T) => number): Map<string, T[]> {
    const byHolder = new Map<string, T[]>()
    for (const item of items) {
      const holder = this.of(groupOf(item))
      if (holder === undefined) continue
      const ofHolder = byHolder.get(holder)
      if (ofHolder === undefined) byHolder.set(holder, [item])
      else ofHolder.push(item)
    }
    return byHolder
  }
}
