/**
 * A record's outcome depends on the set of writes admitted and never on their order: every order of
 * small sets is tried, with versions and stamps drawn so close together that most of them tie.
 */
import test, { type ExecutionContext } from 'ava'
import { Entry, NO_FIELDS } from '../../../engine/record/entry.js'
import type { Claim } from '../../../engine/fields/kinds.js'
import { fieldsOf, isDeleted, versionOf } from '../../../engine/record/reading.js'
import { admit, claimsOf, entriesOf, type AdmitSinks,
  type Index } from '../../../engine/record/record.js'
import type { Fields } from '../../../engine/base/values.js'
import { describeSeed, pickSeed, seededRandom } from '../../support/ports.js'
import { recordProblems } from '../shards.js'

type Draft = readonly [
  version: number,
  stamp: number,
  incarnation: number,
  clock: number,
  content: Fields | readonly Claim[] | null,
  clears?: true
]

const sinks = (onDead: (entry: Entry) => void): AdmitSinks => ({ onDead, onKindConflict: () => {} })

function entryOf ([version, stamp, incarnation, clock, content, clears]: Draft): Entry {
  if (Array.isArray(content)) {
    const entry = new Entry('k', version, stamp, NO_FIELDS, false, 0, 0, {
      expires: 0,
      late: 0,
      claims: (content as readonly Claim[]).map(claim => ({
        ...claim,
        ...'of' in claim ? { of: incarnation } : {}
      }))
    })
    entry.setDot(incarnation, clock)
    return entry
  }
  const fields = content as Fields | null
  return new Entry(
    'k',
    version,
    stamp,
    fields ?? NO_FIELDS,
    fields === null || clears === true,
    incarnation,
    clock
  )
}

/** The record after the drafts were admitted in this order, and the entries that died. */
function outcome (t: ExecutionContext, drafts: readonly Draft[]): string {
  const index: Index = new Map()
  const dead: string[] = []
  for (const draft of drafts) {
    admit(
      index,
      entryOf(draft),
      sinks(entry => dead.push(`${entry.incarnation}:${entry.clock}`))
    )
  }
  const head = index.get('k') as Entry
  t.deepEqual(recordProblems('k', head), [])
  const alive = entriesOf(head).map(
    entry => [entry.incarnation, entry.clock, entry.version, entry.stamp, entry.clears,
      sorted(entry.fields as Fields), claimsOf(entry)]
  )
  t.is(alive.length + dead.length, drafts.length)
  return JSON.stringify({
    alive,
    dead: dead.sort(),
    fields: sorted(fieldsOf(head)),
    version: versionOf(head),
    deleted: isDeleted(head)
  })
}

function sorted (fields: Fields | undefined): unknown {
  return fields === undefined ? null : Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1)
}

function permutations<T> (items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map(rest => [item, ...rest])
  )
}

function assertOrderIrrelevant (t: ExecutionContext, drafts: readonly Draft[], note = ''): void {
  const [first = '', ...others] = permutations(drafts).map(order => outcome(t, order))
  const different = others.find(other => other !== first)
  t.is(different ?? first, first, `${note} ${JSON.stringify(drafts)}`)
}

const SETS: Record<string, readonly Draft[]> = {
  'puts of the same field': [[1, 1, 1, 0, { a: 1 }], [2, 1, 1, 1, { a: 2 }], [2, 1, 2, 0, { a: 3 }],
    [1, 5, 3, 0, { a: 4 }]],
  'puts of overlapping fields': [[1, 1, 1, 0, { a: 1, b: 1 }], [2, 2, 1, 1, { b: 2, c: 2 }], [3, 3,
    2, 0, { c: 3, d: 3 }], [4, 4, 2, 1, { d: 4, a: 4 }]],
  'a delete between puts': [[1, 1, 1, 0, { a: 1 }], [2, 2, 2, 0, null], [3, 3, 1, 1, { b: 3 }], [2,
    1, 3, 0, { c: 1 }]],
  'a replacement among puts and deletes': [[1, 1, 1, 0, { a: 1, b: 1 }], [2, 2, 2, 0, { a: 2 },
    true], [1, 9, 3, 0, null], [3, 3, 3, 1, { c: 3 }]],
  'two clears': [[2, 2, 1, 0, null], [2, 2, 2, 0, { a: 1 }, true], [2, 2, 3, 0, { b: 1 }], [2, 2, 1,
    1, { b: 2, c: 2 }]],
  'everything at one time': [[5, 5, 1, 0, { a: 1, b: 1 }], [5, 5, 1, 1, { b: 2 }], [5, 5, 2, 0,
    null], [5, 5, 3, 0, { c: 1 }], [5, 5, 3, 1, { a: 9 }, true]]
}

for (const [what, drafts] of Object.entries(SETS)) {
  test(`${what} give the same record in every order`, t => {
    assertOrderIrrelevant(t, drafts)
  })
}

test('random small sets of writes give the same record in every order (SPEC E1, E3)', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed), 'npm run test:only -- tests/engine/record/record.test.ts')
  const random = seededRandom(seed)
  const below = (end: number): number => random.uint32() % end
  for (let round = 0; round < 400; round++) {
    const drafts = Array.from({ length: 2 + below(4) }, (_, i): Draft => {
      const dot = [1 + below(3), 1 + below(2), 1 + below(3), i] as const
      if (below(5) === 0) return [...dot, null]
      const names = ['a', 'b', 'c', 'd'].filter(() => below(2) === 0)
      const fields = Object.fromEntries((names.length === 0 ? ['a'] : names).map(name => [name, i]))
      return below(5) === 0 ? [...dot, fields, true] : [...dot, fields]
    })
    assertOrderIrrelevant(t, drafts, describeSeed(seed))
  }
})

test('random writes and claims give the same record in every order (SPEC E1, E15, E16, E17)', t => {
  const seed = pickSeed()
  t.log(describeSeed(seed), 'npm run test:only -- tests/engine/record/record.test.ts')
  const random = seededRandom(seed)
  const below = (end: number): number => random.uint32() % end
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const claim = (): Claim => {
    const base = { field: pick(['a', 'b']), epoch: pick([0, 0, 2, 3]) }
    const element = pick(['x', 'y'])
    switch (below(6)) {
      case 0:
        return { kind: 'counter', ...base, of: 0, clock: 0, total: below(9) }
      case 1:
        return { kind: 'add', ...base, element, writer: 1 + below(3), sequence: below(5) }
      case 2:
        return { kind: 'remove', ...base, element, writer: 1 + below(3), sequence: below(5) }
      case 3:
        return { kind: pick(['max', 'min']), ...base, value: below(4) }
      case 4:
        return {
          kind: 'sequenced',
          ...base,
          sequence: below(4),
          value: pick([undefined, 1, 'text'])
        }
      default:
        return { kind: 'counter', ...base, of: 0, clock: 0, total: -1 }
    }
  }
  for (let round = 0; round < 600; round++) {
    const drafts = Array.from({ length: 2 + below(4) }, (_, i): Draft => {
      const dot = [1 + below(3), 1 + below(2), 1 + below(3), i] as const
      if (below(8) === 0) return [...dot, null]
      if (below(4) === 0) {
        return below(3) === 0
          ? [...dot, { a: i }, true]
          : [...dot, { [pick(['a', 'b', 'c'])]: i }]
      }
      const claims = [claim(), ...below(2) === 0 ? [claim()] : []]
      return [...dot, claims.filter((one, at) =>
        claims.findIndex(other => other.field === one.field) === at
      )]
    })
    assertOrderIrrelevant(t, drafts, describeSeed(seed))
  }
})

test('two writers who create the same record at once keep both their fields', t => {
  const index: Index = new Map()
  admit(index, entryOf([1, 1, 1, 0, { name: 'a' }]), sinks(() => t.fail()))
  admit(index, entryOf([1, 1, 2, 0, { price: 2 }]), sinks(() => t.fail()))
  t.deepEqual(fieldsOf(index.get('k') as Entry), { name: 'a', price: 2 })
})

test('a field called like a method of every object is a field like any other', t => {
  const index: Index = new Map()
  admit(index, entryOf([2, 2, 1, 0, { constructor: 1 }]), sinks(() => t.fail()))
  admit(index, entryOf([1, 1, 1, 1, { toString: 2 }]), sinks(() => t.fail()))
  t.deepEqual(fieldsOf(index.get('k') as Entry), { constructor: 1, toString: 2 })
})

test('a dead entry lets go of its values (SPEC E4)', t => {
  const index: Index = new Map()
  const first = entryOf([1, 1, 1, 0, { a: 1 }])
  const dead: Entry[] = []
  admit(index, first, sinks(entry => dead.push(entry)))
  admit(index, entryOf([2, 2, 1, 1, { a: 2 }]), sinks(entry => dead.push(entry)))
  t.deepEqual(dead, [first])
  t.is(first.fields, NO_FIELDS)
  t.false(first.live)
})

test('the fields handed out are a copy', t => {
  const index: Index = new Map()
  admit(index, entryOf([1, 1, 1, 0, { a: 1 }]), sinks(() => t.fail()))
  ;(fieldsOf(index.get('k') as Entry) as Record<string, unknown>)['a'] = 2
  t.deepEqual(fieldsOf(index.get('k') as Entry), { a: 1 })
})
