/**
 * Records of registers with event times of the true clock, no two of one key alike: some expire,
 * others are looked up by the values of their fields (`INDEXES`).
 */
import type { Fields } from '../../../engine/base/values.js'
import type { IndexDeclaration } from '../../../engine/query/query.js'
import type { Dated, FieldOp } from '../../fields/field-op.js'
import { START_MS } from '../../world/process.js'
import type { Writer } from '../writer.js'
import { fieldKey, operate, type LoopPlan } from './operate.js'

const UNITS_PER_MS = 1000
/** Longer than any clock of a run is wrong. */
const LATE_TTL_MS = 3_600_000
export const SOON_TTL_MS = 4000

export const INDEXES: IndexDeclaration = { country: 'equality', price: 'range' }
export const COUNTRIES = ['France', 'Spain', 'Italy', 'Chile']

/**
 * Each record gets a time to live, or none, and one more write before or after it has expired.
 */
export async function expiring (writer: Writer, { id, pauseMs }: LoopPlan): Promise<void> {
  const { random, host } = writer
  for (let i = 0; writer.going; i++) {
    const key = fieldKey(writer, 'dated', `x.${id}.${host.life}.${i}`)
    void liveOf(writer, key)
    await writer.sleep(random.between(0, pauseMs * 3))
  }
}

async function liveOf (writer: Writer, key: string): Promise<void> {
  const { random } = writer
  const value = (): string => String(writer.world.model.fields.ops.length)
  await write(writer, key, { sets: { a: value(), b: value() } }, ttlOf(writer))
  if (!random.chance(0.5)) return
  await writer.sleep(random.between(0, 1500))
  if (!writer.going) return
  const next = random.pick<Partial<Dated>>([{ sets: { a: value() } }, {
    sets: { c: value() },
    clears: true
  }, { unsets: ['a'] }, { clears: true }])
  await write(
    writer,
    key,
    next,
    next.sets === undefined ? undefined : random.chance(0.5) ? ttlOf(writer) : undefined
  )
}

function ttlOf ({ random }: Writer): number {
  return random.chance(0.7) ? random.between(300, SOON_TTL_MS) : LATE_TTL_MS
}

/**
 * Records that many writers replace, read and write again, move from one value of an index to
 * another, and delete.
 */
export async function indexed (writer: Writer, { pauseMs, keys }: LoopPlan): Promise<void> {
  const { random } = writer
  while (writer.going) {
    const key = fieldKey(writer, 'dated', `i.${random.int(0, keys * 4 - 1)}`)
    const sets = {
      country: random.pick(COUNTRIES),
      price: random.int(0, 50),
      note: String(writer.world.model.fields.ops.length)
    }
    const done = random.chance(0.15)
      ? write(writer, key, { clears: true })
      : write(writer, key, { sets, clears: random.chance(0.1) }, undefined, random.chance(0.2))
    if (random.chance(0.3)) await done
    await writer.sleep(random.between(0, pauseMs * 2))
  }
}

async function write (
  writer: Writer,
  key: string,
  { sets = {}, unsets = [], clears = false }: Partial<Dated>,
  ttlMs?: number,
  reads = false
): Promise<FieldOp<'dated'> | undefined> {
  const at = eventTime(writer, key)
  const body: Dated = {
    order: at.order,
    sets,
    unsets,
    clears,
    ...ttlMs === undefined
      ? {}
      : { ends: ttlMs > SOON_TTL_MS ? 'late' : 'soon', expiresMs: at.ms + ttlMs }
  }
  return await operate<'dated'>(writer, key, body, (cache, ack) => {
    const options = { ...ack, at: at.ms, ...ttlMs === undefined ? {} : { ttlMs } }
    if (unsets.length > 0) return cache.unset(key, unsets, options)
    if (Object.keys(sets).length === 0) return cache.delete(key, options)
    if (clears) return cache.replace(key, sets, options)
    if (!reads) return cache.put(key, sets, options)
    return cache.update(key, before => {
      assertRead(writer, key, before)
      return sets
    }, options)
  })
}

/** Every value that was read is one that was written. */
export function assertRead (writer: Writer, key: string, fields: Fields | undefined): void {
  const problem = fields === undefined
    ? null
    : writer.world.model.judge(writer.place, key, fields, false)
  if (problem !== null) {
    writer.world.fail('what is read was written there', `${writer.host.name} read that ${problem}`)
  }
}

/** A moment of no other event of the key. */
function eventTime (writer: Writer, key: string): { readonly ms: number, readonly order: number } {
  const { world: { model, scheduler }, place } = writer
  const taken = new Set(model.fields.of<'dated'>(place, key).map(({ body }) => body.order))
  let order = Math.round(scheduler.nowMs * UNITS_PER_MS)
  while (taken.has(order)) order++
  return { ms: START_MS + order / UNITS_PER_MS, order }
}
