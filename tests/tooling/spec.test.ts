// SPEC.md numbers what must hold. Here the numbers are held against the tests: each must be cited
// by one, as "SPEC E3".
import { readdir, readFile } from 'node:fs/promises'
import test from 'ava'

/** Assumptions are what tests start from, not what they show. */
const isClaim = (id: string): boolean => !id.startsWith('A')

/** Files that have numbers as examples: these would show a claim that no test shows. */
const EXAMPLES = new Set(['tooling/spec.test.ts', 'tooling/citations.test.ts'])

async function cited (): Promise<Set<string>> {
  const files = (await readdir('tests', { recursive: true }))
    .filter(name => name.endsWith('.ts') && !EXAMPLES.has(name))
  const texts = await Promise.all(files.map(async name => await readFile(`tests/${name}`, 'utf8')))
  return new Set(
    texts.flatMap(text =>
      [...text.matchAll(/SPEC ((?:[A-Z]\d+(?:, )?)+)/g)].flatMap(([, ids = '']) =>
        ids.split(', ').filter(id => id !== '')
      )
    )
  )
}

async function numbered (): Promise<string[]> {
  return [...(await readFile('SPEC.md', 'utf8')).matchAll(/^\| ([A-Z]\d+) \|/gm)].flatMap((
    [, id]
  ) => id ?? [])
}

test('every claim of the specification is cited by a test', async t => {
  const tests = await cited()
  t.deepEqual((await numbered()).filter(id => isClaim(id) && !tests.has(id)), [])
})

test('tests cite no number that the specification does not have', async t => {
  const ids = new Set(await numbered())
  t.true(ids.size > 30)
  t.deepEqual([...await cited()].filter(id => !ids.has(id)), [])
})
