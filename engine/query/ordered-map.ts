/**
 * A map in the order of its keys, numbers before strings: what a range index walks. sorted-btree, a
 * B+ tree, is imported here and nowhere else.
 *
 * Numbers come in ascending order, strings by their UTF-16 code units as `<` compares them. The two
 * are never compared with each other, so a range that begins among the numbers ends with them.
 */
import sortedBTree from 'sorted-btree'

export type Ordered = number | string

/** One side of a range; `inclusive` tells whether the value itself is in it. */
export interface RangeBound {
  readonly value: Ordered
  readonly inclusive: boolean
}

/** All values of one type between two bounds. A side without a bound includes every value. */
export interface Range {
  readonly type: 'number' | 'string'
  readonly from?: RangeBound
  readonly to?: RangeBound
}

/** The least value of each type. */
const LEAST = { number: -Infinity, string: '' } as const

// The package is CommonJS. Node imports the module as its default, and the class is the default of
// the module.
const { default: BTree } = sortedBTree

export class OrderedMap<V> {
  readonly #tree = new BTree<Ordered, V>(undefined, compareOrdered)

  get size (): number {
    return this.#tree.size
  }
  get (key: Ordered): V | undefined {
    return this.#tree.get(key)
  }
  set (key: Ordered, value: V): void {
    this.#tree.set(key, value)
  }
  delete (key: Ordered): void {
    this.#tree.delete(key)
  }

  /** In ascending order. The map must not change meanwhile. */
  [Symbol.iterator] (): IterableIterator<[Ordered, V]> {
    return this.#tree.entries()
  }

  /** The values in a range, in ascending order. The map must not change meanwhile. */
  *range ({ type, from, to }: Range): Generator<V, void, undefined> {
    // Filled anew with each step, so that a walk allocates nothing.
    const pair: [Ordered, V] = [0, undefined as V]
    for (const [key, value] of this.#tree.entries(from?.value ?? LEAST[type], pair)) {
      if (typeof key !== type) return
      if (from?.inclusive === false && key === from.value) continue
      if (to !== undefined && (to.inclusive ? key > to.value : key >= to.value)) return
      yield value
    }
  }
}

/** Whether a value lies in a range. A value of another type does not. */
export function isWithin (value: unknown, { type, from, to }: Range): boolean {
  if (typeof value !== type) return false
  const ordered = value as Ordered
  if (from !== undefined && (from.inclusive ? ordered < from.value : ordered <= from.value)) {
    return false
  }
  return to === undefined || (to.inclusive ? ordered <= to.value : ordered < to.value)
}

/** The order of the map. NaN cannot be stored, so every number has its place. */
export function compareOrdered (a: Ordered, b: Ordered): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}
