/** The registry of field kinds, and the form of every kind of claim in bytes. */
import test from 'ava'
import { counter } from '../../../engine/fields/counter.js'
import { KINDS, type Claim, type Operation } from '../../../engine/fields/kinds.js'
import { claimOfCode, codeOf, FIELD_KINDS, findKindOfOperation, isRepeatable, kindOf,
  kindOfOperation } from '../../../engine/fields/lookup.js'
import { Entry, NO_FIELDS } from '../../../engine/record/entry.js'
import { decodeEntry, encodeEntry } from '../../../engine/record/entry-codec.js'
import { limits } from '../../../engine/limits.js'

const claimed = (...claims: Claim[]): Entry =>
  new Entry('k', 7, 8, NO_FIELDS, false, 3, 4, { expires: 0, late: 0, claims })

/** Each kind of claim, its code, and the bytes of an entry that holds one such claim. */
const CLAIMS: ReadonlyArray<readonly [claim: Claim, code: number, bytes: string]> = [
  [{ kind: 'counter', field: 'n', epoch: 5, of: 3, clock: 4, total: -2 }, 0,
    '86616b07f608008300808184 00616e0521'],
  [{ kind: 'add', field: 's', epoch: 0, writer: 3, sequence: 8, element: 'x' }, 6,
    '86616b07f608008300808186 0661730061780308'],
  [{ kind: 'remove', field: 's', epoch: 0, element: true, writer: 9, sequence: 2 }, 7,
    '86616b07f608008300808186 07617300f50902'],
  [{ kind: 'max', field: 'm', epoch: 1, value: 10 }, 3, '86616b07f608008300808184 03616d010a'],
  [{ kind: 'min', field: 'm', epoch: 1, value: 10 }, 4, '86616b07f608008300808184 04616d010a'],
  [{ kind: 'sequenced', field: 'q', epoch: 0, sequence: 12, value: ['v'] }, 5,
    '86616b07f608008300808185 056171000c816176'],
  [{ kind: 'sequenced', field: 'q', epoch: 0, sequence: 12, value: undefined }, 5,
    '86616b07f608008300808184 056171000c']
]

/** Codes that were in use before the first release. */
const RETIRED: readonly number[] = [1, 2]

for (const [claim, code, bytes] of CLAIMS) {
  const what = 'value' in claim && claim.value === undefined ? 'that unsets ' : ''
  test(`a claim ${what}of kind ${claim.kind} has code ${code} and the same bytes for ever`, t => {
    t.is(codeOf(claim), code)
    t.is(claimOfCode(code)?.claim, claim.kind)
    const encoded = encodeEntry(claimed(claim)).slice()
    t.is(Buffer.from(encoded).toString('hex'), bytes.replace(' ', ''))
    t.deepEqual(decodeEntry(encoded, 3, 4, limits), claimed(claim))
  })
}

test('every kind of claim of the registry is among those whose bytes are pinned', t => {
  const pinned = new Set(CLAIMS.map(([{ kind }]) => kind))
  const known = Object.values(KINDS).flatMap(({ codes }) => Object.keys(codes))
  t.deepEqual(known.filter(kind => !pinned.has(kind as Claim['kind'])), [])
  const codes = Object.values(KINDS).flatMap(kind => Object.values<number>(kind.codes))
  const all = [...codes, ...RETIRED].sort((a, b) => a - b)
  t.deepEqual(all, all.map((_, code) => code))
})

test('a code that no kind has stands for nothing, whatever it looks like', t => {
  for (const code of [4711, -1, 1.5, 2 ** 40]) t.is(claimOfCode(code), undefined)
})

test('the order in which kinds are read, where a field was used as several, never changes', t => {
  t.deepEqual(Object.keys(KINDS), ['sequenced', 'set', 'counter', 'max', 'min'])
  t.deepEqual(CLAIMS.map(([claim]) => kindOf(claim).rank), [2, 1, 1, 3, 4, 0, 0])
})

test('a schema may declare registers and every kind of the registry', t => {
  t.deepEqual(FIELD_KINDS, ['register', 'counter', 'max', 'min', 'sequenced', 'set'])
  t.deepEqual([...FIELD_KINDS].sort(), ['register', ...Object.keys(KINDS)].sort())
})

test('claims and operations find their kind; names that only look like one find none', t => {
  for (const [claim] of CLAIMS) {
    t.is(kindOf(claim).name, claim.kind === 'add' || claim.kind === 'remove' ? 'set' : claim.kind)
  }
  t.is(kindOfOperation('increment').name, 'counter')
  t.is(findKindOfOperation('remove'), findKindOfOperation('add'))
  for (
    const name of ['__proto__', 'constructor', 'toString', 'counter', '', 7, null, undefined, [
      'increment'
    ]]
  ) t.is(findKindOfOperation(name), undefined, String(name))
})

test('of all operations only an increment cannot be repeated', t => {
  const once: readonly Operation[] = [{ kind: 'increment', field: 'n', by: 1 }]
  const again: readonly Operation[] = [
    { kind: 'add', field: 's', element: 1 },
    { kind: 'remove', field: 's', element: 1 },
    { kind: 'max', field: 'm', value: 1 },
    { kind: 'min', field: 'm', value: 1 },
    { kind: 'sequenced', field: 'q', sequence: 1 }
  ]
  t.deepEqual(once.map(isRepeatable), [false])
  t.deepEqual(again.map(isRepeatable), again.map(() => true))
})

test('the registry and what is derived from it cannot be changed', t => {
  t.true(Object.isFrozen(KINDS))
  t.true(Object.isFrozen(FIELD_KINDS))
  t.throws(() => {
    ;(KINDS as { counter: typeof counter }).counter = counter
  }, { instanceOf: TypeError })
})
