/**
 * Records that stay: each is written once, and never deleted. Once every holder has one, whoever
 * asks for it must be given it, or an error: "not found" would be a lie. The function given to
 * update must see it as well, or it would write the record anew.
 */
import { MillpondError } from '../../engine/errors.js'
import type { Fields } from '../../engine/base/values.js'
import type { Cache } from '../../node/cache/cache.js'
import { describe, type Op } from '../model.js'
import type { Writer } from './writer.js'

const READS_PER_WRITE = 4
const KEYS_AT_ONCE = 12

export interface KeptPlan {
  readonly id: number
  readonly pauseMs: number
}

export async function kept (writer: Writer, { id, pauseMs }: KeptPlan): Promise<void> {
  const { random, host, world, place, options: { cache } } = writer
  for (let i = 0; writer.going; i++) {
    const key = `${host.cluster}.${cache}.k.${id}.${host.life}.${i}`
    const done = writer.write({ key, fields: ['a'], order: 0, concern: 'all' }).then(op => {
      const isEverywhere = op?.outcome === 'acked' &&
        world.replicasOf(host.cluster, cache, key).every(({ fields }) => fields !== undefined)
      if (isEverywhere) world.model.keep(op)
    })
    if (random.chance(0.3)) await done
    for (let left = READS_PER_WRITE; left > 0 && writer.going; left--) {
      await writer.sleep(random.between(0, pauseMs))
      void look(writer, world.model.kept(place))
    }
  }
}

type Found = ReadonlyArray<readonly [op: Op, isThere: boolean]>

const WAYS: ReadonlyArray<(cache: Cache, ops: readonly Op[]) => Promise<Found>> = [
  async (cache, [op]) => op === undefined ? [] : [[op, await cache.get(op.key) !== undefined]],
  async (cache, [op]) => op === undefined ? [] : [[op, await cache.has(op.key)]],
  async (cache, ops) => {
    const records = await cache.getMany(ops.map(({ key }) => key))
    return ops.map((op, i) => [op, records[i] !== undefined])
  },
  async (cache, [op]) => {
    if (op === undefined) return []
    let seen: Fields | undefined
    await cache.update(op.key, fields => {
      seen = fields
      return undefined
    })
    return [[op, seen !== undefined]]
  }
]

async function look (writer: Writer, all: readonly Op[]): Promise<void> {
  const { world, host, random, options } = writer
  const cache = host.cacheOf?.(options.cache)
  if (cache === undefined || all.length === 0) return
  const ops = Array.from({ length: KEYS_AT_ONCE }, () => random.pick(all))
  const askedMs = world.scheduler.nowMs
  const read = random.pick(WAYS)
  try {
    for (const [op, isThere] of await read(cache, ops)) {
      if (isThere || !world.model.isGuaranteed(op)) continue
      world.fail(
        'what every holder had is never "not found"',
        `${host.name} asked at ${askedMs.toFixed(1)} for ${op.key}, and it was not found: ${
          describe(op)
        }`
      )
    }
    world.coverage.hit('read kept')
  } catch (error) {
    if (!(error instanceof MillpondError)) throw error
    world.coverage.hit(`read kept ${error.code}`)
  }
}
