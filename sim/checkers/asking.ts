/**
 * A consumer that is given nothing new pauses before it asks again (SPEC C12). One that does not
 * keeps a replica busy with questions for as long as it takes until there is something: each comes
 * as soon as the last was answered.
 */
import { ShardReader, type Reading } from '../../pubsub/consumer/shard-reader.js'
import { patch, type Undo } from '../patch.js'

/** A question this soon after an answer was not paused for. */
const AT_ONCE_MS = 5
/**
 * Each dirty shard may be asked about in vain once at each of its holders, and hints come while
 * that happens.
 */
const MAX_IN_VAIN = 200

interface Asked {
  inVain: number
  answeredMs: number
}

/**
 * Watches all consumers until it is undone. It looks on: nothing happens at another moment because
 * of it.
 */
export function watchAsking (nowMs: () => number, fail: (detail: string) => void): Undo {
  const readers = new WeakMap<ShardReader, Asked>()
  return patch(
    ShardReader.prototype,
    'read',
    original =>
      function (this: ShardReader, limit: number): Promise<Reading> {
        const asked = readers.get(this) ?? { inVain: 0, answeredMs: -Infinity }
        readers.set(this, asked)
        if (nowMs() - asked.answeredMs > AT_ONCE_MS) asked.inVain = 0
        const reading = original.call(this, limit)
        reading.then(({ changes, resets }) => {
          asked.inVain = changes.length + resets.length > 0 ? 0 : asked.inVain + 1
          asked.answeredMs = nowMs()
          if (asked.inVain > MAX_IN_VAIN) {
            fail(`${asked.inVain} polls in a row brought nothing, each at once after the last`)
          }
        }, () => {})
        return reading
      }
  )
}
