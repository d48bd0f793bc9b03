/**
 * A consumer that is given nothing new pauses before it asks again (SPEC C12). Without the pause it
 * would keep a replica busy: each question would come as soon as the last was answered, until there
 * is a change to deliver.
 */
import { ShardReader, type Reading } from '../../pubsub/consumer/shard-reader.js'
import { patch, type Undo } from '../patch.js'

/** Between an answer and a question that come this close there was no pause. */
const AT_ONCE_MS = 5
/**
 * A consumer may ask about each dirty shard in vain once at each of its holders, and hints come
 * meanwhile.
 */
const MAX_IN_VAIN = 200

interface Asked {
  inVain: number
  answeredMs: number
}

/**
 * Watches all consumers until it is undone. Watching changes nothing, not even when a step happens.
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
