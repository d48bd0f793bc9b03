/**
 * The cache as its users see it: the same on a node, which may hold the record itself, and on a
 * client, which holds nothing. Writes are in cache-writes.ts.
 */
import type { Element } from '../../engine/fields/set.js'
import { ClosedError, KindError } from '../../engine/errors.js'
import { parseWhere, type Where } from '../../engine/query/query.js'
import { assertKnown } from '../../engine/base/known.js'
import { describe } from '../../engine/base/plain.js'
import { checkKey, type Fields } from '../../engine/base/values.js'
import { turnsOf, type Turns } from '../../engine/turns.js'
import { checkBody } from '../../engine/write/write.js'
import { abortedBy, CALL_OPTIONS, checkCall, type CallOptions } from '../../engine/calls/call.js'
import { intervals } from '../../engine/timing.js'
import { consume } from '../../pubsub/consumer/consume.js'
import type { ConsumedBatch, ConsumeOptions } from '../../pubsub/consumer/options.js'
import type { ConsumerContext } from '../../pubsub/context.js'
import { checkLimit, findRecords } from '../../pubsub/requests/ask/find-records.js'
import { assertNodeName } from '../../pubsub/requests/ask/request-client.js'
import { scanRecords } from '../../pubsub/requests/ask/scan-records.js'
import type { NameOf, RecordOf, RegistersOf, Schema } from './cache-schema.js'
import { isPromise, whenRejected } from '../own-adapters/checks.js'
import { CacheWrites, checkPutOptions, NONE, type PutOptions,
  type WritesOptions } from './cache-writes.js'
import { checkKeys, getMany } from '../../pubsub/requests/ask/get-many.js'

export interface CacheRecord<F = Fields> {
  readonly key: string
  readonly fields: F
  /** The greatest version in the record. */
  readonly version: number
}

/**
 * `timeoutMs` is for each page: a scan takes as long as there are records, and its reader needs.
 */
export interface ReadOptions extends CallOptions {
  /**
   * Read the replica of the node of this name, and only the shards it holds: to compare replicas.
   * Default: any holder of each shard, so that all records come.
   */
  readonly node?: string
}

export interface QueryOptions extends ReadOptions {
  /** Most records to return, from 1 up. Default: all. */
  readonly limit?: number
}

const CALL: ReadonlySet<string> = new Set(CALL_OPTIONS)
const READ_OPTIONS = [...CALL_OPTIONS, 'node'] as const satisfies ReadonlyArray<keyof ReadOptions>
const READ: ReadonlySet<string> = new Set(READ_OPTIONS)
const QUERY: ReadonlySet<string> = new Set<keyof QueryOptions>([...READ_OPTIONS, 'limit'])

export interface CacheOptions extends WritesOptions {
  /** Shared by the cache's reads and its consumers. */
  readonly readers: ConsumerContext
}

export class Cache<S extends Schema = Schema> extends CacheWrites<S> {
  readonly #options: CacheOptions
  readonly #turns: Turns
  readonly #closing = new AbortController()

  constructor (options: CacheOptions) {
    super(options)
    this.#options = options
    this.#turns = turnsOf(options.readers.ports)
  }

  /**
   * A record's current fields, or undefined: registers as they were written, counters, maxima and
   * minima as numbers, sets as arrays of their elements. A holder answers: with the writes that it
   * took itself at once, with others as soon as they have replicated. The object is frozen, and
   * stays as it is when the record changes. Bytes in it cannot be frozen, and are the record's own:
   * copy them before changing them.
   * @throws TypeError, ValueError, LimitError; ClosedError, as every call after the node or client
   *   was closed; rejects with UnavailableError or TimeoutError when no holder answers in time,
   *   AbortedError
   */
  get (key: string, options: CallOptions = NONE): Promise<RecordOf<S> | undefined> {
    this.#assertOpen()
    checkCallOptions(options, 'get')
    const checked = checkKey(key, this.#options.limits)
    return this.#turns.isOverAtLast()
      ? this.#getLater(checked, options)
      : this.#get(checked, options)
  }

  async #getLater (key: string, options: CallOptions): Promise<RecordOf<S> | undefined> {
    await this.#turns.next()
    return await this.#get(key, options)
  }

  async #get (key: string, options: CallOptions): Promise<RecordOf<S> | undefined> {
    const { readers: { router, requests }, local } = this.#options
    if (options.signal?.aborted === true) throw abortedBy(options.signal, 'no')
    const shard = router.topology.shardOf(key)
    const group = router.topology.groupOf(shard)
    if (local?.held.phase(group) === 'ready') {
      return local.shards.record(shard, key) as RecordOf<S> | undefined
    }
    const request = { cache: this.name, keys: [key] }
    const [fields] = await requests.askHolder(
      router,
      group,
      'get',
      request,
      requests.begin(options)
    )
    return (Object.freeze(fields) ?? undefined) as RecordOf<S> | undefined
  }

  /**
   * Records by their keys, in the same order, undefined where there is none. Keys that one node
   * holds are asked for together. Records are frozen, as by get. Not a snapshot: records written
   * meanwhile may be as before or after. At most limits.maxKeysPerRead keys (10,000). Fails as get
   * does.
   */
  getMany (
    keys: readonly string[],
    options: CallOptions = NONE
  ): Promise<Array<RecordOf<S> | undefined>> {
    this.#assertOpen()
    checkCallOptions(options, 'getMany')
    const { readers, local, limits } = this.#options
    const records = getMany(readers, local, checkKeys(keys, limits), options)
    return records as Promise<Array<RecordOf<S> | undefined>>
  }

  /** Whether there is such a record. Fails as get does. */
  has (key: string, options: CallOptions = NONE): Promise<boolean> {
    checkCallOptions(options, 'has')
    return this.get(key, options).then(fields => fields !== undefined)
  }

  /**
   * Whether a set holds an element. Fails as get does, and refuses at once the field names and
   * elements that addToSet refuses; rejects with KindError when the field is no set.
   */
  hasElement (
    key: string,
    field: NameOf<S, 'set'>,
    element: Element,
    options: CallOptions = NONE
  ): Promise<boolean> {
    checkCallOptions(options, 'hasElement')
    checkBody({ operations: [{ kind: 'add', field, element }] }, this.#options.limits)
    this.#options.kinds.assert(field, 'set')
    return this.get(key, options).then(fields => isIn(fields as Fields | undefined, field, element))
  }

  /**
   * Reads a record and writes what `fn` makes of it: fields to put, null to delete it, undefined to
   * leave it as it is.
   *
   * Not linearizable: `fn` sees what get would return. A write of others between the reading and
   * the writing is not looked at again: the two merge field by field, and the later time wins. To
   * count or to collect use increment and addToSet, which lose nothing.
   * @param fn returns at once, not a promise
   * @param options its time and its signal are for the reading and the writing together
   * @returns whether anything was written
   * @throws what get throws; rejects with what get and put fail with, and what `fn` throws
   */
  update (
    key: string,
    fn: (fields: RecordOf<S> | undefined) => RegistersOf<S> | null | undefined,
    options: PutOptions = {}
  ): Promise<boolean> {
    checkPutOptions(options, 'update')
    if (typeof fn !== 'function') {
      throw new TypeError(`update needs a function of the fields, got ${describe(fn)}`)
    }
    this.entry.check(options)
    const { readers: { ports: { clock } } } = this.#options
    const { timeoutMs = intervals.writeTimeoutMs, signal } = options
    const begunMs = clock.monotonicMs()
    return this.get(key, { timeoutMs, ...signal === undefined ? {} : { signal } }).then(fields => {
      const tookMs = Math.floor(clock.monotonicMs() - begunMs)
      const rest = { ...options, timeoutMs: Math.max(0, timeoutMs - tookMs) }
      return this.#writeNext(key, fn(fields), rest)
    })
  }

  async #writeNext (
    key: string,
    next: RegistersOf<S> | null | undefined,
    options: PutOptions
  ): Promise<boolean> {
    if (next === undefined) return false
    if (isPromise(next)) {
      whenRejected(next, () => {})
      throw new TypeError('update needs a function that returns at once, and its gave a promise')
    }
    if (next === null) {
      const { ttlMs: _, ...rest } = options
      await this.delete(key, rest)
    } else await this.put(key, next, options)
    return true
  }

  /**
   * Every live record, shard by shard and by key within a shard, in pages of bounded size. Records
   * written meanwhile may or may not be among them.
   * @throws TypeError at once; while reading UnavailableError, TimeoutError
   */
  scan (options: ReadOptions = {}): AsyncGenerator<CacheRecord<RecordOf<S>>, void, undefined> {
    this.#assertOpen()
    assertKnown(options, READ, 'scan')
    checkCall(options)
    if (options.node !== undefined) assertNodeName(options.node)
    return scanRecords(this.#options.readers, options) as AsyncGenerator<
      CacheRecord<RecordOf<S>>,
      void,
      undefined
    >
  }

  /**
   * The records that meet all conditions on indexed fields: `cache.query({ country: 'France',
   * price: { lt: 2 } }, { limit: 100 })`. Operators are eq (a plain value), in, lt, lte, gt and
   * gte; at least one of the fields must be declared under `indexes` in the nodes' settings. In
   * pages of bounded size; records written meanwhile may or may not be among them.
   * @throws TypeError, QueryError, LimitError at once; NotIndexedError (or a RemoteError of its
   *   code NOT_INDEXED), UnavailableError or TimeoutError while reading
   */
  query (
    where: Where,
    options: QueryOptions = {}
  ): AsyncGenerator<CacheRecord<RecordOf<S>>, void, undefined> {
    this.#assertOpen()
    assertKnown(options, QUERY, 'query')
    checkCall(options)
    if (options.node !== undefined) assertNodeName(options.node)
    if (options.limit !== undefined) checkLimit(options.limit)
    parseWhere(where, this.#options.limits)
    return findRecords(this.#options.readers, where, options) as AsyncGenerator<
      CacheRecord<RecordOf<S>>,
      void,
      undefined
    >
  }

  /**
   * Reads what changes, from the consumer group's committed position on, as batches:
   *
   *   for await (const batch of cache.consume({ group: 'repricer', ratePerSecond: 1000 })) {
   *     ...
   *     await batch.commit()
   *   }
   *
   * Delivers at least once, and per key never older than before. Leaving the loop ends the
   * consumer, and so does closing the node or client.
   * @throws TypeError, ConfigError at once, on options that cannot work; while reading
   *   UnavailableError when no node that runs the cache was heard of, and errors that trying again
   *   does not mend
   */
  consume (options: ConsumeOptions): AsyncGenerator<ConsumedBatch, void, undefined> {
    this.#assertOpen()
    return consume(this.#options.readers, options, this.#closing.signal)
  }

  /**
   * Logs and publishes what is buffered here, and resolves when every write so far has reached its
   * write concern. Where some failed since the last call, it rejects and tells of them: of every
   * one, also of those whose promise was awaited, for it cannot be known who awaits. The next call
   * tells of later failures only. A part of a patch counts as a write.
   * @throws ClosedError at once; rejects with WritesFailedError, and LogError when what is buffered
   *   cannot be logged
   */
  flush (): Promise<void> {
    this.#assertOpen()
    return this.#flush()
  }

  async #flush (): Promise<void> {
    this.#options.local?.flush()
    await this.entry.flush()
  }

  /** Takes no more calls, and ends the iterations of consumers. */
  close (): void {
    this.entry.close()
    this.#closing.abort()
  }

  /** @throws ClosedError */
  #assertOpen (): void {
    if (this.#closing.signal.aborted) throw new ClosedError(`cache ${this.name}`)
  }
}

/** @throws TypeError */
function checkCallOptions (options: CallOptions, where: string): void {
  if (options === NONE) return
  assertKnown(options, CALL, where)
  checkCall(options)
}

/** @throws KindError when the field is no set */
function isIn (fields: Fields | undefined, field: string, element: Element): boolean {
  const elements = fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined
  if (elements === undefined) return false
  if (Array.isArray(elements)) return elements.includes(element)
  throw new KindError(`field ${field} is no set: it reads as ${describe(elements)}`)
}
