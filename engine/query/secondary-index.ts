/**
 * The secondary indexes of one shard, and the queries they answer.
 *
 * An index only proposes candidates. Every candidate is read and checked against all conditions
 * before it is handed out, so a record that expired a moment ago, or was written since, is never
 * shown for a value it had before.
 *
 *   touch(key)   the record may have changed. The key is only noted. It is looked at with the next
 *                query, or once limits.maxUnindexedKeys keys wait: a hammered key costs the index
 *                one update, as it costs the log one entry
 *
 * Results come in the order of keys, because no other order is the same at another replica, where a
 * reader may go on. The index does not have that order. So each page goes through all candidates,
 * and keeps the first keys above `after`; it never holds more than two pages of keys.
 *
 *   invariants   1. while no key waits, a key is in the index of a field exactly by the value that
 *                   its record has
 *                2. the state depends on the records alone, not on their history
 */
import { FieldIndex } from './field-index.js'
import type { Limits } from '../limits.js'
import { indexed, matches, type Condition, type IndexDeclaration, type Scalar } from './query.js'
import { approximateBytes, type Fields } from '../base/values.js'

/** Reading must change nothing. */
export interface SecondaryIndexesOptions {
  readonly declaration: IndexDeclaration
  readonly limits: Limits
  /** The record as it now is, undefined when there is none. */
  readonly read: (key: string) => Fields | undefined
  /**
   * The same with fields that have expired and are not unset yet. The indexes are made from these
   * records: otherwise the indexes would depend on when they were made, and would lack fields that
   * a clock which goes back shows again. Default: `read`.
   */
  readonly readExpired?: (key: string) => Fields | undefined
}

export interface QueryPageOptions {
  /** The most records to return, at least 1. */
  readonly limit: number
  /** Only keys above this one. */
  readonly after?: string | null
  /**
   * The page ends early once its records are about this many bytes, but holds at least one record.
   * Default: limits.maxPollReplyBytes.
   */
  readonly maxBytes?: number
}

export interface QueryPage {
  /** In ascending order of their keys. */
  readonly records: ReadonlyArray<{ readonly key: string, readonly fields: Fields }>
  /** The last key that was looked at, or null when there are no more above it. */
  readonly next: string | null
  /** How many candidates were looked at, which is the cost of the page. */
  readonly looked: number
  /** The approximate size of the records. */
  readonly bytes: number
}

export class SecondaryIndexes {
  readonly declaration: IndexDeclaration
  readonly #limits: Limits
  readonly #read: (key: string) => Fields | undefined
  readonly #readExpired: (key: string) => Fields | undefined
  readonly #fields: ReadonlyMap<string, FieldIndex>
  readonly #touched = new Set<string>()

  constructor (options: SecondaryIndexesOptions) {
    const { declaration, read, readExpired = read, limits } = options
    this.#limits = limits
    this.declaration = declaration
    this.#read = read
    this.#readExpired = readExpired
    this.#fields = new Map(
      Object.entries(declaration).map(([field, kind]) => [field, new FieldIndex(kind)])
    )
  }

  /** The record may have changed. */
  touch (key: string): void {
    this.#touched.add(key)
    if (this.#touched.size >= this.#limits.maxUnindexedKeys) this.refresh()
  }

  /** Looks at every key that was touched. */
  refresh (): void {
    const touched = [...this.#touched]
    this.#touched.clear()
    for (const key of touched) this.update(key, this.#readExpired(key))
  }

  /** Indexes a record by its fields; undefined when there is none. O(indexed fields). */
  update (key: string, fields: Fields | undefined): void {
    for (const [field, index] of this.#fields) {
      index.set(
        key,
        fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined
      )
    }
  }

  /** @throws NotIndexedError when no index answers any of the conditions */
  query (
    conditions: readonly Condition[],
    { limit, after = null, maxBytes = this.#limits.maxPollReplyBytes }: QueryPageOptions
  ): QueryPage {
    const by = this.#mostSelective(indexed(conditions, this.declaration))
    this.refresh()
    const { keys, looked } = this.#firstKeys(by, conditions, after, limit + 1)
    const records: Array<{ key: string, fields: Fields }> = []
    let bytes = 0
    let at = 0
    for (; at < keys.length && records.length < limit && (bytes < maxBytes || at === 0); at++) {
      const key = keys[at] as string
      const fields = this.#read(key)
      // A field of the record expired since #firstKeys read it.
      if (fields === undefined || !matches(fields, conditions)) continue
      records.push({ key, fields })
      bytes += key.length + approximateBytes(fields)
    }
    return {
      records,
      next: at < keys.length || keys.length > limit ? keys[at - 1] as string : null,
      looked,
      bytes
    }
  }

  /** The first `count` keys above `after` whose records meet the conditions. */
  #firstKeys (
    by: Condition,
    conditions: readonly Condition[],
    after: string | null,
    count: number
  ): { keys: string[], looked: number } {
    const keys: string[] = []
    let looked = 0
    let end: string | undefined
    for (const key of this.#indexOf(by).keys(by)) {
      looked++
      if ((after !== null && key <= after) || (end !== undefined && key >= end)) continue
      const fields = this.#read(key)
      if (fields === undefined || !matches(fields, conditions)) continue
      keys.push(key)
      if (keys.length < count * 2) continue
      keys.sort()
      keys.length = count
      end = keys[count - 1]
    }
    keys.sort()
    if (keys.length > count) keys.length = count
    return { keys, looked }
  }

  /**
   * The condition that the fewest keys meet. The bound on counting grows step by step, so that
   * counting costs no more than the answer.
   */
  #mostSelective (conditions: readonly Condition[]): Condition {
    let best = conditions[0] as Condition
    if (conditions.length === 1) return best
    for (let enough = 64;; enough *= 4) {
      let least = enough
      for (const condition of conditions) {
        const count = this.#indexOf(condition).count(condition, least)
        if (count >= least) continue
        best = condition
        least = count
      }
      if (least < enough) return best
    }
  }

  #indexOf ({ field }: Condition): FieldIndex {
    return this.#fields.get(field) as FieldIndex
  }

  /** Everything in the indexes, for comparisons. */
  dump (): Record<string, Array<readonly [value: Scalar, keys: readonly string[]]>> {
    this.refresh()
    return Object.fromEntries([...this.#fields].map(([field, index]) => [field, index.dump()]))
  }
}
