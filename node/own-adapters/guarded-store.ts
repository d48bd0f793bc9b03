/**
 * A store that a program brings, with a guard around it: what it throws becomes a StoreError with
 * the cause, and what it gives is checked where it is read. The guard is the one place where that
 * is seen to.
 */
import { describe } from '../../engine/base/plain.js'
import { messageOf } from '../../engine/base/thrown.js'
import { StoreError } from '../../engine/errors.js'
import type { Store, StoreBatch, StoredShard } from '../../storage/store.js'
import { assertHas, isOurs } from './checks.js'

const METHODS = ['getMeta', 'setMeta', 'shards', 'commit', 'close'] as const

/**
 * @throws StoreError, or another error with a code, as the program gives it; TypeError when what it
 *   gives is no Store
 */
export function openOwnStore (open: (cache: string) => Store, cache: string): Store {
  const store = calling(cache, 'openStore', () => open(cache))
  assertHas(store, METHODS, 'openStore must return a Store')
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
        `there is none, got ${describe(value)}`
    )
  }

  setMeta (name: string, value: string): void {
    calling(this.#cache, 'setMeta', () => this.#inner.setMeta(name, value))
  }

  *shards (): Iterable<StoredShard> {
    const what = `shards of the store of cache ${this.#cache}`
    const rows = calling(this.#cache, 'shards', () => {
      const given: unknown = this.#inner.shards()
      if (typeof (given as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] === 'function') {
        return (given as Iterable<unknown>)[Symbol.iterator]()
      }
      throw new TypeError(`${what} must return an iterable, got ${describe(given)}`)
    })
    let isGivenOut = false
    try {
      for (;;) {
        const row = calling(this.#cache, 'shards', () => rows.next())
        if (row.done === true) return
        const checked = checkRow(row.value, what)
        isGivenOut = true
        yield checked
        isGivenOut = false
      }
    } finally {
      if (isGivenOut) calling(this.#cache, 'shards', () => rows.return?.()) // the reader stopped
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
  if (isOurs(cause)) return cause
  return new StoreError(
    `the store of cache ${cache} failed (${method}): ${messageOf(cause)}`,
    cause,
    // One that knows better fails with a code.
    OPENING.has(method) ? { changed: 'no', retryable: false } : {}
  )
}

/** @throws TypeError naming the part of a stored shard that cannot be */
function checkRow (row: unknown, what: string): StoredShard {
  const { shard, snapshot, deltas, cursors, damaged } = (row ?? {}) as Partial<StoredShard>
  const parts: Array<[name: string, isRight: boolean, value: unknown, must: string]> = [
    ['shard', Number.isSafeInteger(shard), shard, 'a whole number'],
    ['snapshot', snapshot === null || isBytes(snapshot), snapshot, 'a Uint8Array or null'],
    ['deltas', Array.isArray(deltas) && deltas.every(isBytes), deltas, 'an array of Uint8Arrays'],
    ['cursors', Array.isArray(cursors) && cursors.every(isCursor), cursors,
      'an array of { consumerGroup, cursor }'],
    ['damaged', Number.isSafeInteger(damaged), damaged, 'a whole number']
  ]
  for (const [name, isRight, value, must] of parts) {
    if (isRight) continue
    throw new TypeError(`${what} gave one whose ${name} is ${describe(value)}; it must be ${must}`)
  }
  return row as StoredShard
}

function isBytes (value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}

function isCursor (value: unknown): boolean {
  const { consumerGroup, cursor } = (value ?? {}) as { consumerGroup?: unknown, cursor?: unknown }
  return typeof consumerGroup === 'string' && isBytes(cursor)
}
