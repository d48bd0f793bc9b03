/**
 * Reads of all kinds while others write: errors are typed, and every value that is read is one that
 * was written.
 */
import type { Element } from '../../../engine/fields/set.js'
import { strangersTo } from '../../fields/matching.js'
import type { Writer } from '../writer.js'
import { assertRead, COUNTRIES } from './dated.js'
import { isTyped, type LoopPlan } from './operate.js'

export async function reads (writer: Writer, { pauseMs }: LoopPlan): Promise<void> {
  const { random } = writer
  while (writer.going) {
    try {
      await random.pick([getMany, has, hasElement, query])(writer)
    } catch (error) {
      if (!isTyped(writer, error, 'reading')) return
      writer.world.coverage.hit(`read ${error.code}`)
    }
    await writer.sleep(random.between(0, pauseMs * 4))
  }
}

function someKeys ({ random, world: { model }, place }: Writer): string[] {
  const keys = model.fields.keys(place)
  return keys.length === 0 ? [] : Array.from({ length: random.int(1, 12) }, () => random.pick(keys))
}

async function getMany (writer: Writer): Promise<void> {
  const keys = someKeys(writer)
  const records = await writer.host.cacheOf?.(writer.options.cache).getMany(keys) ?? []
  records.forEach((fields, i) => assertRead(writer, keys[i] as string, fields))
}

async function has (writer: Writer): Promise<void> {
  const [key] = someKeys(writer)
  const found = key === undefined
    ? undefined
    : await writer.host.cacheOf?.(writer.options.cache).has(key)
  if (found !== undefined) writer.world.coverage.hit(`read has ${found}`)
}

async function hasElement (writer: Writer): Promise<void> {
  const { world: { model, coverage }, place, random } = writer
  const key = someKeys(writer).find(each => each.includes('.t.set.'))
  if (key === undefined) return
  const { body: { elements } } = random.pick(model.fields.of<'set'>(place, key))
  const found = await writer.host.cacheOf?.(writer.options.cache).hasElement(
    key,
    'tags',
    random.pick<Element>(elements)
  )
  coverage.hit(`read hasElement ${found}`)
}

/**
 * A record meets the conditions at the moment it is read. So the fields that a query hands out meet
 * them, even if the record is written meanwhile.
 */
async function query (writer: Writer): Promise<void> {
  const { random } = writer
  const from = random.int(0, 50)
  const where = random.pick([{ country: random.pick(COUNTRIES) }, {
    price: { gte: from, lt: from + 10 }
  }, { country: random.pick(COUNTRIES), price: { gte: from } }])
  const keys = new Set<string>()
  for await (
    const { key, fields } of writer.host.cacheOf?.(writer.options.cache).query(where) ?? []
  ) {
    assertRead(writer, key, fields)
    const stranger = strangersTo(fields, where)
    if (stranger !== null || keys.has(key)) {
      writer.world.fail(
        'a query gives what it asked for, once',
        `${writer.host.name}: ${key} ${stranger ?? 'came twice'}, asked was ${
          JSON.stringify(where)
        }`
      )
    }
    keys.add(key)
  }
  writer.world.coverage.hit('read query', keys.size)
}
