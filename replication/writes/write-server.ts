/**
 * Takes batches of writes that entered elsewhere. Versions come with the writes and are kept as
 * they are, so the same write sent to another holder changes nothing the second time. A write that
 * something newer has overtaken is not taken: where it entered, it is dated anew (overtaking.ts).
 *
 * Each batch is taken once, though the network may deliver it twice. A copy could count an
 * increment again, or take a write that was refused when the batch first came, after its writer was
 * told that nothing changed. So a copy is dropped: the answer to the first is on its way. A batch
 * for an earlier process life of this name is left alone, because that life may have taken it or
 * not.
 */
import { EnvelopeError, FutureVersionError, MillpondError,
  WriteConcernError } from '../../engine/errors.js'
import type { HybridClock } from '../../engine/base/hlc.js'
import type { Limits } from '../../engine/limits.js'
import type { Topology } from '../../engine/topology/topology.js'
import * as v from '../../engine/base/schema.js'
import { checkKey } from '../../engine/base/values.js'
import { checkBody, isUndated } from '../../engine/write/write.js'
import { NO_ANSWER } from '../messages/messenger.js'
import { refusalOf } from '../messages/request-reply.js'
import type { LocalWrites } from './local-writes.js'
import { writeBatchWithin, type WriteOutcome, type WriteOutcomes } from './write-protocol.js'

/** The replica that takes the writes of a batch. */
export interface ServedReplicator {
  readonly topology: Topology
  readonly writes: Pick<LocalWrites, 'take' | 'standingAbove'>
}

export interface WriteServerOptions {
  /** This process life. */
  readonly incarnation: number
  readonly replicatorOf: (cache: string) => ServedReplicator
  readonly clock: HybridClock
  readonly limits: Limits
}

export class WriteServer {
  readonly #options: WriteServerOptions
  readonly #batch: ReturnType<typeof writeBatchWithin>
  /** Names of requests whose batches were taken, oldest first. */
  readonly #taken = new Set<string>()

  constructor (options: WriteServerOptions) {
    this.#options = options
    this.#batch = writeBatchWithin(options.limits)
  }

  /**
   * @param request what tells this request from any other, and not from its copies
   * @throws EnvelopeError when it is not shaped as a batch; UnavailableError when the cache does
   *   not run here. Each write's own problem is in its outcome
   */
  async take (value: unknown, request: string): Promise<WriteOutcomes | typeof NO_ANSWER> {
    const parsed = v.safeParse(this.#batch, value)
    if (!parsed.success) {
      throw new EnvelopeError('shape', 'the batch of writes is not shaped as it should be')
    }
    const { cache, to, concern, timeoutMs, restamps, writer, writes } = parsed.output
    if (to !== this.#options.incarnation || this.#taken.has(request)) return NO_ANSWER
    this.#remember(request)
    const { limits } = this.#options
    const replicator = this.#options.replicatorOf(cache)
    return await Promise.all(writes.map(async ([key, version, stamp, fields, more]) => {
      try {
        this.#assertNotAhead(key, version, stamp)
        const body = checkBody({ fields, ...more }, limits)
        const write = {
          key: checkKey(key, limits),
          version,
          stamp,
          ...body,
          ...writer === undefined || more?.sequence === undefined
            ? {}
            : { entered: { writer, sequence: more.sequence } }
        }
        const shard = replicator.topology.shardOf(key)
        const above = restamps === true && isUndated(write)
          ? replicator.writes.standingAbove(shard, write)
          : 0
        if (above > 0) return overtaken(key, above)
        await replicator.writes.take(shard, write, concern, timeoutMs)
        return null
      } catch (error) {
        return outcomeOf(error)
      }
    }))
  }

  /** @throws FutureVersionError that says whose clock is off, and by how much */
  #assertNotAhead (key: string, version: number, stamp: number): void {
    const { clock } = this.#options
    const horizon = clock.horizon()
    if (version <= horizon && stamp <= horizon) return
    const whose = stamp > horizon ? 'the clock of its writer' : 'its event time'
    throw new FutureVersionError(
      `${JSON.stringify(key)}: ${whose} is ${
        clock.secondsAhead(Math.max(version, stamp))
      } s ahead of ${clock.timeName}`
    )
  }

  #remember (request: string): void {
    this.#taken.add(request)
    if (this.#taken.size > this.#options.limits.maxRememberedBatches) {
      this.#taken.delete(this.#taken.keys().next().value as string)
    }
  }
}

function overtaken (key: string, above: number): WriteOutcome {
  const message = `${JSON.stringify(key)} has a newer version`
  return { code: 'OVERTAKEN', message, changed: 'no', retryable: true, above }
}

function outcomeOf (error: unknown): WriteOutcome {
  if (error instanceof WriteConcernError) {
    const { wanted, reached, needed, timeoutMs } = error
    return { ...refusalOf(error), concern: { wanted, reached, needed, timeoutMs } }
  }
  if (error instanceof MillpondError) return refusalOf(error)
  if (error instanceof TypeError) {
    return { code: 'VALUE_REFUSED', message: error.message, changed: 'no', retryable: false }
  }
  throw error
}
