/**
 * Counters: some are shared, and many writers add to them and take from them; others belong to one
 * writer, which deletes them now and then.
 */
import type { Writer } from '../writer.js'
import { fieldKey, operate, ownReplica, type LoopPlan } from './operate.js'

/** Shared counters are never deleted: a delete would also end increments it had not seen. */
export async function counters (writer: Writer, { pauseMs, keys }: LoopPlan): Promise<void> {
  const { random } = writer
  while (writer.going) {
    for (let burst = random.pick([1, 1, 1, 8]); burst > 0; burst--) {
      const key = fieldKey(writer, 'counter', String(random.int(0, keys - 1)))
      const body = {
        field: random.pick(['n', 'n', 'm']),
        by: random.chance(0.3) ? -random.int(1, 9) : random.int(1, 99)
      }
      const done = operate<'counter'>(
        writer,
        key,
        body,
        (cache, options) => cache.increment(key, body.field, body.by, options)
      )
      if (random.chance(0.3)) await done
    }
    await writer.sleep(random.between(0, pauseMs * 2))
  }
}

export async function ownCounter (writer: Writer, { id, pauseMs }: LoopPlan): Promise<void> {
  const { random, host } = writer
  const key = fieldKey(writer, 'own', `${id}.${host.life}`)
  while (writer.going) {
    const resets = random.chance(0.1)
    const body = {
      by: resets ? 0 : random.int(1, 99),
      resets,
      seen: ownReplica(writer, key) !== undefined
    }
    await operate<'own'>(writer, key, body, (cache, options) => {
      if (!resets) return cache.increment(key, 'n', body.by, options)
      return random.chance(0.5) ? cache.delete(key, options) : cache.unset(key, ['n'], options)
    })
    await writer.sleep(random.between(0, pauseMs * 2))
  }
}
