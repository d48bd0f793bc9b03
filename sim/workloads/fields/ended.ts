/**
 * Counters and sets of records that were deleted once, so that their claims belong to a later epoch
 * than the first: an operation that is taken where the delete is not known is dead everywhere else.
 */
import type { WriteConcern } from '../../../replication/deltas/write-concern.js'
import type { Ended, FieldOp } from '../../fields/field-op.js'
import type { Writer } from '../writer.js'
import { fieldKey, operate, type CallOptions, type LoopPlan } from './operate.js'
import type { Cache } from '../../../node/cache/cache.js'

/** Every holder must know of the delete, and of an element that is removed again. */
const ALL: readonly WriteConcern[] = ['all']

/** Each life of each writer makes records and deletes them; all writers go on with those. */
export async function ended (writer: Writer, { id, pauseMs, keys }: LoopPlan): Promise<void> {
  const { random, host, world: { model }, place } = writer
  for (let i = 0; i < keys && writer.going; i++) {
    const key = fieldKey(writer, 'ended', `${id}.${host.life}.${i}`)
    const begun = await increment(writer, key, 5)
    if (begun?.outcome === 'acked') await end(writer, key)
  }
  while (writer.going) {
    const keysThere = model.fields.ended(place)
    if (keysThere.length > 0) {
      const key = random.pick(keysThere)
      const done = random.chance(0.5)
        ? increment(writer, key, random.int(1, 9))
        : addAndRemove(writer, key)
      if (random.chance(0.3)) await done
    }
    await writer.sleep(random.between(0, pauseMs * 2))
  }
}

async function end (writer: Writer, key: string): Promise<void> {
  const { host, world, place, options: { cache: name } } = writer
  const op = await act(
    writer,
    key,
    { ends: true },
    (cache, options) => cache.delete(key, options),
    ALL
  )
  const isEverywhere = op?.outcome === 'acked' &&
    world.replicasOf(host.cluster, name, key).every(({ isDeleted }) => isDeleted)
  if (isEverywhere) world.model.fields.end(place, key)
}

function increment (writer: Writer, key: string, by: number): ReturnType<typeof act> {
  return act(writer, key, { by }, (cache, options) => cache.increment(key, 'n', by, options))
}

/** An element that every holder has, and that is removed wherever the removal arrives. */
async function addAndRemove (writer: Writer, key: string): Promise<void> {
  const { random, host, world, options: { cache: name } } = writer
  const element = `${host.name}.${world.model.fields.ops.length}`
  const added = await act(
    writer,
    key,
    { adds: element },
    (cache, options) => cache.addToSet(key, 'tags', [element], options),
    ALL
  )
  const isEverywhere = added?.outcome === 'acked' &&
    world.replicasOf(host.cluster, name, key).every(({ fields }) => isIn(fields?.['tags'], element))
  if (!isEverywhere || !random.chance(0.7)) return
  await writer.sleep(random.between(0, 2000))
  if (!writer.going) return
  await act(
    writer,
    key,
    { removes: element },
    (cache, options) => cache.removeFromSet(key, 'tags', [element], options)
  )
}

function isIn (tags: unknown, element: string): boolean {
  return Array.isArray(tags) && tags.includes(element)
}

async function act (
  writer: Writer,
  key: string,
  body: Ended,
  call: (cache: Cache, options: CallOptions) => Promise<unknown>,
  concerns?: readonly WriteConcern[]
): Promise<FieldOp<'ended'> | undefined> {
  return await operate<'ended'>(writer, key, body, call, concerns)
}
