/** The options of a consumer and the batches it gives out: the public side of consuming. */
import type { Change } from '../../engine/changes.js'
import { ConfigError } from '../../engine/errors.js'
import { assertKnown } from '../../engine/base/known.js'
import type { Limits } from '../../engine/limits.js'

export interface ConsumeOptions {
  /**
   * The consumer group whose cursors are read and committed: any text that is not empty. Consumers
   * of one group continue from each other's commits, and each is given every change. A shard
   * remembers limits.maxConsumerGroups of them (256), so use names that stay.
   */
  readonly group: string
  /**
   * Most records per second on average, above 0. A smaller rate spares the program and its targets,
   * a larger one is up to date sooner; records that wait are given out once, as they are then.
   * Default: no limit.
   */
  readonly ratePerSecond?: number
  /**
   * Most records in one batch, 1 to limits.maxPollLimit (10,000). Larger batches cost fewer
   * messages per record; smaller ones come again less when the program ends before it commits.
   * Default 500.
   */
  readonly batchSize?: number
  /**
   * Ends the iteration when nothing new was seen for so many milliseconds, from 0 up. Shorter ends
   * sooner, longer forgives pauses of the writers. While no node can say where the group was, the
   * consumer waits on. Default: never.
   */
  readonly stopWhenIdleMs?: number
  /** Ends the iteration when aborted. Default: leaving the loop or closing the node ends it. */
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
   * Commits everything up to this batch for the group; resolves when a holder of each shard has it.
   * Committing twice does no harm.
   * @throws UnavailableError, TimeoutError when a shard has no holder that answers; LimitError (or
   *   a RemoteError of its code) when a shard remembers too many consumer groups
   */
  commit(): Promise<void>
}

/** Most records in a batch, where the program does not say. */
export const USUAL_BATCH_SIZE = 500

/** Options that were checked, with every default in its place. */
export type CheckedOptions =
  & Required<Pick<ConsumeOptions, 'group' | 'ratePerSecond' | 'batchSize' | 'stopWhenIdleMs'>>
  & Pick<ConsumeOptions, 'signal'>

const KNOWN: ReadonlySet<string> = new Set<keyof ConsumeOptions>(['group', 'ratePerSecond',
  'batchSize', 'stopWhenIdleMs', 'signal'])

/** @throws TypeError on options there are not; ConfigError on values that cannot work */
export function checkOptions (options: ConsumeOptions, limits: Limits): CheckedOptions {
  assertKnown(options, KNOWN, 'consume')
  const {
    group,
    ratePerSecond = Infinity,
    batchSize = USUAL_BATCH_SIZE,
    stopWhenIdleMs = Infinity
  } = options
  if (typeof group !== 'string' || group === '') {
    throw new ConfigError(
      `group must be the name of the consumer group, got ${
        typeof group === 'string' ? "''" : String(group)
      }`
    )
  }
  if (!(ratePerSecond > 0)) {
    throw new ConfigError(`ratePerSecond must be a positive number, got ${ratePerSecond}`)
  }
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > limits.maxPollLimit) {
    throw new ConfigError(
      `batchSize must be an integer from 1 to ${limits.maxPollLimit}, got ${batchSize}`
    )
  }
  if (!(stopWhenIdleMs >= 0)) {
    throw new ConfigError(
      `stopWhenIdleMs must be a number of milliseconds from 0 up, got ${stopWhenIdleMs}`
    )
  }
  return { ...options, ratePerSecond, batchSize, stopWhenIdleMs }
}
