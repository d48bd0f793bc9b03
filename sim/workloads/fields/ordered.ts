/**
 * Fields that are decided by their values or by the numbers of their source, whenever a write
 * arrives: maxima, minima, sequenced patches.
 */
import type { Writer } from '../writer.js'
import { fieldKey, operate, type LoopPlan } from './operate.js'

export async function bounds (writer: Writer, { pauseMs, keys }: LoopPlan): Promise<void> {
  const { random } = writer
  while (writer.going) {
    const key = fieldKey(writer, 'bound', String(random.int(0, keys - 1)))
    const field = random.pick(['max', 'min'] as const)
    // Values get better and better as time goes by, so that each may be the one that counts.
    const value = Math.round(random.between(0, 1000) + writer.world.scheduler.nowMs) *
      (field === 'max' ? 1 : -1)
    const done = operate<'bound'>(
      writer,
      key,
      { field, value },
      (cache, options) =>
        field === 'max'
          ? cache.raiseTo(key, field, value, options)
          : cache.lowerTo(key, field, value, options)
    )
    if (random.chance(0.3)) await done
    await writer.sleep(random.between(0, pauseMs * 2))
  }
}

/**
 * One source for each key, which many writers read: they pass its events on late, out of order, and
 * now and then twice.
 */
export async function sequenced (writer: Writer, { pauseMs, keys }: LoopPlan): Promise<void> {
  const { random, place, world: { model } } = writer
  while (writer.going) {
    const key = fieldKey(writer, 'sequenced', String(random.int(0, keys - 1)))
    const before = model.fields.of<'sequenced'>(place, key)
    const again = before.length > 0 && random.chance(0.2)
      ? random.pick(before.slice(-10)).body
      : undefined
    const sequence = again?.sequence ??
      before.reduce((greatest, { body }) => Math.max(greatest, body.sequence), 0) + 1
    const body = again ?? { sequence, value: random.chance(0.1) ? undefined : `event ${sequence}` }
    const send = async (): Promise<void> => {
      await operate<'sequenced'>(
        writer,
        key,
        body,
        (cache, options) => cache.patch(key, { price: body }, options)
      )
    }
    const how = random.pick(['late', 'awaited', 'at once'])
    if (how === 'late') {
      void writer.sleep(random.between(0, pauseMs * 10)).then(() =>
        writer.going ? send() : undefined
      )
    } else if (how === 'awaited') await send()
    else void send()
    await writer.sleep(random.between(0, pauseMs * 2))
  }
}
