/**
 * What became of the writes since the last flush, for the next one to tell.
 *
 *   write --begun--> account --settled, or failed with an error--+
 *                      ^                                         v
 *   flush: begins a new account, waits for the writes of the old one, and tells its failures
 *
 * Every write that fails is counted, whether or not its promise is awaited: a promise does not know
 * whether somebody awaits it. Each failure is told by one flush, and by one only. An account keeps
 * counts and the first failures, so it is as small after a million failures as after twenty.
 */
import { asError } from '../../engine/base/thrown.js'
import { MillpondError, WritesFailedError, type Changed,
  type FailedWrite } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'

/** The code of failures that have none, and of those beyond limits.maxFailureCodes. */
const OTHER = 'OTHER'

export type FailureLimits = Pick<Limits, 'maxFailureCodes' | 'maxFailedKeys'>

/** The writes between two flushes. */
export class WriteAccount {
  readonly #limits: FailureLimits
  #underWay = 0
  #wake: (() => void) | undefined
  #failed = 0
  readonly #codes = new Map<string, number>()
  readonly #first: FailedWrite[] = []
  #cause: Error | undefined
  #changed: Changed | undefined
  #retryable = true

  constructor (limits: FailureLimits) {
    this.#limits = limits
  }

  begun (): void {
    this.#underWay++
  }

  /** A write that began in this account reached its write concern. */
  settled (): void {
    if (--this.#underWay === 0) this.#wake?.()
  }

  /** A write that began in this account failed. */
  failed (key: string, thrown: unknown): void {
    const { maxFailedKeys, maxFailureCodes } = this.#limits
    const error = asError(thrown)
    const { code, changed, retryable } = factsOf(error)
    this.#failed++
    this.#cause ??= error
    this.#changed = this.#changed === undefined || this.#changed === changed ? changed : 'maybe'
    this.#retryable &&= retryable
    const counted = this.#codes.has(code) || this.#codes.size < maxFailureCodes ? code : OTHER
    this.#codes.set(counted, (this.#codes.get(counted) ?? 0) + 1)
    if (this.#first.length < maxFailedKeys) this.#first.push({ key, code })
    this.settled()
  }

  /** Resolves when every write that began in this account has ended. One caller at a time. */
  async ended (): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>(resolve => this.#wake = resolve)
  }

  /** The failures of the account, or undefined where there are none. */
  error (cache: string): WritesFailedError | undefined {
    if (this.#failed === 0) return undefined
    return new WritesFailedError({
      cache,
      failed: this.#failed,
      codes: Object.fromEntries(this.#codes),
      writes: this.#first,
      changed: this.#changed ?? 'maybe',
      retryable: this.#retryable,
      cause: this.#cause
    })
  }
}

/** The accounts of one cache, one after the other. */
export class WriteAccounts {
  readonly #cache: string
  readonly #limits: FailureLimits
  #now: WriteAccount
  /** All accounts before this one have ended. */
  #before: Promise<void> = Promise.resolve()

  constructor (cache: string, limits: FailureLimits) {
    this.#cache = cache
    this.#limits = limits
    this.#now = new WriteAccount(limits)
  }

  /** The account in which a write begins. It stays the account of that write to its end. */
  get now (): WriteAccount {
    return this.#now
  }

  /**
   * Resolves when every write so far has ended, those of earlier accounts included.
   * @throws WritesFailedError, which names what failed since the last call
   */
  async flush (): Promise<void> {
    const account = this.#now
    this.#now = new WriteAccount(this.#limits)
    const before = this.#before
    const ended = this.#before = Promise.all([before, account.ended()]).then(() => {})
    await ended
    const error = account.error(this.#cache)
    if (error !== undefined) throw error
  }
}

function factsOf (error: Error): { code: string, changed: Changed, retryable: boolean } {
  return error instanceof MillpondError
    ? error
    : { code: OTHER, changed: 'maybe', retryable: false }
}
