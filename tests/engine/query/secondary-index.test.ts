import test, { type ExecutionContext } from 'ava'
import { limits } from '../../../engine/limits.js'
import { parseWhere, type IndexDeclaration, type Operators, type Scalar,
  type Where } from '../../../engine/query/query.js'
import { SecondaryIndexes, type QueryPage } from '../../../engine/query/secondary-index.js'
import type { Fields, Value } from '../../../engine/base/values.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'

const DECLARATION = { country: 'equality', price: 'range' } as const

/** Records in a plain map, and the indexes beside it. */
function open (declaration: IndexDeclaration = DECLARATION) {
  const records = new Map<string, Fields>()
  let reads = 0
  const indexes = new SecondaryIndexes({
    declaration,
    limits,
    read: key => {
      reads++
      return records.get(key)
    }
  })
  return {
    records,
    indexes,
    get reads () {
      return reads
    },
    put: (key: string, fields: Fields) => {
      records.set(key, fields)
      indexes.touch(key)
    },
    del: (key: string) => {
      records.delete(key)
      indexes.touch(key)
    },
    page: (
      where: Where,
      limit: number,
      after: string | null = null,
      maxBytes?: number
    ): QueryPage =>
      indexes.query(parseWhere(where, limits), {
        limit,
        after,
        ...maxBytes === undefined ? {} : { maxBytes }
      }),
    keys: (where: Where): string[] =>
      indexes.query(parseWhere(where, limits), { limit: limits.maxQueryPage }).records.map((
        { key }
      ) => key)
  }
}

test('records are found by what they are, in the order of their keys', t => {
  const { put, page, keys } = open()
  put('c', { country: 'France', price: 1 })
  put('a', { country: 'France', price: 3 })
  put('b', { country: 'Spain', price: 1.5 })
  put('d', { price: '1' })
  t.deepEqual(keys({ country: 'France' }), ['a', 'c'])
  t.deepEqual(keys({ price: { lt: 2 } }), ['b', 'c'])
  t.deepEqual(keys({ country: 'France', price: { lt: 2 } }), ['c'])
  t.deepEqual(keys({ country: { in: ['Spain', 'France', 'Italy'] } }), ['a', 'b', 'c'])
  t.deepEqual(keys({ price: { gte: '' } }), ['d'])
  t.deepEqual(keys({ country: 'Italy' }), [])
  t.deepEqual(page({ country: 'Spain' }, 10).records, [{
    key: 'b',
    fields: { country: 'Spain', price: 1.5 }
  }])
})

test('a record moves with its values, and is gone with them', t => {
  const { put, del, keys, indexes } = open()
  put('a', { country: 'France', price: 1 })
  put('b', { country: 'France', price: 1 })
  put('a', { country: 'Spain', price: 1 })
  t.deepEqual(keys({ country: 'France' }), ['b'])
  t.deepEqual(keys({ country: 'Spain' }), ['a'])
  put('a', { price: ['no', 'scalar'] })
  t.deepEqual(keys({ country: 'Spain' }), [])
  t.deepEqual(keys({ price: { gte: 0 } }), ['b'])
  del('b')
  t.deepEqual(indexes.dump(), { country: [], price: [] }, 'nothing is kept of what is gone')
})

test('a record that changed without a word is not found by its old value', t => {
  const { put, records, keys } = open()
  put('a', { country: 'France' })
  put('b', { country: 'France' })
  t.deepEqual(keys({ country: 'France' }), ['a', 'b'])
  records.delete('a')
  records.set('b', { country: 'Spain' })
  t.deepEqual(keys({ country: 'France' }), [])
})

test('a hammered key costs the index one update', t => {
  const index = open()
  for (let i = 0; i < limits.maxUnindexedKeys * 2; i++) index.put('hot', { price: i })
  t.is(index.reads, 0)
  t.deepEqual(index.keys({ price: { gt: 5 } }), ['hot'])
  t.is(index.reads, 3, 'once for the index, once to check it, once to hand it out')
})

test('keys waiting to be indexed are bounded (SPEC B1)', t => {
  const index = open()
  for (let i = 0; i < limits.maxUnindexedKeys; i++) index.put(`k${i}`, { price: i })
  t.is(index.reads, limits.maxUnindexedKeys)
})

test('the condition that leaves the fewest records is looked up, the others are checked', t => {
  const { put, page } = open({ country: 'equality', price: 'range', size: 'range' })
  for (let i = 0; i < 1000; i++) {
    put(`k${i}`, { country: i % 500 === 0 ? 'Malta' : 'France', price: i, size: i % 10 })
  }
  t.is(page({ country: 'Malta', price: { gte: 0 } }, 10).looked, 2)
  t.is(page({ country: 'France', price: { lt: 5 } }, 10).looked, 5)
  t.is(page({ price: { gte: 0 }, size: { lt: 1 } }, 10).looked, 100)
  t.is(page({ country: { in: ['Malta', 'France'] }, price: { in: [1, 2, 3] } }, 10).looked, 3)
})

test('pages join without a gap or a repetition, by count and by size', t => {
  const { put, page, keys } = open()
  for (let i = 0; i < 500; i++) {
    put(`k${i}`, { country: i % 3 === 0 ? 'France' : 'Spain', price: i, text: 'x'.repeat(i) })
  }
  const all = keys({ country: 'France' })
  t.is(all.length, 167)
  for (
    const [limit, maxBytes] of [[1, Infinity], [7, Infinity], [166, Infinity], [167, Infinity], [
      500,
      Infinity
    ], [100, 1000]] as const
  ) {
    const found: string[] = []
    let after: string | null = null
    do {
      const { records, next, bytes }: QueryPage = page(
        { country: 'France' },
        limit,
        after,
        maxBytes
      )
      t.true(records.length > 0 && records.length <= limit)
      t.true(bytes < maxBytes + 3000)
      found.push(...records.map(({ key }) => key))
      after = next
    } while (after !== null)
    t.deepEqual(found, all, `limit ${limit}`)
  }
})

interface Chance {
  readonly below: (end: number) => number
}

/**
 * The meaning of a query, as plainly as can be: nothing is brought together, sorted or looked up.
 */
function holds (value: Value | undefined, condition: Scalar | Operators): boolean {
  if (typeof condition !== 'object' || condition === null) return value === condition
  const { eq, in: list, lt, lte, gt, gte } = condition
  const ordered = <T extends number | string>(
    bound: T | undefined,
    compare: (own: T, other: T) => boolean
  ): boolean => bound === undefined || (typeof value === typeof bound && compare(value as T, bound))
  return (eq === undefined || value === eq) &&
    (list === undefined || list.some(item => item === value)) &&
    ordered(lt, (own, bound) => own < bound) && ordered(lte, (own, bound) => own <= bound) &&
    ordered(gt, (own, bound) => own > bound) && ordered(gte, (own, bound) => own >= bound)
}

/** Values that collide, of every type, those that are not indexed included. */
function drawValue ({ below }: Chance): Value {
  switch (below(10)) {
    case 0:
      return null
    case 1:
      return below(2) === 0
    case 2:
      return [below(5)]
    case 3:
    case 4:
      return `s${below(8)}`
    case 5:
      return below(8) / 8
    default:
      return below(12) - 4
  }
}

function drawWhere (chance: Chance, fields: readonly string[]): Where {
  const { below } = chance
  const scalar = (): Scalar => {
    for (;;) {
      const value = drawValue(chance)
      if (value === null || typeof value !== 'object') return value
    }
  }
  const condition = (): Scalar | Operators => {
    const bound = below(3) === 0 ? () => `s${below(8)}` : () => below(12) - 4
    switch (below(7)) {
      case 0:
      case 1:
        return scalar()
      case 2:
        return { eq: scalar() }
      case 3:
        return { in: Array.from({ length: 1 + below(4) }, scalar) }
      case 4:
        return { [['lt', 'lte', 'gt', 'gte'][below(4)] as string]: bound() }
      case 5:
        return { gte: bound(), lt: bound() }
      default:
        return { gt: bound(), lte: bound(), in: Array.from({ length: 1 + below(6) }, scalar) }
    }
  }
  return Object.fromEntries(
    [fields[below(fields.length)] as string, ...fields.filter(() => below(3) === 0)].map(
      field => [field, condition()]
    )
  )
}

function randomHistory (t: ExecutionContext, seed: number): void {
  const random = seededRandom(seed)
  const chance = { below: (end: number): number => random.uint32() % end }
  const { below } = chance
  const fields = ['a', 'b', 'c', 'd', 'e']
  const declaration: IndexDeclaration = { a: 'equality', b: 'range', c: 'range', d: 'equality' }
  const { records, indexes, put, del } = open(declaration)
  for (let step = 0; step < 3000; step++) {
    const key = `k${below(150)}`
    if (below(5) === 0) del(key)
    else {put(
        key,
        Object.fromEntries(
          fields.filter(() => below(3) > 0).map(field => [field, drawValue(chance)])
        )
      )}
    if (below(50) === 0) indexes.refresh()
    if (step % 10 !== 0) continue
    const where = drawWhere(chance, fields)
    const conditions = parseWhere(where, limits)
    const expected = [...records].filter(([, record]) =>
      Object.entries(where).every(([field, condition]) => holds(record[field], condition))
    ).map(([found]) => found).sort()
    const found: string[] = []
    try {
      const limit = 1 + below(40)
      let after: string | null = null
      do {
        const page: QueryPage = indexes.query(conditions, { limit, after })
        found.push(...page.records.map(record => record.key))
        after = page.next
      } while (after !== null)
    } catch (error) {
      if ((error as { code?: string }).code === 'NOT_INDEXED') continue
      throw error
    }
    t.deepEqual(found, expected, `${describeSeed(seed)}, step ${step}: ${JSON.stringify(where)}`)
  }
  const fresh = new SecondaryIndexes({ declaration, limits, read: key => records.get(key) })
  for (const key of [...records.keys()].reverse()) fresh.touch(key)
  t.deepEqual(indexes.dump(), fresh.dump(), describeSeed(seed))
}

test('after any history queries match a filter, and indexes match rebuilt ones (SPEC E20)', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed))
  for (let run = 0; run < 20; run++) randomHistory(t, (seed + run) >>> 0)
})
