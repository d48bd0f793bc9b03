/**
 * Sets to which many writers add. Each element belongs to one writer and names it, so that the
 * element can be traced. The writer removes the element later, and now and then adds it once more,
 * each time after the operation before was answered. A removal is often sent by a holder that has
 * the element: then it is known to have seen the add, whichever holders took it.
 */
import type { Element } from '../../../engine/fields/set.js'
import { Writer } from '../writer.js'
import { fieldKey, operate, ownReplica, type LoopPlan } from './operate.js'

const FIELD = 'tags'

export async function sets (writer: Writer, { id, pauseMs, keys }: LoopPlan): Promise<void> {
  const { random, host } = writer
  for (let i = 0; writer.going; i++) {
    const key = fieldKey(writer, 'set', String(random.int(0, keys - 1)))
    const elements = Array.from(
      { length: random.pick([1, 1, 3]) },
      (_, n) =>
        random.chance(0.2)
          ? ((id * 100 + host.life) * 10_000 + i) * 3 + n
          : `${id}.${host.life}.${i}.${n}`
    )
    void trace(writer, key, elements, pauseMs)
    await writer.sleep(random.between(0, pauseMs * 3))
  }
}

/** The operations on one lot of elements. */
async function trace (
  writer: Writer,
  key: string,
  elements: readonly Element[],
  pauseMs: number
): Promise<void> {
  const { random } = writer
  await change(writer, key, elements, true)
  // A set that only grows would become the whole run.
  for (const element of elements) {
    if (!writer.going || random.chance(0.15)) return
    await writer.sleep(random.between(0, pauseMs * random.pick([1, 10])))
    const remover = random.chance(0.5) ? holderOf(writer, key, element) ?? writer : writer
    await within(remover, () => change(remover, key, [element], false))
    if (!writer.going || !random.chance(0.2)) continue
    await change(writer, key, [element], true)
    if (random.chance(0.5)) await change(writer, key, [element], false)
  }
}

/** Runs in the process of the writer's host, which notes what it has not stored. */
function within ({ host: { process } }: Writer, run: () => Promise<void>): Promise<void> {
  return new Promise(resolve => {
    process?.enter(() => resolve(run()))
  })
}

/** A writer at a holder of the key that has the element. */
function holderOf (
  { world, host, random, options }: Writer,
  key: string,
  element: Element
): Writer | undefined {
  const holders = world.hostsOf(host.cluster).map(each => new Writer(world, each, random, options))
    .filter(each => each.going && has(ownReplica(each, key)?.fields?.[FIELD], [element]))
  return holders.length === 0 ? undefined : random.pick(holders)
}

function has (held: unknown, elements: readonly Element[]): boolean {
  return Array.isArray(held) && elements.every(element => held.includes(element))
}

async function change (
  writer: Writer,
  key: string,
  elements: readonly Element[],
  add: boolean
): Promise<void> {
  const own = ownReplica(writer, key)
  const seen = own !== undefined && (add || has(own.fields?.[FIELD], elements))
  await operate<'set'>(
    writer,
    key,
    { add, elements, seen },
    (cache, options) =>
      add
        ? cache.addToSet(key, FIELD, elements, options)
        : cache.removeFromSet(key, FIELD, elements, options)
  )
}
