/**
 * The checks of `npm run check` must be able to fail: each test plants one mistake in a small
 * project of the same shape and expects it to be found, and the project without the mistake to
 * pass.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import test, { type ExecutionContext } from 'ava'

const root = resolve(import.meta.dirname, '../..')
/** Far above what it takes; a process that hangs must not keep this one. */
const PROCESS_MS = 120_000

const CLEAN: Record<string, string> = {
  'package.json': JSON.stringify({ name: 'fixture', type: 'module', dependencies: { yjs: '*' } }),
  'node_modules/yjs/package.json': JSON.stringify({
    name: 'yjs',
    version: '1.0.0',
    main: 'index.js'
  }),
  'node_modules/yjs/index.js': 'exports.Doc = class {}',
  'index.ts': `export { open } from './node/open.js'`,
  'engine/doc.ts':
    `import { Doc } from 'yjs'\nexport type Held = { doc: Doc }\nexport const doc = new Doc()`,
  'engine/topology/routing.ts': `export const place = 1`,
  'engine/topology/topology.ts': `export { place } from './routing.js'`,
  'engine/use.ts': `import { doc } from './doc.js'\nexport const used = doc`,
  'storage/store.ts':
    `import type { Held } from '../engine/doc.js'\nexport type Store = { held: Held }`,
  'storage/stores/sqlite-store.ts':
    `import { copyFileSync, mkdirSync } from 'node:fs'\nexport const make = mkdirSync`,
  'testing/suite.ts':
    `import type { Store } from '../storage/store.js'\nexport type Suite = (store: Store) => void`,
  'replication/transport.ts': `export type Transport = { subject: string }`,
  'node/open.ts':
    "import type { Store } from '../storage/store.js'\nexport const open = (store: Store): Store " +
    '=> store',
  'tests/open.test.ts': `import { open } from '../node/open.js'\nexport const opened = open`
}

function project (t: ExecutionContext, files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-imports-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  return directory
}

function checkImports (
  t: ExecutionContext,
  planted: Record<string, string>
): { status: number | null, output: string } {
  const script = join(root, 'scripts', 'check-imports.mjs')
  const done = spawnSync(process.execPath, [script, project(t, { ...CLEAN, ...planted })], {
    encoding: 'utf8',
    timeout: PROCESS_MS
  })
  return { status: done.status, output: done.stdout + done.stderr }
}

test('imports: a project that keeps the rules passes', t => {
  const { status, output } = checkImports(t, {})
  t.is(status, 0, output)
})

const mistakes: [name: string, planted: Record<string, string>, found: RegExp][] = [
  ['a cycle', {
    'engine/doc.ts':
      "import { used } from './use.js'\nimport 'yjs'\nexport type Held = typeof used\nexport " +
      'const doc = 1'
  }, /no-cycles: engine\/doc\.ts/],
  ['a wrong direction', {
    'engine/bad.ts': `import { open } from '../node/open.js'\nexport const bad = open`
  }, /direction-engine: engine\/bad\.ts → node\/open\.ts/],
  ['a wrong direction for a type only', {
    'storage/bad.ts':
      `import type { Transport } from '../replication/transport.js'\nexport type Bad = Transport`
  }, /direction-storage: storage\/bad\.ts → replication\/transport\.ts/],
  ['a wrong direction in a re-export', {
    'storage/bad.ts': `export type { Transport } from '../replication/transport.js'`
  }, /direction-storage/],
  ['a wrong direction in a dynamic import', {
    'storage/bad.ts':
      `export const bad = async (): Promise<unknown> => await import('../node/open.js')`
  }, /direction-storage/],
  ['the product importing a test', {
    'node/bad.ts': `import { opened } from '../tests/open.test.js'\nexport const bad = opened`
  }, /direction-node/],
  ['the product importing a contract suite', {
    'storage/bad.ts': `import type { Suite } from '../testing/suite.js'\nexport type Bad = Suite`
  }, /direction-storage: storage\/bad\.ts → testing\/suite\.ts/],
  ['the library importing a contract suite', {
    'adapters.ts': `export type { Suite } from './testing/suite.js'`
  }, /direction-index: adapters\.ts → testing\/suite\.ts/],
  ['a contract suite importing what is built on the port', {
    'testing/bad.ts': `import { open } from '../node/open.js'\nexport const bad = open`
  }, /direction-testing: testing\/bad\.ts → node\/open\.ts/],
  ['a second importer of a package', {
    'node/bad.ts': `import { Doc } from 'yjs'\nexport const bad = Doc`
  }, /yjs: imported by engine\/doc\.ts, node\/bad\.ts/],
  ['a package nobody imports', { 'engine/doc.ts': `export type Held = 1\nexport const doc = 1` },
    /yjs: a dependency that no product file imports/],
  ['disk in the core', {
    'engine/bad.ts': `import { readFileSync } from 'node:fs'\nexport const bad = readFileSync`
  }, /core-without-io: engine\/bad\.ts → fs/],
  ['timers in the core', {
    'pubsub/bad.ts':
      `import { setTimeout } from 'node:timers/promises'\nexport const bad = setTimeout`
  }, /core-without-io/],
  ['a place computed past the topology', {
    'node/bad.ts': `import { place } from '../engine/topology/routing.js'\nexport const bad = place`
  }, /topology-is-asked: node\/bad\.ts → engine\/topology\/routing\.ts/],
  ['a package that is not declared', { 'node/bad.ts': `import 'left-pad'` },
    /resolvable: node\/bad\.ts → left-pad/]
]
for (const [name, planted, found] of mistakes) {
  test(`imports: ${name} is found`, t => {
    const { status, output } = checkImports(t, planted)
    t.is(status, 1, output)
    t.regex(output, found)
  })
}

/** Lines of a core file, and whether the lint must object to them. */
const LINES: [line: string, forbidden: boolean][] = [
  ['Date.now()', true],
  [`Date['now']()`, true],
  ['new Date()', true],
  ['Date()', true],
  ['new Date(1).getTime()', false],
  ['Math.random()', true],
  ['Math.floor(1.5)', false],
  ['setTimeout(() => {}, 1)', true],
  ['globalThis.setTimeout(() => {}, 1)', true],
  ['setInterval(() => {}, 1)', true],
  ['setImmediate(() => {})', true],
  ['performance.now()', true],
  ['crypto.randomUUID()', true],
  ['process.hrtime()', true],
  ['queueMicrotask(() => {})', false],
  ['Promise.resolve(1)', true],
  ['JSON.parse("1").length', true]
]

/** Lines of a core file that refer to the limits, and whether the lint must object to them. */
const LIMITED: [line: string, forbidden: boolean][] = [
  [`import { limits } from './limits.js'`, true],
  [`import type { Limits } from './limits.js'`, false],
  [`export { limits as usual } from './limits.js'`, true],
  [`export const most = (of: Limits): number => Math.max(of.most, limits.most)`, false]
]

test('lint: the core reads no clock, rolls no dice, imports no limits and floats no promise', t => {
  const directory = project(t, {
    'tsconfig.json': JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      include: ['engine', 'node']
    }),
    'engine/random.ts':
      `import { randomUUID } from 'node:crypto'\nexport const id = randomUUID()\n`,
    // dependency-cruiser with swc does not see every such import; so there must be none.
    'engine/typed.ts': `export type Stats = import('node:fs').Stats\n`,
    'engine/limits.ts': `export const limits = { most: 1 }\nexport type Limits = typeof limits\n`,
    'engine/limited.ts': LIMITED.map(([line]) => `${line}\n`).join(''),
    'engine/lines.ts': LINES.map(([line]) => `${line}\n`).join('') + 'export {}\n',
    // The ports' real implementations live here.
    'node/lines.ts': LINES.slice(0, -2).map(([line]) => `${line}\n`).join('') + 'export {}\n'
  })
  // Paths in overrides count from the directory of the configuration.
  copyFileSync(join(root, '.oxlintrc.json'), join(directory, '.oxlintrc.json'))
  symlinkSync(join(root, 'scripts'), join(directory, 'scripts'))
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  const args = ['-A', 'no-unused-expressions', '-A', 'no-new', '--type-aware', '--format=unix',
    '-A', 'require-module-specifiers', 'engine/lines.ts', 'engine/limited.ts', 'engine/random.ts',
    'engine/typed.ts', 'node/lines.ts']
  const done = spawnSync(
    process.execPath,
    [join(root, 'node_modules/oxlint/bin/oxlint'), ...args],
    { cwd: directory, encoding: 'utf8', timeout: PROCESS_MS }
  )
  t.is(done.status, 1, done.stdout + done.stderr)
  for (const [index, [line, forbidden]] of LINES.entries()) {
    t.is(
      done.stdout.includes(`engine/lines.ts:${index + 1}:`),
      forbidden,
      `${line}\n${done.stdout}`
    )
  }
  for (const [index, [line, forbidden]] of LIMITED.entries()) {
    t.is(
      done.stdout.includes(`engine/limited.ts:${index + 1}:`),
      forbidden,
      `${line}\n${done.stdout}`
    )
  }
  t.regex(done.stdout, /engine\/typed\.ts:1:/)
  t.regex(done.stdout, /engine\/random\.ts:1:/)
  t.notRegex(done.stdout, /node\/lines\.ts:.*(?:clock|restricted)/)
})
