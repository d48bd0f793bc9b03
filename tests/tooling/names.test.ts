/** A type name is declared once in the product: two things under one name are taken for one. */
import test from 'ava'
import { isSource, readTree, type Tree } from './tree.js'

const PRODUCT =
  /^(?:(?:engine|storage|replication|pubsub|node|connectors|cli|testing)\/|[a-z]+\.ts$)/

/** The type names that two files of the product declare, with these files. */
function declaredTwice (tree: Tree): string[] {
  const files = new Map<string, string[]>()
  for (const [path, text] of tree) {
    if (!isSource(path) || !PRODUCT.test(path)) continue
    const declared = text.matchAll(/^(?:export )?(?:interface|type|(?:abstract )?class) (\w+)/gm)
    for (const name of new Set([...declared].map(([, found = '']) => found))) {
      files.set(name, [...files.get(name) ?? [], path])
    }
  }
  return [...files].filter(([, paths]) => paths.length > 1)
    .map(([name, paths]) => `${name} is declared in ${paths.join(', ')}`)
}

test('a type name is declared once', t => {
  t.deepEqual(declaredTwice(readTree()), [])
})

test('a type name that is declared twice is found', t => {
  const tree = new Map([
    ['engine/a.ts', 'export interface Asked {}\n'],
    ['node/b.ts', 'type Asked = string\nexport class Other {}\n'],
    ['tests/c.ts', 'class Other {}\n']
  ])
  t.deepEqual(declaredTwice(tree), ['Asked is declared in engine/a.ts, node/b.ts'])
})
