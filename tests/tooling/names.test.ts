/**
 * A type, and an exported value, has a name of its own in the product: two things under one name
 * are taken for one. A type and the schema or function of its name stand in one file.
 */
import test from 'ava'
import { isSource, readTree, type Tree } from './tree.js'

const PRODUCT =
  /^(?:(?:engine|storage|replication|pubsub|node|connectors|cli|testing)\/|[a-z]+\.ts$)/

/** The names of types and exported values that two files of the product declare, with these. */
function declaredTwice (tree: Tree): string[] {
  const files = new Map<string, string[]>()
  for (const [path, text] of tree) {
    if (!isSource(path) || !PRODUCT.test(path)) continue
    const types = text.matchAll(/^(?:export )?(?:interface|type|(?:abstract )?class) (\w+)/gm)
    const values = text.matchAll(/^export (?:const|let|(?:async )?function\*?) (\w+)/gm)
    for (const name of new Set([...types, ...values].map(([, found = '']) => found))) {
      files.set(name, [...files.get(name) ?? [], path])
    }
  }
  return [...files].filter(([, paths]) => paths.length > 1)
    .map(([name, paths]) => `${name} is declared in ${paths.join(', ')}`)
}

test('the name of a type or an exported value is declared once', t => {
  t.deepEqual(declaredTwice(readTree()), [])
})

test('a name that is declared twice is found', t => {
  const tree = new Map([
    ['engine/a.ts', 'export interface Asked {}\n'],
    ['node/b.ts', 'type Asked = string\nexport class Other {}\n'],
    ['engine/c.ts', 'export const Shape = 1\nexport type Shape = number\nconst own = 1\n'],
    ['node/d.ts', 'export async function run () {}\nconst own = 2\n'],
    ['cli/e.ts', 'export const run = 1\nexport const Other = 1\n'],
    ['tests/c.ts', 'class Other {}\n']
  ])
  t.deepEqual(declaredTwice(tree), ['Asked is declared in engine/a.ts, node/b.ts',
    'Other is declared in node/b.ts, cli/e.ts', 'run is declared in node/d.ts, cli/e.ts'])
})
