/**
 * Everything that documents and comments cite must be there: files, numbers, bounds, names, error
 * codes. Each check is also shown a small tree with a mistake, because a check that cannot fail
 * checks nothing.
 */
import test from 'ava'
import { limits } from '../../engine/limits.js'
import { danglingBounds, danglingFiles, danglingNames, danglingNumbers, danglingPlaces, errorCodes,
  misplacedNames } from './citations.js'
import { readTree, type Tree } from './tree.js'

const tree = readTree()
const bounds = new Set(Object.keys(limits))

test('the tree that is read is this checkout, without what tools made', t => {
  t.true(tree.has('engine/shard.ts') && tree.has('SPEC.md') && tree.size > 300)
  t.false([...tree.keys()].some(path => /(?:^|\/)(?:node_modules|dist|\.git)\//.test(path)))
})

test('decisions and claims that are cited by number are there', t => {
  t.deepEqual(danglingNumbers(tree), [])
})

test('files that documents and comments name are there, and only one is meant', t => {
  t.deepEqual(danglingFiles(tree), [])
})

test('the specification says of each claim where it is enforced, as a path', t => {
  t.deepEqual(danglingPlaces(tree), [])
})

test('bounds that documents and comments name are there', t => {
  t.deepEqual(danglingBounds(tree, bounds), [])
})

test('names in the code font of documents are words of some source', t => {
  t.deepEqual(danglingNames(tree), [])
  t.deepEqual(misplacedNames(tree), [])
})

test('docs/errors.md lists the codes that the product gives to errors, and no others', t => {
  const { documented, thrown } = errorCodes(tree)
  t.true(thrown.size > 20)
  t.deepEqual([...documented].sort(), [...thrown].sort())
})

/** A project in which every citation leads somewhere. */
const SOUND: Readonly<Record<string, string>> = {
  'docs/design.md': '## D1. A decision\n',
  'docs/adr/0001-a-record.md': '# 1. A record\n',
  'SPEC.md': '| A1 | Clocks jump. |\n| E1 | It holds. | engine/log/log.ts |\n' +
    '| S1 | It holds on disk. | storage/stores/ |\n',
  'README.md': 'See [the log](engine/log/log.ts), `append(entry)`, D1, ADR 1 and SPEC E1.\n',
  'docs/errors.md': '| `STORE` | the store could not be read |\n',
  'engine/log/log.ts': '/**\n * Keeps it (D1, docs/adr/0001), at most limits.maxKeyBytes.\n */\n' +
    'export const append = 1 // as slots.ts does it\n',
  'engine/log/text.ts': `const text = '// D7 in gone.ts'\n`,
  'engine/log/slots.ts': `class StoreError { constructor () { super('STORE', 'no') } }\n`,
  'storage/stores/memory.ts': '// See log/log.ts.\n',
  'sim/log.ts': '// See engine/log/log.ts, and slots.ts.\n'
}
const mistakesOf = (
  files: Tree
): string[] => [...danglingNumbers(files), ...danglingFiles(files), ...danglingPlaces(files),
  ...danglingBounds(files, bounds), ...danglingNames(files), ...misplacedNames(files)]

test('citations: a tree in which each leads somewhere has no mistake', t => {
  const files = new Map(Object.entries(SOUND))
  t.deepEqual(mistakesOf(files), [])
  const { documented, thrown } = errorCodes(files)
  t.deepEqual(documented, thrown)
})

const PLANTED: ReadonlyArray<readonly [name: string, path: string, text: string, found: RegExp]> = [
  ['a decision that is not there', 'engine/bad.ts', '// as D2 says\n', /^engine\/bad\.ts:1 .* D2,/],
  ['a record that is not there', 'docs/bad.md', 'a\nsee ADR 2', /^docs\/bad\.md:2 .* 2,/],
  ['the path of a record that is not there', 'engine/bad.ts', '/** docs/adr/0007 */', / 0007,/],
  ['a claim that is not there', 'engine/bad.ts', '  * (SPEC E1, E9)', / E9,/],
  ['a file that is gone', 'engine/bad.ts', ' * See engine/log/run.ts.', / engine\/log\/run\.ts,/],
  ['a name that several files have', 'docs/bad.md', 'see log.ts', /log\.ts, sim\/log\.ts$/],
  ['a link to nowhere', 'docs/bad.md', '[x](adr/0002-x.md)', / adr\/0002-x\.md,/],
  ['a place that is no path', 'SPEC.md', '| E1 | It holds. | log.ts |', /^SPEC E1 .* log\.ts,/],
  ['a folder that is gone', 'SPEC.md', '| E1 | It holds. | engine/gone/ |',
    /^SPEC E1 .* engine\/g/],
  ['a claim without a place', 'SPEC.md', '| E1 | It holds. |', /^SPEC E1 /],
  ['a bound that is not there', 'engine/bad.ts', '// limits.maxNothing', / limits\.maxNothing,/],
  ['a name of a document that is gone', 'docs/bad.md', 'call `prepend()`', / prepend,/],
  ['a private name that is gone', 'docs/bad.md', 'call `#append`', / #append,/],
  ['a name in another file', 'docs/bad.md', '`append` (`engine/log/slots.ts`)', / append is in /]
]
for (const [name, path, text, found] of PLANTED) {
  test(`citations: ${name} is found`, t => {
    const mistakes = mistakesOf(new Map(Object.entries({ ...SOUND, [path]: text })))
    t.true(mistakes.some(mistake => found.test(mistake)), mistakes.join('\n'))
  })
}

test('citations: a code that one side does not know is found', t => {
  const thrown = errorCodes(new Map([['node/a.ts', `new MillpondError('GONE', 'x', {})`]]))
  t.deepEqual(thrown, { documented: new Set<string>(), thrown: new Set(['GONE']) })
  const documented = errorCodes(new Map([['docs/errors.md', '| `GONE` | x |']]))
  t.deepEqual(documented, { documented: new Set(['GONE']), thrown: new Set<string>() })
})
