/**
 * The writing half of a cache. A write is checked, given its version and stamped here, where it enters; from then on it
 * carries them through every attempt and to every replica.
 *
 * What is wrong with the arguments is thrown at once, and nothing was sent then. The promise resolves when the write
 * concern is reached. Nobody has to await it: a failure nobody awaits is reported as an event.
 */
import type { Element } from '../engine/claims.js'
import { ClosedError, LimitError, MillpondError, RemoteError } from '../engine/errors.js'
import { VERSION_UNITS_PER_MS, type HybridClock } from '../engine/hlc.js'
import type { Operation } from '../engine/operations.js'
import type { Ports } from '../engine/ports.js'
import { groupOf, shardOf } from '../engine/routing.js'
import { checkFields, checkKey, describe } from '../engine/values.js'
import { checkBody, type Write, type WriteBody } from '../engine/write.js'
import { replicasNeeded, type WriteConcern } from '../replication/acks.js'
import type { Replicator } from '../replication/replicator.js'
import type { Router } from '../replication/router.js'
import type { WriteForwarder } from '../replication/write-forwarder.js'
import type { FieldKinds, NameOf, RegistersOf, Schema } from './cache-schema.js'
import { cutPatch, type Patch } from './patch.js'

export interface AckOptions {
  /** Who must hold the write before the promise resolves. Default 'buffered'. */
  readonly ack?: WriteConcern
  /** How long that may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number
}

export interface WriteOptions extends AckOptions {
  /** When the event happened, a Date or milliseconds since 1970: it decides against other writes of the field. Default: now. */
  readonly at?: Date | number
}

export interface PutOptions extends WriteOptions {
  /**
   * After how many milliseconds, counted from `at`, the fields of this write read as absent unless they are written again;
   * a later write of a field decides anew. Consumers hear of it about a second later. Default: never.
   */
  readonly ttlMs?: number
}

export interface WritesOptions {
  readonly name: string
  readonly clock: HybridClock
  readonly ports: Ports
  readonly router: Router
  readonly forwarder: WriteForwarder
  readonly kinds: FieldKinds
  /** The replica on this node, when it runs the cache. */
  readonly local?: Replicator
  /** Told of writes that failed after the call returned, whether or not somebody awaits them. */
  readonly onWriteFailed: (cache: string, key: string, error: unknown) => void
}

const DEFAULT_WRITE_TIMEOUT_MS = 5000

export class CacheWrites<S extends Schema = Schema> {
  readonly name: string
  protected readonly closing = new AbortController()
  readonly #options: WritesOptions

  constructor (options: WritesOptions) {
    this.name = options.name
    this.#options = options
  }

  /**
   * Sets fields of a record; its other fields stay. Readable at once where it was written.
   * @throws TypeError, ValueError, LimitError, KindError (a field declared as another kind), FutureVersionError,
   * ConfigError (a write concern that cannot be reached), ClosedError (nothing changed); BusyError (too many writes on their
   * way). Rejects with KindError, or a RemoteError of its code FIELD_KIND, when the record has a field as another kind (nothing
   * changed), WriteConcernError (the write stands), TimeoutError or UnavailableError
   */
  put (key: string, fields: RegistersOf<S>, options: PutOptions = {}): Promise<void> {
    return this.#write({ key: checkKey(key), fields: this.#registers(fields), ...this.#stamp(options.at, options.ttlMs) }, options)
  }

  /** Sets the whole record: every other field goes, of whatever kind it is. Fails as put does. */
  replace (key: string, fields: RegistersOf<S>, options: PutOptions = {}): Promise<void> {
    return this.#write({ key: checkKey(key), fields: this.#registers(fields), clears: true, ...this.#stamp(options.at, options.ttlMs) }, options)
  }

  /**
   * Sets or unsets fields that each have a time, or a place in their source's own order:
   * `patch('k', { price: { value: 2.6, at: eventTime }, stock: { value: 5, sequence: 1234 }, old: { value: undefined } })`.
   * A field without a value is unset; one without a time has that of the options, or now. A field written with a sequence
   * number is ordered by the greatest number, whatever the clocks say, and takes no writes without one.
   *
   * Not one atomic step: fields of one time are one write, those of another time are another, and those with sequence numbers
   * are one more. When one of them fails, the promise rejects once all have ended, and others may have taken effect; the same
   * patch again does no harm. Otherwise fails as put does.
   */
  patch (key: string, fields: Patch<S>, options: WriteOptions = {}): Promise<void> {
    refuse(options, 'ttlMs', 'patch: put the fields that expire')
    const { kinds, ports, forwarder } = this.#options
    const checked = checkKey(key)
    const parts = cutPatch(fields, kinds, () => ports.random.uint32())
    const writes = parts.map(({ body, at = options.at }): Write => ({ key: checked, ...body, ...this.#stamp(body.operations === undefined ? at : undefined) }))
    if (writes.length === 1) return this.#write(writes[0] as Write, options)
    forwarder.assertRoom(writes.length)
    return allOf(writes.map(write => this.#write(write, options)))
  }

  /** Removes fields of a record, of whatever kind. Counters, sets and the like begin anew after it. Fails as put does. */
  unset (key: string, names: readonly NameOf<S>[], options: WriteOptions = {}): Promise<void> {
    refuse(options, 'ttlMs', 'unset')
    return this.#write({ key: checkKey(key), ...checkBody({ unset: names }), ...this.#stamp(options.at) }, options)
  }

  /** Removes a record. Writes older than this never bring it back, however late they arrive. Fails as put does. */
  delete (key: string, options: WriteOptions = {}): Promise<void> {
    refuse(options, 'ttlMs', 'delete')
    return this.#write({ key: checkKey(key), fields: null, ...this.#stamp(options.at) }, options)
  }

  /**
   * Adds to a counter. Increments of any number of writers add up, each counted once.
   *
   * One sent to an owner that does not answer is not tried again, as every other write is, because it could count twice: it
   * rejects with OutcomeUnknownError, and counted once or not at all. Otherwise fails as put does; LimitError (or a RemoteError of
   * its code LIMIT_EXCEEDED) when what one node added would leave the safe integers.
   * @param by any finite number, also below 0
   */
  increment (key: string, field: NameOf<S, 'counter'>, by = 1, options: AckOptions = {}): Promise<void> {
    return this.#operate(key, [{ kind: 'increment', field, by }], options)
  }

  /**
   * Adds one element, or several, to a set. An element is a boolean, a finite number, or a text of at most
   * limits.maxElementLength characters; at most limits.maxClaimsPerEntry in one call. Against a removal at the same time
   * elsewhere the add wins. Fails as put does.
   */
  addToSet (key: string, field: NameOf<S, 'set'>, elements: Element | readonly Element[], options: AckOptions = {}): Promise<void> {
    return this.#operate(key, listOf(elements).map(element => ({ kind: 'add', field, element })), options)
  }

  /** Removes one element, or several, from a set: as many of their adds as the owner has seen. Fails as addToSet does. */
  removeFromSet (key: string, field: NameOf<S, 'set'>, elements: Element | readonly Element[], options: AckOptions = {}): Promise<void> {
    return this.#operate(key, listOf(elements).map(element => ({ kind: 'remove', field, element })), options)
  }

  /** Sets a maximum to a finite number, unless it is as great already. Fails as put does. */
  raiseTo (key: string, field: NameOf<S, 'max'>, value: number, options: AckOptions = {}): Promise<void> {
    return this.#operate(key, [{ kind: 'max', field, value }], options)
  }

  /** Sets a minimum to a finite number, unless it is as small already. Fails as put does. */
  lowerTo (key: string, field: NameOf<S, 'min'>, value: number, options: AckOptions = {}): Promise<void> {
    return this.#operate(key, [{ kind: 'min', field, value }], options)
  }

  #operate (key: string, operations: readonly Operation[], options: AckOptions): Promise<void> {
    const { kinds, ports } = this.#options
    const checked = checkKey(key)
    const body = checkBody({ operations, id: ports.random.uint32() })
    for (const { field, kind } of operations) kinds.assert(field, KIND_OF[kind])
    refuse(options, 'at', 'operations on counters, sets, maxima and minima: their value does not depend on time')
    refuse(options, 'ttlMs', 'operations on counters, sets, maxima and minima: unset the field when its time is over')
    return this.#write({ key: checked, ...body, ...this.#stamp(undefined) }, options)
  }

  #registers (fields: RegistersOf<S>): NonNullable<WriteBody['fields']> {
    const checked = checkFields(fields)
    this.#options.kinds.assertRegisters(checked)
    return checked
  }

  #stamp (at: Date | number | undefined, ttlMs?: number): { version: number, stamp: number, expires?: number } {
    const { clock } = this.#options
    if (at === undefined && ttlMs === undefined) {
      const version = clock.next()
      return { version, stamp: version }
    }
    const dated = at === undefined ? undefined : clock.versionAt(at)
    const expires = ttlMs === undefined ? {} : { expires: expiryOf(dated ?? clock.now(), ttlMs) }
    const stamp = clock.next()
    return { version: dated ?? stamp, stamp, ...expires }
  }

  #write (write: Write, { ack = 'buffered', timeoutMs = DEFAULT_WRITE_TIMEOUT_MS }: AckOptions): Promise<void> {
    if (this.closing.signal.aborted) throw new ClosedError(`cache ${this.name}`)
    const { router, local, forwarder, onWriteFailed } = this.#options
    const { shards, groups, replicas } = router.shape
    replicasNeeded(ack, replicas) // refuses a write concern that cannot be reached
    if (!Number.isFinite(timeoutMs) || timeoutMs < 0) throw new TypeError(`timeoutMs must be a number of milliseconds from 0 up, got ${describe(timeoutMs)}`)
    const shard = shardOf(write.key, shards)
    const done = local !== undefined && takes(local.held.phase(groupOf(shard, groups)), write)
      ? local.write(shard, write, ack, timeoutMs).then(() => {})
      : forwarder.submit(shard, write, ack, Math.ceil(timeoutMs))
    done.catch((error: unknown) => onWriteFailed(this.name, write.key, error))
    return done
  }
}

const KIND_OF = { increment: 'counter', add: 'set', remove: 'set', max: 'max', min: 'min', sequenced: 'sequenced' } as const

/**
 * What an operation means depends on what a replica has seen: on one that is still fetching, an increment might belong to
 * an epoch that has ended, and a removal would find nothing to remove.
 */
function takes (phase: 'syncing' | 'ready' | 'leaving' | undefined, { operations }: Write): boolean {
  return phase !== undefined && (phase !== 'syncing' || operations === undefined)
}

function listOf (elements: Element | readonly Element[]): readonly Element[] {
  return Array.isArray(elements) ? elements as readonly Element[] : [elements as Element]
}

/** Options that do not belong to a call are a mistake that types do not always show. */
function refuse (options: object, option: 'at' | 'ttlMs', where: string): void {
  if ((options as { readonly [name: string]: unknown })[option] !== undefined) throw new TypeError(`${option} is no option of ${where}`)
}

/** @param from the version-time it is counted from */
function expiryOf (from: number, ttlMs: number): number {
  if (typeof ttlMs !== 'number' || !Number.isFinite(ttlMs) || ttlMs <= 0) throw new TypeError(`ttlMs must be a number of milliseconds above 0, got ${describe(ttlMs)}`)
  const expires = from + Math.ceil(ttlMs * VERSION_UNITS_PER_MS)
  if (!Number.isSafeInteger(expires)) throw new LimitError(`ttlMs ${ttlMs} ends after the year 2255; leave it out for never`)
  return expires
}

/** Waits for all, and fails when one did: with its error, which must not claim that nothing changed when others did. */
async function allOf (writes: ReadonlyArray<Promise<void>>): Promise<void> {
  const outcomes = await Promise.allSettled(writes)
  const failed = outcomes.find((outcome): outcome is PromiseRejectedResult => outcome.status === 'rejected')
  if (failed === undefined) return
  const error: unknown = failed.reason
  const othersStand = outcomes.some(outcome => outcome.status === 'fulfilled' || !(outcome.reason instanceof MillpondError) || outcome.reason.changed !== 'no')
  if (!(error instanceof MillpondError) || error.changed !== 'no' || !othersStand) throw error
  throw new RemoteError(error.code, `${error.message}; other fields of the patch were written`, { changed: 'maybe', retryable: error.retryable, cause: error })
}
