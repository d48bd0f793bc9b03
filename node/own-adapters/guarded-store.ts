/**
 * A store that a program brings, with a guard around it: what it throws becomes a StoreError with
 * the cause, and what it gives is checked where it is read. The guard is the one place where that
 * is seen to.
 */
import { messageOf } from '../../engine/base/thrown.js'
import { StoreError } from '../../engine/errors.js'
import type { Store, StoreBatch, StoredShard } from '../../storage/store.js'
import { assertHas, closeAnything, hasCode, isOurs, isPromise, letGo, refused } from './checks.js'

const METHODS = ['getMeta', 'setMeta', 'shards', 'commit', 'close'] as const

/**
 * @throws StoreError, or another error with a code, as the program gives it; TypeError when what it
 *   gives is no Store
 */
export function openOwnStore (open: (cache: string) => Store, cache: string): Store {
  const store = calling(cache, 'openStore', () => open(cache))
  try {
    calling(
      cache,
      'openStore',
      () => assertHas(store, METHODS, 'openStore must return a Store')
    )
  } catch (error) {
    void closeAnything(store)
    throw error
  }
  return new GuardedStore(store, cache)
}

class GuardedStore implements Store {
  readonly #inner: Store
  readonly #cache: string

  constructor (inner: Store, cache: string) {
    this.#inner = inner
    this.#cache = cache
  }

  getMeta (name: string): string | undefined {
    const value: unknown = calling(this.#cache, 'getMeta', () => this.#inner.getMeta(name))
    if (value === undefined || typeof value === 'string') return value
    throw new TypeError(
      `getMeta of the store of cache ${this.#cache} must return a string, or undefined where ` +
        `there is none, got ${refused(value)}`
    )
  }

  setMeta (name: string, value: string): void {
    const given: unknown = calling(
      this.#cache,
      'setMeta',
      () => this.#inner.setMeta(name, value)
    )
    if (!isPromise(given)) return
    letGo(given)
    throw new TypeError(
      `setMeta of the store of cache ${this.#cache} must have written when it returns, and it ` +
        'gave a promise'
    )
  }

  *shards (): Iterable<StoredShard> {
    const what = `shards of the store of cache ${this.#cache}`
    const read = <T>(call: () => T): T => calling(this.#cache, 'shards', call)
    const given: unknown = read(() => this.#inner.shards())
    let isGivenOut = false
    let rows: Iterator<unknown> | undefined
    try {
      const iterator = rows = read(() => iteratorOf(given, what))
      for (;;) {
        const row = read(() => nextRow(iterator, what))
        if (row === undefined) return
        isGivenOut = true
        yield row
        isGivenOut = false
      }
    } catch (error) {
      letGo(given)
      throw error
    } finally {
      // The reader stopped.
      if (isGivenOut) letGo(read((): unknown => rows?.return?.()))
    }
  }

  async commit (batch: StoreBatch): Promise<void> {
    await this.#awaited('commit', () => this.#inner.commit(batch))
  }

  async close (): Promise<void> {
    await this.#awaited('close', () => this.#inner.close())
  }

  async #awaited (method: string, call: () => Promise<void>): Promise<void> {
    try {
      await call()
    } catch (cause) {
      throw withCode(this.#cache, method, cause)
    }
  }
}

function calling<T> (cache: string, method: string, call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw withCode(cache, method, cause)
  }
}

/** Calls that are made while a node opens: with the others something may have been stored. */
const OPENING: ReadonlySet<string> = new Set(['openStore', 'getMeta', 'setMeta', 'shards'])

function withCode (cache: string, method: string, cause: unknown): unknown {
  // Of a commit or close, which no call of the program makes, a TypeError is a failure like others.
  if (hasCode(cause) || (OPENING.has(method) && isOurs(cause))) return cause
  return new StoreError(
    `the store of cache ${cache} failed (${method}): ${messageOf(cause)}`,
    cause,
    // One that knows better fails with a code.
    OPENING.has(method) ? { changed: 'no', retryable: false } : {}
  )
}

/** @throws TypeError when what `shards` gave cannot be read row by row */
function iteratorOf (given: unknown, what: string): Iterator<unknown> {
  const isIterable = typeof (given as Partial<Iterable<unknown>> | null | undefined)
    ?.[Symbol.iterator] === 'function'
  if (!isIterable) throw new TypeError(`${what} must return an iterable, got ${refused(given)}`)
  const rows: unknown = (given as Iterable<unknown>)[Symbol.iterator]()
  assertHas(rows, ['next'], `${what} must return an iterable, whose iterator has a next`)
  return rows as Iterator<unknown>
}

/**
 * @returns undefined at the end
 * @throws TypeError when the iterator gives no stored shard
 */
function nextRow (rows: Iterator<unknown>, what: string): StoredShard | undefined {
  const given: unknown = rows.next()
  try {
    const { done, value } = given as { readonly done?: unknown, readonly value?: unknown }
    if (done === true) return undefined
    if (isPromise(given) || isPromise(value)) {
      throw new TypeError(`${what} must give each shard at once, and gave a promise`)
    }
    return checkedRow(value, what)
  } catch (error) {
    letGo(given)
    throw error
  }
}

/**
 * A copy of the row, read once: its properties may be anything a program can write.
 * @throws TypeError naming the part of a stored shard that cannot be
 */
function checkedRow (given: unknown, what: string): StoredShard {
  const { shard, snapshot, ...lists } = (given ?? {}) as Partial<StoredShard>
  const row = {
    shard,
    snapshot,
    damaged: lists.damaged,
    deltas: listOf(lists.deltas),
    cursors: listOf(lists.cursors)
  }
  const parts: Array<[name: keyof StoredShard, isRight: boolean, must: string]> = [
    ['shard', Number.isSafeInteger(shard), 'a whole number'],
    ['snapshot', snapshot === null || isBytes(snapshot), 'a Uint8Array or null'],
    ['deltas', row.deltas?.every(isBytes) === true, 'an array of Uint8Arrays'],
    ['cursors', row.cursors?.every(isCursor) === true, 'an array of { consumerGroup, cursor }'],
    ['damaged', isCount(row.damaged), 'a whole number from 0 up']
  ]
  for (const [name, isRight, must] of parts) {
    if (isRight) continue
    const value: unknown = name === 'deltas' || name === 'cursors' ? lists[name] : row[name]
    throw new TypeError(`${what} gave one whose ${name} is ${refused(value)}; it must be ${must}`)
  }
  return row as StoredShard
}

/** A hole becomes undefined, which is then refused. */
function listOf (given: unknown): unknown[] | undefined {
  return Array.isArray(given) ? Array.from(given as unknown[]) : undefined
}

function isCount (value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isBytes (value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}

function isCursor (value: unknown): boolean {
  const { consumerGroup, cursor } = (value ?? {}) as { consumerGroup?: unknown, cursor?: unknown }
  return typeof consumerGroup === 'string' && isBytes(cursor)
}
