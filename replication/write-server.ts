/**
 * Takes batches of writes that entered elsewhere. Versions come with the writes and are kept as they are, so the same
 * batch taken twice, here or by another owner, changes nothing the second time.
 */
import { EnvelopeError, FutureVersionError, MillpondError, WriteConcernError } from '../engine/errors.js'
import type { HybridClock } from '../engine/hlc.js'
import { shardOf } from '../engine/routing.js'
import * as v from '../engine/schema.js'
import { checkKey } from '../engine/values.js'
import { checkBody } from '../engine/write.js'
import type { CountedWrites } from './counted-writes.js'
import type { Replicator } from './replicator.js'
import { WriteBatch, type WriteOutcomes } from './write-protocol.js'

/** @throws EnvelopeError when it is not shaped as a batch; each write's own problem is in its outcome */
export async function takeWrites (value: unknown, replicatorOf: (cache: string) => Replicator, clock: HybridClock, counted: CountedWrites): Promise<WriteOutcomes> {
  const parsed = v.safeParse(WriteBatch, value)
  if (!parsed.success) throw new EnvelopeError('shape', 'the batch of writes is not shaped as it should be')
  const { cache, concern, timeoutMs, writes } = parsed.output
  const replicator = replicatorOf(cache)
  const horizon = clock.horizon()
  return await Promise.all(writes.map(async ([key, version, stamp, fields, more]) => {
    try {
      if (version > horizon || stamp > horizon) throw new FutureVersionError(`the version of ${JSON.stringify(key)} lies too far in the future; check the writer's clock`)
      const write = { key: checkKey(key), version, stamp, ...checkBody({ fields, ...more }) }
      const take = (): Promise<boolean> => replicator.write(shardOf(key, replicator.shape.shards), write, concern, timeoutMs)
      await (write.operations === undefined ? take() : counted.once(`${cache} ${write.id} ${stamp}`, take))
      return null
    } catch (error) {
      if (error instanceof WriteConcernError) {
        const { code, message, changed, retryable, wanted, reached, needed } = error
        return { code, message, changed, retryable, concern: { wanted, reached, needed, timeoutMs: error.timeoutMs } }
      }
      if (error instanceof MillpondError) return { code: error.code, message: error.message, changed: error.changed, retryable: error.retryable }
      if (error instanceof TypeError) return { code: 'VALUE_REFUSED', message: error.message, changed: 'no', retryable: false }
      throw error
    }
  }))
}
