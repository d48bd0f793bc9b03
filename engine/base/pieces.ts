/** Cuts a list into pieces of a bounded length, in order; of an empty list there are none. */
export function piecesOf<T> (items: readonly T[], length: number): T[][] {
  return Array.from(
    { length: Math.ceil(items.length / length) },
    (_, i) => items.slice(i * length, (i + 1) * length)
  )
}
