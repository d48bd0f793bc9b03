/** The options of a consumer and the batches it gives out: the public side of consuming. */
import type { Change } from '../../engine/changes.js'
import { ConfigError } from '../../engine/errors.js'
import { assertSignal, type CallOptions } from '../../engine/calls/call.js'
import { assertKnown } from '../../engine/base/known.js'
import { describe } from '../../engine/base/plain.js'
import { checkText } from '../../engine/base/values.js'
import type { Limits } from '../../engine/limits.js'
import { leastRatePerSecond } from '../../engine/timing.js'

export interface ConsumeOptions {
  /**
   * The consumer group whose cursors are read and committed: a text that is not empty, of at most
   * limits.maxConsumerGroupBytes (256). Consumers of one group continue from each other's commits,
   * and each is given every change. A shard remembers limits.maxConsumerGroups of them (256), so
   * use names that stay.
   */
  readonly group: string
  /**
   * Most records per second on average, from 0.001 up. A smaller rate spares the program and its
   * targets, a larger one is up to date sooner; records that wait are given out once, as they are
   * then. Default: no limit.
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
   * @throws TypeError; UnavailableError, TimeoutError when a shard has no holder that answers;
   *   AbortedError; LimitError (or
   *   a RemoteError of its code) when a shard remembers too many consumer groups
   */
  commit(options?: CallOptions): Promise<void>
}

/** Most records in a batch, where the program does not say. */
export const USUAL_BATCH_SIZE = 500

/** Options that were checked, with every default in its place. */
export type CheckedOptions =
  & Required<Pick<ConsumeOptions, 'group' | 'ratePerSecond' | 'batchSize' | 'stopWhenIdleMs'>>
  & Pick<ConsumeOptions, 'signal'>

const KNOWN: ReadonlySet<string> = new Set<keyof ConsumeOptions>(['group', 'ratePerSecond',
  'batchSize', 'stopWhenIdleMs', 'signal'])

/**
 * @throws TypeError on options there are not, and on values of another type; ConfigError on values
 *   that cannot work; LimitError, ValueError on a group that cannot be stored
 */
export function checkOptions (options: ConsumeOptions, limits: Limits): CheckedOptions {
  assertKnown(options, KNOWN, 'consume')
  const {
    group,
    ratePerSecond = Infinity,
    batchSize = USUAL_BATCH_SIZE,
    stopWhenIdleMs = Infinity,
    signal
  } = options
  if (typeof group !== 'string' || group === '') {
    throw new ConfigError(
      `group must be the name of the consumer group, got ${describe(group)}`
    )
  }
  checkText(group, 'group', limits.maxConsumerGroupBytes)
  assertNumber('ratePerSecond', ratePerSecond)
  const least = leastRatePerSecond()
  if (!(ratePerSecond >= least)) {
    throw new ConfigError(
      `ratePerSecond must be a positive number, from ${least} up, got ${ratePerSecond}`
    )
  }
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > limits.maxPollLimit) {
    throw new ConfigError(
      `batchSize must be an integer from 1 to ${limits.maxPollLimit}, got ${describe(batchSize)}`
    )
  }
  assertNumber('stopWhenIdleMs', stopWhenIdleMs)
  if (!(stopWhenIdleMs >= 0)) {
    throw new ConfigError(
      `stopWhenIdleMs must be a number of milliseconds from 0 up, got ${stopWhenIdleMs}`
    )
  }
  if (signal !== undefined) assertSignal(signal)
  return { ...options, ratePerSecond, batchSize, stopWhenIdleMs }
}

/** @throws TypeError: a text would be compared like a number, and then added to like a text */
function assertNumber (option: string, value: unknown): void {
  if (typeof value !== 'number') {
    throw new TypeError(`${option} must be a number, got ${describe(value)}`)
  }
}
