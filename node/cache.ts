/**
 * The cache as its users see it: the same on a node, which may hold the record itself, and on a client, which holds
 * nothing. Writes are checked and stamped here, where they enter, and carry their version from then on.
 */
import { ClosedError, UnavailableError } from '../engine/errors.js'
import type { HybridClock } from '../engine/hlc.js'
import { limits } from '../engine/limits.js'
import type { Ports } from '../engine/ports.js'
import { groupOf, shardOf } from '../engine/routing.js'
import type { Write } from '../engine/write.js'
import { checkFields, checkKey, type Fields } from '../engine/values.js'
import { consume, type Batch, type ConsumeOptions } from '../pubsub/consumer.js'
import type { QueryClient } from '../pubsub/query-client.js'
import { replicasNeeded, type WriteConcern } from '../replication/acks.js'
import type { Messenger } from '../replication/messenger.js'
import type { Replicator } from '../replication/replicator.js'
import type { Router } from '../replication/router.js'
import type { Subjects } from '../replication/subjects.js'
import type { WriteForwarder } from '../replication/write-forwarder.js'

export interface WriteOptions {
  /** When the event happened, a Date or milliseconds since 1970: it decides against other writes of the field. Default: now. */
  readonly at?: Date | number
  /** Who must hold the write before the promise resolves. Default 'buffered'. */
  readonly ack?: WriteConcern
  /** How long that may take. Default 5000. */
  readonly timeoutMs?: number
}

export interface CacheRecord {
  readonly key: string
  readonly fields: Fields
  readonly version: number
}

export interface CacheOptions {
  readonly name: string
  readonly clock: HybridClock
  readonly ports: Ports
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly router: Router
  readonly queries: QueryClient
  readonly forwarder: WriteForwarder
  readonly checkIntervalMs: number
  readonly behindPatienceMs: number
  /** The replica on this node, when it runs the cache. */
  readonly local?: Replicator
  /** Told of writes that failed after put or delete returned, whether or not somebody awaits them. */
  readonly onWriteFailed: (cache: string, key: string, error: unknown) => void
}

const DEFAULT_WRITE_TIMEOUT_MS = 5000

export class Cache {
  readonly name: string
  readonly #options: CacheOptions
  readonly #closing = new AbortController()

  constructor (options: CacheOptions) {
    this.name = options.name
    this.#options = options
  }

  /**
   * Sets fields of a record; its other fields stay. Readable at once where it was written.
   *
   * The promise resolves when the write concern is reached; nobody has to await it: a failure nobody awaits is reported as an
   * event. What is wrong with the arguments is thrown at once.
   * @throws TypeError, ValueError, LimitError, FutureVersionError, ConfigError (nothing changed); BusyError (too many
   * writes on their way). Rejects with WriteConcernError (the write stands), TimeoutError or UnavailableError
   */
  put (key: string, fields: Fields, options: WriteOptions = {}): Promise<void> {
    return this.#write({ key: checkKey(key), fields: checkFields(fields), ...this.#stamp(options.at) }, options)
  }

  /** Removes a record. Writes older than this never bring it back, however late they arrive. Fails as put does. */
  delete (key: string, options: WriteOptions = {}): Promise<void> {
    return this.#write({ key: checkKey(key), fields: null, ...this.#stamp(options.at) }, options)
  }

  #stamp (at: Date | number | undefined): { version: number, stamp: number } {
    const { clock } = this.#options
    if (at === undefined) {
      const version = clock.next()
      return { version, stamp: version }
    }
    const version = clock.versionAt(at)
    return { version, stamp: clock.next() }
  }

  #write (write: Write, { ack = 'buffered', timeoutMs = DEFAULT_WRITE_TIMEOUT_MS }: WriteOptions): Promise<void> {
    if (this.#closing.signal.aborted) throw new ClosedError(`cache ${this.name}`)
    const { router, local, forwarder, onWriteFailed } = this.#options
    const { shards, groups, replicas } = router.shape
    replicasNeeded(ack, replicas) // refuses a write concern that cannot be reached
    const shard = shardOf(write.key, shards)
    const done = local?.held.has(groupOf(shard, groups)) === true
      ? local.write(shard, write, ack, timeoutMs).then(() => {})
      : forwarder.submit(shard, write, ack, timeoutMs)
    done.catch((error: unknown) => onWriteFailed(this.name, write.key, error))
    return done
  }

  /**
   * A record's current fields, or undefined. Sees writes made through this node or client's owner at once, others as
   * soon as they have replicated.
   * @throws TypeError, ValueError; rejects with UnavailableError or TimeoutError when no holder answers
   */
  async get (key: string): Promise<Fields | undefined> {
    const { router, local, queries } = this.#options
    const shard = shardOf(checkKey(key), router.shape.shards)
    const group = groupOf(shard, router.shape.groups)
    if (local?.held.phase(group) === 'ready') return local.shards.peek(shard)?.get(key)
    const [fields] = await queries.askHolder(router, group, 'get', { cache: this.name, keys: [key] })
    return fields ?? undefined
  }

  /**
   * Every live record, shard by shard and by key within a shard, in pages of bounded size. Records written meanwhile
   * may or may not be among them.
   * @param node read this node's replica, and only the shards it holds; default: any holder of each shard
   */
  async * scan ({ node }: { readonly node?: string } = {}): AsyncGenerator<CacheRecord, void, undefined> {
    const { router, queries } = this.#options
    const { shards, groups } = router.shape
    if (node !== undefined && !router.knows(node)) throw new UnavailableError(`${node} is not a node that runs cache ${this.name}, as far as was heard`)
    for (let shard = 0; shard < shards; shard++) {
      if (node !== undefined && !router.holders(groupOf(shard, groups)).includes(node)) continue
      let after: string | null = null
      for (;;) {
        const query: { cache: string, shard: number, after: string | null, limit: number } = { cache: this.name, shard, after, limit: limits.maxScanPage }
        const { records, more } = await (node === undefined ? queries.askHolder(router, groupOf(shard, groups), 'scan', query) : queries.ask(node, 'scan', query))
        yield * records
        if (!more) break
        after = records[records.length - 1]?.key ?? after
      }
    }
  }

  /**
   * Reads what changes, from the group's committed position on, as batches:
   * `for await (const batch of cache.consume({ group: 'repricer', ratePerSecond: 1000 })) { ...; await batch.commit() }`
   * At least once, and per key never older than before. Leaving the loop ends it, and so does closing the node or client.
   * @throws ConfigError on options that cannot work
   */
  consume (options: ConsumeOptions): AsyncGenerator<Batch, void, undefined> {
    const { router, queries, messenger, subjects, ports, checkIntervalMs, behindPatienceMs } = this.#options
    return consume({ ...options, router, queries, messenger, subjects, ports, checkIntervalMs, behindPatienceMs, closing: this.#closing.signal })
  }

  /** Resolves when every write so far has reached an owner, or failed. */
  async flush (): Promise<void> {
    this.#options.local?.flush()
    await this.#options.forwarder.idle()
  }

  /** Takes no more writes, and ends the iterations of consumers. */
  close (): void { this.#closing.abort() }
}
