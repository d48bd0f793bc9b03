/**
 * The indexes of real shards: three replicas that write, delete, replace, count, let fields expire,
 * lose messages and read in each other's state, on a clock that jumps both ways. All of it must be
 * found, and nothing else.
 */
import { limits } from '../../../engine/limits.js'
import test, { type ExecutionContext } from 'ava'
import type { Operation } from '../../../engine/fields/kinds.js'
import { parseWhere, type IndexDeclaration } from '../../../engine/query/query.js'
import { fieldsOf } from '../../../engine/record/reading.js'
import { SecondaryIndexes } from '../../../engine/query/secondary-index.js'
import { Shard } from '../../../engine/shard.js'
import type { Fields } from '../../../engine/base/values.js'
import type { Write } from '../../../engine/write/write.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'

const DECLARED: IndexDeclaration = { country: 'equality', price: 'range', sold: 'range' }

interface Indexed {
  readonly shard: Shard
  readonly indexes: SecondaryIndexes
  readonly deltas: Uint8Array[]
}

function indexesOf (shard: () => Shard): SecondaryIndexes {
  return new SecondaryIndexes({
    declaration: DECLARED,
    limits,
    read: key => shard().get(key),
    readExpired: key => {
      const head = shard().index.get(key)
      return head === undefined ? undefined : fieldsOf(head)
    }
  })
}

function open (incarnation: number, now: () => number): Indexed {
  const deltas: Uint8Array[] = []
  const indexes = indexesOf(() => shard)
  const shard: Shard = new Shard({
    limits,
    shard: 0,
    incarnation,
    now,
    onDelta: (_, delta) => {
      deltas.push(delta)
    },
    onEvent: () => {},
    onRecord: key => indexes.touch(key)
  })
  return { shard, indexes, deltas }
}

function assertIndexed (t: ExecutionContext, { shard, indexes }: Indexed, about: string): void {
  const fresh = indexesOf(() => shard)
  for (const key of shard.index.keys()) fresh.touch(key)
  t.deepEqual(indexes.dump(), fresh.dump(), about)
  const records = [...shard.index.keys()].sort().map((
    key
  ): [string, Fields | undefined] => [key, shard.get(key)])
  const filter = (holds: (fields: Fields) => boolean): string[] =>
    records.flatMap(([key, fields]) => fields !== undefined && holds(fields) ? [key] : [])
  const find = (where: Parameters<typeof parseWhere>[0]): string[] =>
    indexes.query(parseWhere(where, limits), { limit: 1000 }).records.map(({ key }) => key)
  t.deepEqual(find({ country: 1 }), filter(({ country }) => country === 1), about)
  t.deepEqual(
    find({ price: { gte: 3 } }),
    filter(({ price }) => typeof price === 'number' && price >= 3),
    about
  )
  t.deepEqual(
    find({ sold: { gt: 0 }, country: { in: [0, 1, 2] } }),
    filter(({ sold, country }) => Number(sold) > 0 && country !== undefined && Number(country) < 3),
    about
  )
}

function run (t: ExecutionContext, seed: number): void {
  const random = seededRandom(seed)
  const below = (end: number): number => random.uint32() % end
  let now = 1000
  let count = 0
  let incarnations = 0
  const replicas = Array.from({ length: 3 }, () => open(++incarnations, () => now))
  const anyone = (): Indexed => replicas[below(3)] as Indexed
  const draw = (): Write => {
    const base = {
      key: `k${below(25)}`,
      version: Math.max(1, 1000 + count - below(20)),
      stamp: 1000 + ++count
    }
    if (below(8) === 0) return { ...base, fields: null }
    if (below(4) === 0) {
      const operation: Operation = { kind: 'increment', field: 'sold', by: below(5) - 2 }
      return { ...base, version: base.stamp, fields: null, operations: [operation] }
    }
    const fields: Record<string, number | undefined> = { n: count }
    if (below(2) === 0) fields['country'] = below(5) === 0 ? undefined : below(4)
    if (below(2) === 0) fields['price'] = below(5) === 0 ? undefined : below(6)
    return {
      ...base,
      fields,
      ...below(5) === 0 ? { clears: true } : {},
      ...below(3) === 0 ? { expires: Math.max(1, now + below(60) - 10) } : {}
    }
  }
  for (let step = 0; step < 600; step++) {
    const replica = anyone()
    const about = `${describeSeed(seed)}, step ${step}`
    now = Math.max(1, now + below(8) - 3)
    switch (below(8)) {
      case 0:
        replica.shard.flush()
        break
      case 1:
        replica.shard.expire()
        break
      case 2:
        replica.shard.merge(anyone().shard.encode())
        break
      case 3:
        for (const delta of anyone().deltas.slice(-3)) replica.shard.merge(delta)
        break
      default:
        replica.shard.write(draw(), below(4) === 0)
    }
    if (below(200) === 0) replica.shard.compact()
    if (below(20) === 0) assertIndexed(t, replica, about)
  }
  for (const replica of replicas) {
    for (const other of replicas) replica.shard.merge(other.shard.encode())
  }
  for (const replica of replicas) {
    for (const other of replicas) replica.shard.merge(other.shard.encode())
  }
  for (const replica of replicas) {
    assertIndexed(t, replica, describeSeed(seed))
    t.deepEqual(
      replica.indexes.dump(),
      (replicas[0] as Indexed).indexes.dump(),
      `${describeSeed(seed)}: replicas that agree have equal indexes`
    )
  }
}

test('after any history of several shards, indexes are those built from scratch (SPEC E20)', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  for (let i = 0; i < 30; i++) run(t, (seed + i) >>> 0)
})

test('an expired field is not found, and is again if the clock goes back before its removal', t => {
  let now = 10
  const { shard, indexes } = open(1, () => now)
  const find = (): string[] =>
    indexes.query(parseWhere({ price: { gte: 0 } }, limits), { limit: 10 }).records.map(({ key }) =>
      key
    )
  shard.write({ key: 'a', version: 10, stamp: 10, fields: { price: 1 }, expires: 20 })
  t.deepEqual(find(), ['a'])
  now = 20
  t.deepEqual(find(), [])
  shard.write({ key: 'a', version: 11, stamp: 11, fields: { n: 1 } })
  t.deepEqual(find(), [])
  now = 19
  t.deepEqual(find(), ['a'])
  now = 20
  t.is(shard.expire(), 1)
  now = 19
  t.deepEqual(find(), [])
  t.deepEqual(indexes.dump()['price'], [])
})
