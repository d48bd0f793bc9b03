/** What stands above a write where it is about to be taken. */
import test from 'ava'
import fc from 'fast-check'
import { limitsWith } from '../../../engine/limits.js'
import type { Fields } from '../../../engine/base/values.js'
import type { Write } from '../../../engine/write/write.js'
import { assertProperty } from '../../support/properties.js'
import { del, openShard, openShardWithClock, put, replace } from '../shards.js'

/** So few are remembered that nearly every one is forgotten. */
const fewGraves = limitsWith({ maxGravesPerShard: 1 })
const ALWAYS = { before: Infinity, forcedBefore: Infinity }

/** Whether the record is as a write must leave it that has its whole effect. */
function isDone ({ fields, clears }: Write, after: Fields | undefined): boolean {
  const set = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined)
  if (!set.every(([name, value]) => after?.[name] === value)) return false
  const names = Object.keys(after ?? {})
  if (fields === null || clears === true) return names.length === set.length
  return names.every(name => !Object.hasOwn(fields, name) || fields[name] !== undefined)
}

test('nothing stands above a write that is newer than its record, or is that record', t => {
  const shard = openShard(1)
  t.is(shard.standingAbove(put('k', 1, { a: 1 })), 0)
  shard.write(put('k', 10, { a: 1 }))
  t.is(shard.standingAbove(put('k', 11, { a: 2 })), 0)
  t.is(shard.standingAbove(put('k', 10, { a: 1 })), 0, 'a copy of it')
  t.is(shard.standingAbove(put('k', 9, { b: 1 })), 0, 'another field')
  t.is(shard.standingAbove(put('k', 9, { a: 1, b: 1 })), 10)
  t.is(shard.standingAbove(del('k', 9)), 10)
})

test('a tombstone that was dropped stands there all the same', t => {
  const shard = openShard(1)
  shard.write(put('k', 10, { a: 1 }))
  shard.write(del('k', 20))
  shard.write(put('other', 5, { a: 1 }))
  shard.flush()
  t.is(shard.collect({ stable: shard.stateVector, ...ALWAYS }), 1)
  t.is(shard.standingAbove(put('k', 15, { a: 2 })), 20)
  t.is(shard.standingAbove(del('k', 15)), 20)
  t.is(shard.standingAbove(put('k', 21, { a: 2 })), 0)
  t.is(shard.standingAbove(put('other', 6, { a: 2 })), 0)
})

const Names = fc.subarray(['a', 'b', 'c'], { minLength: 1 })
const History = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'put',
      'put',
      'put',
      'delete',
      'replace',
      'unset',
      'increment',
      'collect'
    ),
    version: fc.integer({ min: 1, max: 60 }),
    names: Names
  }),
  { minLength: 1, maxLength: 12 }
)

function writeOf (kind: string, version: number, names: readonly string[], n: number): Write {
  const fields = Object.fromEntries(names.map(name => [name, n]))
  if (kind === 'delete') return del('k', version)
  if (kind === 'replace') return replace('k', version, fields)
  if (kind === 'increment') {
    const operations = [{ kind: 'increment', field: 'count', by: 1 }] as const
    return { key: 'k', version, stamp: version, fields: null, operations }
  }
  if (kind === 'unset') {
    const unset = Object.fromEntries([...names, 'count'].map(name => [name, undefined]))
    return { key: 'k', version, stamp: version, fields: unset }
  }
  return put('k', version, fields)
}

test('a copy of an add stays away when its removal was dropped (SPEC E9)', t => {
  for (const [limits, others] of [[undefined, 0], [fewGraves, 5]] as const) {
    const shard = openShardWithClock(1, () => 0, limits)
    const add = (version: number, sequence: number): Write => ({
      key: 'k',
      version,
      stamp: version,
      fields: null,
      operations: [{ kind: 'add', field: 'tags', element: 'x' }],
      entered: { writer: 7, sequence }
    })
    shard.write(add(10, 1))
    shard.write({
      ...add(20, 2),
      operations: [{ kind: 'remove', field: 'tags', element: 'x' }]
    })
    for (let i = 0; i < others; i++) shard.write(del(`other ${i}`, 30 + i))
    shard.flush()
    shard.collect({ stable: shard.stateVector, ...ALWAYS })
    t.is(shard.get('k'), undefined)
    t.true(shard.standingAbove(add(10, 1)) >= 20, 'the copy')
    t.is(shard.standingAbove(add(100, 3)), 0, 'a later add')
    shard.write(put('k', 50, { a: 1 }))
    t.true(shard.standingAbove(add(10, 1)) >= 20, 'the copy, beside what came since')
  }
})

test('a write above which nothing stands has its whole effect (SPEC T2)', t => {
  assertProperty(
    t,
    'tests/engine/write/standing.test.ts',
    fc.property(History, fc.boolean(), (history, isLogged) => {
      const shard = openShardWithClock(1, () => 0, fewGraves)
      history.forEach(({ kind, version, names }, n) => {
        if (kind === 'collect') {
          shard.flush()
          shard.collect({ stable: shard.stateVector, ...ALWAYS })
          return
        }
        // Two writes of one version would count as one, taken twice.
        const write = writeOf(kind, version * 100 + n, names, n)
        if (write.operations !== undefined) {
          shard.write(write)
          return
        }
        const above = shard.standingAbove(write)
        const at = above === 0 ? write.version : above + 1
        const dated = { ...write, version: at, stamp: at }
        if (shard.standingAbove(dated) !== 0) throw new Error(`${n}: dated ${at}, not above`)
        shard.write(dated)
        if (isLogged) shard.flush()
        if (!isDone(dated, shard.get('k'))) {
          throw new Error(`${n}: ${JSON.stringify(dated)} left ${JSON.stringify(shard.get('k'))}`)
        }
      })
    }),
    2000
  )
})
