/**
 * The index of one field: the keys by their values, and the value by which each key is indexed.
 *
 * Because the index remembers that value, a caller need not keep the old record to update it. An
 * equality index holds every scalar in a hash map; a range index holds numbers and strings in
 * order. Where only one record has a value, as with most prices in a range index, the bare key
 * stands in place of a set of one key, which would take about 200 bytes.
 */
import { OrderedMap, type Ordered } from './ordered-map.js'
import { isIndexable, type Condition, type IndexKind, type Scalar } from './query.js'
import type { Value } from '../base/values.js'

/** The keys that have a certain value; never an empty set. */
type Posting = string | Set<string>

export class FieldIndex {
  readonly #kind: IndexKind
  readonly #ordered = new OrderedMap<Posting>()
  readonly #hashed = new Map<Scalar, Posting>()
  readonly #values = new Map<string, Scalar>()

  constructor (kind: IndexKind) {
    this.#kind = kind
  }

  /**
   * Places a key by the value that its record has now; undefined when it has none. Only scalars are
   * indexed.
   */
  set (key: string, value: Value | undefined): void {
    const before = this.#values.get(key)
    const now = isIndexable(this.#kind, value) ? value : undefined
    if (before === now) return
    if (before !== undefined) this.#remove(key, before)
    if (now === undefined) {
      this.#values.delete(key)
      return
    }
    this.#values.set(key, now)
    const posting = this.#posting(now)
    if (posting === undefined) this.#place(now, key)
    else if (typeof posting === 'string') this.#place(now, new Set([posting, key]))
    else posting.add(key)
  }

  #remove (key: string, value: Scalar): void {
    const posting = this.#posting(value)
    if (typeof posting === 'object') {
      posting.delete(key)
      if (posting.size > 1) return
      for (const last of posting) this.#place(value, last)
    } else if (this.#kind === 'range') this.#ordered.delete(value as Ordered)
    else this.#hashed.delete(value)
  }

  #posting (value: Scalar): Posting | undefined {
    return this.#kind === 'range' ? this.#ordered.get(value as Ordered) : this.#hashed.get(value)
  }

  #place (value: Scalar, posting: Posting): void {
    if (this.#kind === 'range') this.#ordered.set(value as Ordered, posting)
    else this.#hashed.set(value, posting)
  }

  /** How many keys meet a condition. Counting ends once there are `enough`. */
  count (condition: Condition, enough: number): number {
    let count = 0
    for (const posting of this.#postings(condition)) {
      count += typeof posting === 'string' ? 1 : posting.size
      if (count >= enough) break
    }
    return count
  }

  /** The keys that meet a condition, each once, unordered. The index must not change meanwhile. */
  *keys (condition: Condition): Generator<string, void, undefined> {
    for (const posting of this.#postings(condition)) {
      if (typeof posting === 'string') yield posting
      else yield* posting
    }
  }

  /** A key has one value, so no key is in two postings. */
  *#postings ({ values, range }: Condition): Generator<Posting, void, undefined> {
    if (range !== undefined) {
      yield* this.#ordered.range(range)
      return
    }
    for (const value of values) {
      const posting = this.#posting(value)
      if (posting !== undefined) yield posting
    }
  }

  /** Everything in the index, in an order that its history does not change: for comparisons. */
  dump (): Array<readonly [value: Scalar, keys: readonly string[]]> {
    const postings: Array<readonly [Scalar, Posting]> = this.#kind === 'range'
      ? [...this.#ordered]
      : [...this.#hashed].sort(([a], [b]) => orderOf(a) < orderOf(b) ? -1 : 1)
    return postings.map((
      [value, posting]
    ) => [value, typeof posting === 'string' ? [posting] : [...posting].sort()])
  }

  /** The number of keys that have an indexed value. */
  get size (): number {
    return this.#values.size
  }
}

function orderOf (value: Scalar): string {
  return `${typeof value} ${String(value)}`
}
