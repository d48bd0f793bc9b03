/**
 * The writing half of a cache. A write is checked and given its version here, where it enters
 * (write-entry.ts), and a later one only where no owner has taken it because something newer stands
 * there (overtaking.ts); then it carries that version to every replica.
 *
 * A mistake in the arguments is thrown at once, before anything is sent. The promise resolves when
 * the write concern is reached. A caller need not await it: every later failure is reported as an
 * event and told by the next flush, whether or not the promise is awaited.
 */
import type { Operation } from '../../engine/fields/kinds.js'
import { kindOfOperation } from '../../engine/fields/lookup.js'
import type { Element } from '../../engine/fields/set.js'
import type { Limits } from '../../engine/limits.js'
import { assertKnown } from '../../engine/base/known.js'
import { checkFields, checkKey } from '../../engine/base/values.js'
import { checkBody, type Write, type WriteBody } from '../../engine/write/write.js'
import type { FieldKinds, NameOf, RegistersOf, Schema } from './cache-schema.js'
import { cutPatch, type Patch } from './patch.js'
import { WriteEntry, type AckOptions, type WriteEntryOptions } from './write-entry.js'

export interface WriteOptions extends AckOptions {
  /**
   * When the event happened, a Date or milliseconds since 1970, at most limits.maxFutureMs (60 s)
   * ahead: it decides against other writes of the field. An event of the past may lose to what is
   * there, and the write resolves all the same. Default: now, and after what is there, so that the
   * write has its effect however wrong the clock of this process is.
   */
  readonly at?: Date | number
}

export interface PutOptions extends WriteOptions {
  /**
   * After how many milliseconds, above 0 and counted from `at`, the fields of this write read as
   * absent unless they are written again; a later write of a field decides anew. An event of long
   * ago may have expired when it is written. Consumers hear of the end within two seconds. Default:
   * never.
   */
  readonly ttlMs?: number
}

const ACK_OPTIONS = ['ack', 'timeoutMs', 'signal'] as const satisfies ReadonlyArray<
  keyof AckOptions
>
const ACK: ReadonlySet<string> = new Set(ACK_OPTIONS)
const WRITE: ReadonlySet<string> = new Set<keyof WriteOptions>([...ACK_OPTIONS, 'at'])
const PUT: ReadonlySet<string> = new Set<keyof PutOptions>([...ACK_OPTIONS, 'at', 'ttlMs'])
/** The options of every call that is given none: they need no check. */
export const NONE = Object.freeze({})

export interface WritesOptions extends WriteEntryOptions {
  readonly limits: Limits
  readonly kinds: FieldKinds
}

export class CacheWrites<S extends Schema = Schema> {
  readonly name: string
  protected readonly entry: WriteEntry
  readonly #limits: Limits
  readonly #kinds: FieldKinds

  constructor (options: WritesOptions) {
    this.name = options.name
    this.entry = new WriteEntry(options)
    this.#limits = options.limits
    this.#kinds = options.kinds
  }

  /**
   * Sets fields of a record; its other fields stay. Readable at once where it was written.
   * @throws TypeError, ValueError, LimitError, KindError (a field declared as another kind),
   *   FutureVersionError (`at`, or without it the clock of this process, is too far ahead),
   *   ConfigError (a write concern that cannot be reached), ClosedError (nothing changed);
   *   BusyError (too many writes on their way). Rejects with KindError, or a RemoteError of its
   *   code FIELD_KIND, when the record has a field as another kind (nothing changed),
   *   WriteConcernError (the write stands), TimeoutError or UnavailableError; without `at` with
   *   ShadowedError, when a clock that was far ahead has dated what is there, and rarely with
   *   OvertakenError
   */
  put (key: string, fields: RegistersOf<S>, options: PutOptions = NONE): Promise<void> {
    checkPutOptions(options, 'put')
    return this.entry.send({
      key: checkKey(key, this.#limits),
      fields: this.#registers(fields),
      ...this.entry.stamp(options.at, options.ttlMs)
    }, options)
  }

  /** Sets the whole record: every other field goes, of whatever kind it is. Fails as put does. */
  replace (key: string, fields: RegistersOf<S>, options: PutOptions = NONE): Promise<void> {
    checkPutOptions(options, 'replace')
    return this.entry.send({
      key: checkKey(key, this.#limits),
      fields: this.#registers(fields),
      clears: true,
      ...this.entry.stamp(options.at, options.ttlMs)
    }, options)
  }

  /**
   * Sets or unsets fields that each have a time, or a place in their source's own order:
   * `patch('k', { price: { value: 2.6, at: eventTime }, stock: { value: 5, sequence: 1234 }, old: {
   * value: undefined } })`. A field without a value is unset; one without a time has that of the
   * options, or now. A field written with a sequence number is ordered by the greatest number,
   * whatever the clocks say, and takes no writes without one.
   *
   * Not one atomic step: fields of one time are one write, those of another time are another, and
   * those with sequence numbers are one more. When one of them fails, the promise rejects once all
   * have ended, and others may have taken effect; the same patch again does no harm. Otherwise
   * fails as put does.
   */
  patch (key: string, fields: Patch<S>, options: WriteOptions = NONE): Promise<void> {
    refuse(options, 'ttlMs', 'patch: put the fields that expire')
    checkOptions(options, WRITE, 'patch')
    const checked = checkKey(key, this.#limits)
    const parts = cutPatch(fields, this.#kinds, this.#limits)
    const writes = parts.map(({ body, at = options.at }): Write => ({
      key: checked,
      ...body,
      ...body.operations === undefined ? this.entry.stamp(at) : this.entry.mark()
    }))
    return this.entry.sendAll(writes, options)
  }

  /**
   * Removes fields of a record, of whatever kind. Counters, sets and the like begin anew after it.
   * Fails as put does.
   */
  unset (key: string, names: readonly NameOf<S>[], options: WriteOptions = NONE): Promise<void> {
    checkOptions(options, WRITE, 'unset')
    return this.entry.send({
      key: checkKey(key, this.#limits),
      ...checkBody({ unset: names }, this.#limits),
      ...this.entry.stamp(options.at)
    }, options)
  }

  /**
   * Removes a record. Writes older than this never bring it back, however late they arrive. Fails
   * as put does.
   */
  delete (key: string, options: WriteOptions = NONE): Promise<void> {
    checkOptions(options, WRITE, 'delete')
    return this.entry.send(
      { key: checkKey(key, this.#limits), fields: null, ...this.entry.stamp(options.at) },
      options
    )
  }

  /**
   * Adds to a counter. Increments of any number of writers add up, each counted once.
   *
   * Every other write that gets no answer is tried again. An increment is not, because it could
   * count twice: the call rejects with OutcomeUnknownError, and the increment counted once or not
   * at all. After a WriteConcernError the increment counted, and will replicate. Otherwise fails as
   * put does; LimitError (or a RemoteError of its code LIMIT_EXCEEDED) when what one node added
   * would leave the safe integers.
   * @param by any finite number, also below 0
   */
  increment (
    key: string,
    field: NameOf<S, 'counter'>,
    by = 1,
    options: AckOptions = NONE
  ): Promise<void> {
    return this.#operate(key, [{ kind: 'increment', field, by }], options)
  }

  /**
   * Adds one element, or several, to a set. An element is a boolean, a finite number, or a text of
   * at most limits.maxElementLength characters; at most limits.maxClaimsPerEntry in one call.
   * Against a removal at the same time elsewhere the add wins. Fails as put does.
   */
  addToSet (
    key: string,
    field: NameOf<S, 'set'>,
    elements: Element | readonly Element[],
    options: AckOptions = NONE
  ): Promise<void> {
    return this.#operate(
      key,
      listOf(elements).map(element => ({ kind: 'add', field, element })),
      options
    )
  }

  /**
   * Removes one element, or several, from a set: as many of their adds as the owner has seen. Fails
   * as addToSet does.
   */
  removeFromSet (
    key: string,
    field: NameOf<S, 'set'>,
    elements: Element | readonly Element[],
    options: AckOptions = NONE
  ): Promise<void> {
    return this.#operate(
      key,
      listOf(elements).map(element => ({ kind: 'remove', field, element })),
      options
    )
  }

  /** Sets a maximum to a finite number, unless it is as great already. Fails as put does. */
  raiseTo (
    key: string,
    field: NameOf<S, 'max'>,
    value: number,
    options: AckOptions = NONE
  ): Promise<void> {
    return this.#operate(key, [{ kind: 'max', field, value }], options)
  }

  /** Sets a minimum to a finite number, unless it is as small already. Fails as put does. */
  lowerTo (
    key: string,
    field: NameOf<S, 'min'>,
    value: number,
    options: AckOptions = NONE
  ): Promise<void> {
    return this.#operate(key, [{ kind: 'min', field, value }], options)
  }

  #operate (key: string, operations: readonly Operation[], options: AckOptions): Promise<void> {
    const checked = checkKey(key, this.#limits)
    const body = checkBody({ operations }, this.#limits)
    for (const { field, kind } of operations) this.#kinds.assert(field, kindOfOperation(kind).name)
    refuse(
      options,
      'at',
      'operations on counters, sets, maxima and minima: their value does not depend on time'
    )
    refuse(
      options,
      'ttlMs',
      'operations on counters, sets, maxima and minima: unset the field when its time is over'
    )
    checkOptions(options, ACK, 'operations on counters, sets, maxima and minima')
    return this.entry.send({ key: checked, ...body, ...this.entry.mark() }, options)
  }

  #registers (fields: RegistersOf<S>): NonNullable<WriteBody['fields']> {
    const checked = checkFields(fields, this.#limits)
    this.#kinds.assertRegisters(checked)
    return checked
  }
}

/** A hole becomes undefined, which is then refused by name. */
function listOf (elements: Element | readonly Element[]): readonly Element[] {
  return Array.isArray(elements) ? Array.from(elements as Element[]) : [elements as Element]
}

/** @throws TypeError naming an option that put and its like do not have */
export function checkPutOptions (options: PutOptions, where: string): void {
  checkOptions(options, PUT, where)
}

function checkOptions (options: object, known: ReadonlySet<string>, where: string): void {
  if (options !== NONE) assertKnown(options, known, where)
}

/** Options that do not belong to a call are a mistake that types do not always show. */
function refuse (options: object | null, option: 'at' | 'ttlMs', where: string): void {
  // Its own: a list, which checkOptions refuses, has another `at`.
  if (options !== null && Object.hasOwn(options, option) && isGiven(options, option)) {
    throw new TypeError(`${option} is no option of ${where}`)
  }
}

function isGiven (options: object, option: string): boolean {
  return (options as { readonly [name: string]: unknown })[option] !== undefined
}
