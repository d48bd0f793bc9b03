/**
 * The events and figures by which one consumer can be seen. A consumer that gets nothing waits for
 * committed cursors, for shards that no replica can continue, or for requests that fail. Errors it
 * goes on after are kept here instead of being swallowed.
 *
 * Times are told as ages by the clock that never jumps, so they mean the same on every machine.
 */
import { messageOf } from '../../engine/base/thrown.js'
import { MillpondError } from '../../engine/errors.js'
import { intervals } from '../../engine/timing.js'
import type { Clock } from '../../engine/ports.js'
import type { ConsumerContext } from '../context.js'
import type { ConsumerEvent, EndReason, ResetReason, ShardList } from '../events.js'
import type { ConsumerStatus } from '../requests/status-protocol.js'

/** Figures that are counted here; the others are counted where they change. */
export type LoggedStatus = Pick<
  ConsumerStatus,
  | 'cache'
  | 'consumerGroup'
  | 'phase'
  | 'ageMs'
  | 'delivered'
  | 'uncommitted'
  | 'deliveredAgoMs'
  | 'committedAgoMs'
  | 'lastError'
>

export class ConsumerLog {
  readonly #cache: string
  readonly #consumerGroup: string
  readonly #clock: Clock
  readonly #maxItems: number
  readonly #report: (event: ConsumerEvent) => void
  readonly #begunMs: number
  #unheldSinceMs: number | undefined
  #phase: ConsumerStatus['phase'] = 'starting'
  #delivered = 0
  #deliveredMs: number | undefined
  /** How many of the records delivered were committed. */
  #committed = 0
  #committedMs: number | undefined
  /** Errors by code: when one was last told, and how many came since. */
  readonly #retries = new Map<string, { toldMs: number, untold: number }>()
  #error: { readonly code: string, readonly message: string, readonly atMs: number } | undefined

  constructor ({ router, ports, limits, onEvent }: ConsumerContext, consumerGroup: string) {
    const { cache } = router
    this.#cache = cache
    this.#consumerGroup = consumerGroup
    this.#clock = ports.clock
    this.#maxItems = limits.maxStatusItems
    this.#report = event => onEvent({ cache, consumerGroup, ...event })
    this.#begunMs = ports.clock.monotonicMs()
  }

  started (shards: number, committedShards: number): void {
    this.#phase = 'reading'
    this.#report({ type: 'consumer-started', shards, committedShards })
  }

  /** @returns how many records were delivered in all, for `committed` */
  handOut (records: number): number {
    this.#delivered += records
    this.#deliveredMs = this.#clock.monotonicMs()
    return this.#delivered
  }

  /** @param delivered what handOut returned for the last batch that the commit covers */
  committed (delivered: number): void {
    this.#committed = Math.max(this.#committed, delivered)
    this.#committedMs = this.#clock.monotonicMs()
  }

  commitFailed (shards: readonly number[], error: unknown): void {
    this.#keep(error)
    this.#report({ type: 'commit-failed', ...this.#list(shards), error })
  }

  /** Keeps an error that the consumer goes on after, and tells of it now and then. */
  recovers (error: unknown, shards: readonly number[]): void {
    this.#keep(error)
    const code = codeOf(error)
    const nowMs = this.#clock.monotonicMs()
    const retries = this.#retries.get(code) ?? { toldMs: -Infinity, untold: 0 }
    this.#retries.set(code, retries)
    retries.untold++
    if (nowMs - retries.toldMs < intervals.tallyMs) return
    this.#report({
      type: 'consumer-retrying',
      code,
      times: retries.untold,
      ...this.#list(shards),
      error
    })
    retries.toldMs = nowMs
    retries.untold = 0
  }

  #keep (error: unknown): void {
    this.#error = {
      code: codeOf(error),
      message: messageOf(error),
      atMs: this.#clock.monotonicMs()
    }
  }

  behind (shards: readonly number[], forMs: number): void {
    if (shards.length > 0) {
      this.#report({ type: 'consumer-behind', ...this.#list(shards), forMs })
    }
  }

  reset (shards: readonly number[], why: ResetReason): void {
    if (shards.length > 0) {
      this.#report({ type: 'consumer-reset', ...this.#list(shards), why })
    }
  }

  unheld (groups: readonly number[]): void {
    this.#unheldSinceMs ??= this.#clock.monotonicMs()
    const [listed, unlistedGroups] = this.#cut(groups)
    this.#report({ type: 'consumer-unheld', groups: listed, unlistedGroups })
  }

  held (): void {
    const forMs = this.#unheldSinceMs === undefined ? 0 : this.#ago(this.#unheldSinceMs)
    this.#unheldSinceMs = undefined
    this.#report({ type: 'consumer-held', forMs })
  }

  ended (why: EndReason, error?: unknown): void {
    this.#report({ type: 'consumer-ended', why, ...why === 'error' ? { error } : {} })
  }

  #list (all: readonly number[]): ShardList {
    const [shards, unlistedShards] = this.#cut(all)
    return { shards, unlistedShards }
  }

  /** As many as one event names. A log line is one event, and a cache has up to 65,536 shards. */
  #cut (all: readonly number[]): [listed: readonly number[], unlisted: number] {
    return [all.slice(0, this.#maxItems), Math.max(0, all.length - this.#maxItems)]
  }

  status (): LoggedStatus {
    const error = this.#error
    return {
      cache: this.#cache,
      consumerGroup: this.#consumerGroup,
      phase: this.#phase,
      ageMs: this.#ago(this.#begunMs),
      delivered: this.#delivered,
      uncommitted: this.#delivered - this.#committed,
      deliveredAgoMs: this.#deliveredMs === undefined ? null : this.#ago(this.#deliveredMs),
      committedAgoMs: this.#committedMs === undefined ? null : this.#ago(this.#committedMs),
      lastError: error === undefined
        ? null
        : { code: error.code, message: error.message, agoMs: this.#ago(error.atMs) }
    }
  }

  #ago (ms: number): number {
    return Math.floor(this.#clock.monotonicMs() - ms)
  }
}

function codeOf (error: unknown): string {
  return error instanceof MillpondError ? error.code : 'INTERNAL'
}
