/**
 * The source of updates: three writers that write, and hear of each other or not, and send deltas,
 * diffs and snapshots. Their records are few, so that everything meets everything.
 */
import { KindError } from '../../engine/errors.js'
import type { StateVector } from '../../engine/base/state-vector.js'
import type { Fields, Value } from '../../engine/base/values.js'
import type { SimRandom } from '../../sim/random.js'
import { del, openSmallChunkedShard, put, replace, type TestShard } from '../engine/shards.js'

/** The material that a mutation may draw from. */
export interface Material {
  readonly random: SimRandom
  /** Honest updates; one of them is what a mutation starts from. */
  readonly updates: readonly Uint8Array[]
  /** The entries that the shard under fire has seen. */
  readonly seen: StateVector
  /** The incarnation of the shard under fire, and those of the writers. */
  readonly own: number
  readonly writers: readonly number[]
}

/**
 * A way to spoil an update. A mutation takes every chance from the material's `random`, so that a
 * seed gives one run.
 */
export interface Mutation {
  readonly name: string
  readonly mutate: (material: Material) => Uint8Array
}

const KEYS = ['a', 'b', 'key with spaces', 'größe', 'k{tag}', '__proto__', 'constructor', '0']
const NAMES = ['x', 'y', 'z', 'toString', 'ß', '7']

export function drawIncarnation (random: SimRandom): number {
  return random.int(1, 0xffffffff)
}

export function drawValue (random: SimRandom, depth = 0): Value {
  switch (random.int(0, depth > 2 ? 5 : 7)) {
    case 0:
      return null
    case 1:
      return random.chance(0.5)
    case 2:
      return random.int(-1000, 1000)
    case 3:
      return random.fraction() * 2 ** random.int(0, 60)
    case 4:
      return 'text '.repeat(random.int(0, 12))
    case 5:
      return Uint8Array.from({ length: random.int(0, 20) }, () => random.int(0, 255))
    case 6:
      return Array.from({ length: random.int(0, 3) }, () => drawValue(random, depth + 1))
    default:
      return Object.fromEntries(
        random.some(NAMES, 0.4).map(name => [name, drawValue(random, depth + 1)])
      )
  }
}

export function drawFields (random: SimRandom): Fields {
  const names = random.some(NAMES, 0.4)
  return Object.fromEntries(
    (names.length === 0 ? ['x'] : names).map(name => [name, drawValue(random)])
  )
}

type Write = Parameters<TestShard['write']>[0]
type Operation = NonNullable<Write['operations']>[number]

function drawOperation (random: SimRandom): Operation {
  const field = random.pick(['n', 's', 'm', 'q', 'x'])
  const element = random.pick(['red', 'blue', 7, true])
  switch (random.int(0, 6)) {
    case 0:
    case 1:
      return { kind: 'increment', field, by: random.int(-5, 5) }
    case 2:
      return { kind: 'add', field, element }
    case 3:
      return { kind: 'remove', field, element }
    case 4:
      return { kind: random.pick(['max', 'min']), field, value: random.int(-9, 9) }
    case 5:
      return { kind: 'sequenced', field, sequence: random.int(0, 9), value: drawValue(random) }
    default:
      return { kind: 'sequenced', field, sequence: random.int(0, 9) }
  }
}

function drawWrite (random: SimRandom, stamp: number): Write {
  const key = random.pick(KEYS)
  const version = random.int(0, 30)
  const kind = random.int(0, 12)
  if (kind === 0) return del(key, version, stamp)
  if (kind === 1) return replace(key, version, drawFields(random), stamp)
  if (kind === 2) {
    return {
      key,
      version,
      stamp,
      fields: { ...drawFields(random), [random.pick(NAMES)]: undefined }
    }
  }
  if (kind === 3) {
    return { key, version, stamp, fields: drawFields(random), expires: random.int(1, 100) }
  }
  if (kind < 7) {
    return {
      key,
      version,
      stamp,
      fields: null,
      operations: Array.from({ length: random.int(1, 3) }, () => drawOperation(random))
    }
  }
  return put(key, version, drawFields(random), stamp)
}

/**
 * One write of a shard. Versions are few and meet; stamps are its own count. One that uses a field
 * as another kind than it is changes nothing.
 */
export function writeSomething (random: SimRandom, shard: TestShard, stamp: number): void {
  const write = drawWrite(random, stamp)
  const keepLoser = random.chance(0.1)
  try {
    shard.write(write, keepLoser)
  } catch (error) {
    if (!(error instanceof KindError)) throw error
  }
}

/**
 * The updates of some writers. The first of each writer's deltas starts at clock 0, so a shard that
 * merges all of them in this order refuses none.
 */
export function drawUpdates (random: SimRandom, writers: readonly number[]): Uint8Array[] {
  const shards = writers.map(openSmallChunkedShard)
  const updates: Uint8Array[] = []
  for (let step = 1; step <= 40; step++) {
    const shard = random.pick(shards)
    const action = random.int(0, 9)
    if (action < 7) writeSomething(random, shard, step)
    else if (action === 7) {
      const before = shard.deltas.length
      shard.flush()
      updates.push(...shard.deltas.slice(before))
    } else if (action === 8) shard.merge(random.pick(shards).encode())
    else {updates.push(
        shard.encode(random.chance(0.5) ? random.pick(shards).stateVector : undefined)
      )}
  }
  updates.push(...shards.map(shard => shard.encode()))
  return updates
}
