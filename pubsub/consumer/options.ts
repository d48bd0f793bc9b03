/** The options of a consumer and the batches it gives out: the public side of consuming. */
import type { Change } from '../../engine/changes.js'
import { ConfigError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'

export interface ConsumeOptions {
  /** The consumer group whose cursors are read and committed. */
  readonly group: string
  /** Most records per second, on average. Default: no limit. */
  readonly ratePerSecond?: number
  /** Most records in one batch. Default 500. */
  readonly batchSize?: number
  /** Ends the iteration when nothing new was seen for so long. Default: never. */
  readonly stopWhenIdleMs?: number
  /** Ends the iteration when aborted. */
  readonly signal?: AbortSignal
}

export interface ConsumedBatch {
  readonly changes: readonly Change[]
  /**
   * Shards that are being read again from the start: forget their keys that do not come again.
   * Nearly always empty.
   */
  readonly resets: readonly number[]
  /**
   * Commits everything up to this batch for the group; resolves when an owner of each shard has it.
   * @throws UnavailableError, TimeoutError when a shard has none that answers
   */
  commit(): Promise<void>
}

/** The usual number of records in a batch. */
const BATCH_SIZE = 500

/** Options that were checked, with every default in its place. */
export type CheckedOptions =
  & Required<Pick<ConsumeOptions, 'group' | 'ratePerSecond' | 'batchSize' | 'stopWhenIdleMs'>>
  & Pick<ConsumeOptions, 'signal'>

/** @throws ConfigError on options that cannot work */
export function checkOptions (options: ConsumeOptions, limits: Limits): CheckedOptions {
  const { ratePerSecond = Infinity, batchSize = BATCH_SIZE, stopWhenIdleMs = Infinity } = options
  if (!(ratePerSecond > 0)) {
    throw new ConfigError(`ratePerSecond must be a positive number, got ${ratePerSecond}`)
  }
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > limits.maxPollLimit) {
    throw new ConfigError(
      `batchSize must be an integer from 1 to ${limits.maxPollLimit}, got ${batchSize}`
    )
  }
  return { ...options, ratePerSecond, batchSize, stopWhenIdleMs }
}
