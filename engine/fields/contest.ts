/** Rules that the kinds of fields share when they decide between two claims. */

/**
 * A claim that is better in itself takes the place of another only if no reset can end it before
 * the other: else both live, and the better one is read.
 * @param better above 0 when `a` is better in itself, below 0 when `b` is
 * @param epoch the epoch of `a` less that of `b`
 */
export function contestBest (better: number, epoch: number, aIsLater: boolean): number {
  if (better === 0) return epoch === 0 ? (aIsLater ? 1 : -1) : Math.sign(epoch)
  return better > 0 === epoch >= 0 || epoch === 0 ? Math.sign(better) : 0
}

/** The difference of two clocks, also where both are still Infinity. */
export function difference (a: number, b: number): number {
  return a === b ? 0 : a - b
}

/**
 * Of the claims that have one name, the last one.
 * @param order above 0 where its first claim comes after its second
 */
export function latestOf<T> (
  claims: readonly T[],
  nameOf: (claim: T) => string,
  order: (a: T, b: T) => number
): T[] {
  const latest = new Map<string, T>()
  for (const claim of claims) {
    const name = nameOf(claim)
    const known = latest.get(name)
    if (known === undefined || order(claim, known) > 0) latest.set(name, claim)
  }
  return [...latest.values()]
}
