/**
 * The package as a user gets it: the tarball of `npm pack`, installed into an empty directory, with
 * its command and its API.
 *
 * The install runs without install scripts, and the native binary of better-sqlite3 is then linked
 * from this checkout's own node_modules: compiling it takes about a minute and would test
 * better-sqlite3, not this package. Everything else is what a user gets: the dependency versions
 * come from the tarball's package.json and the files from its `files`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync,
  writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'

const root = resolve(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** Documents that the package has beside docs/. */
const DOCUMENTS = new Set(['README.md', 'LICENSE', 'CHANGELOG.md', 'SPEC.md', 'ARCHITECTURE.md',
  'UPGRADING.md', 'CONTRIBUTING.md'])

const test = anyTest as TestFn<undefined>
let directory = ''
let files: string[] = []

/** The variables that npm sets describe this project, not the directory we install into. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) =>
    !/^(?:npm_(?:package|lifecycle|config_local_prefix)|INIT_CWD$|NODE_OPTIONS$)/i.test(name)
  )
)

function run (
  command: string,
  args: string[],
  cwd: string
): { status: number | null, stdout: string, output: string } {
  const done = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 240_000,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  return {
    status: done.status,
    stdout: done.stdout,
    output: `${command} ${args.join(' ')}\n${done.error?.message ?? ''}${done.stdout}${done.stderr}`
  }
}

function mustRun (
  t: ExecutionContext<undefined>,
  command: string,
  args: string[],
  cwd: string
): string {
  const { status, stdout, output } = run(command, args, cwd)
  t.is(status, 0, output)
  return stdout
}

test.before('the package is built, packed and installed', t => {
  t.timeout(300_000)
  directory = mkdtempSync(join(tmpdir(), 'millpond-pack-'))
  mustRun(t, 'npm', ['run', '--silent', 'build'], root)
  // The build was that; pack would do it again.
  const packed = JSON.parse(
    mustRun(t, 'npm', ['pack', '--json', '--ignore-scripts', '--loglevel=error',
      '--pack-destination', directory], root)
  ) as [{ filename: string, files: { path: string }[] }]
  files = packed[0].files.map(file => file.path)

  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
  mustRun(t, 'npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund',
    '--loglevel=error', `./${packed[0].filename}`], directory)
  const binary = 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'
  mkdirSync(dirname(join(directory, binary)), { recursive: true })
  symlinkSync(join(root, binary), join(directory, binary))
})

test.after.always('clean up', () => {
  if (directory !== '') rmSync(directory, { recursive: true, force: true })
})

test('pack: it contains the product and its documents, and neither sources nor tests', t => {
  for (
    const path of ['dist/index.js', 'dist/index.d.ts', 'dist/adapters.js', 'dist/adapters.d.ts',
      'dist/testing/index.js', 'dist/testing/index.d.ts', 'dist/cli/main.js', ...DOCUMENTS]
  ) {
    t.true(files.includes(path), `${path} is missing`)
  }
  t.true(files.some(path => path.startsWith('docs/')))
  const stray = files.filter(path =>
    !/^(?:dist|docs)\/|^examples\/[^/]+\.ts$/.test(path) && !DOCUMENTS.has(path) &&
    path !== 'package.json'
  )
  t.deepEqual(stray, [])
  t.deepEqual(files.filter(path => /^dist\/(?:tests|bench|examples)\//.test(path)), [])
})

test('pack: each relative link of the README leads to a file or folder of the package', t => {
  const readme = readFileSync(join(directory, 'node_modules/millpond/README.md'), 'utf8')
  const targets = [...readme.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target = '']) => target)
    .filter(target => !/^[a-z]+:/.test(target))
  t.true(targets.length > 10 && targets.includes('examples/own-store.ts'))
  t.deepEqual(targets.filter(target => !isPacked(target)), [])
  t.false(isPacked('tests/tooling/pack.test.ts'))
})

function isPacked (target: string): boolean {
  const path = target.replace(/\/$/, '')
  return files.some(file => file === path || file.startsWith(`${path}/`))
}

test('pack: the command is executable and knows its version', t => {
  t.timeout(60_000)
  const installed = join(directory, 'node_modules/millpond/dist/cli/main.js')
  t.true(existsSync(installed))
  t.not(statSync(installed).mode & 0o111, 0)
  t.is(
    mustRun(t, 'npx', ['--no-install', 'millpond', '--version'], directory).trim(),
    manifest.version
  )
  t.regex(mustRun(t, 'npx', ['--no-install', 'millpond', '--help'], directory), /Usage: millpond/)
})

test('pack: a program opens a node, puts a record and gets it back', t => {
  t.timeout(60_000)
  writeFileSync(
    join(directory, 'program.mjs'),
    `
    import { openNode } from 'millpond'
    const caches = { offers: { shards: 4, replicas: 1 } }
    const node = await openNode({ cluster: 'pack-test', caches })
    const offers = node.cache('offers')
    await offers.put('offer-1', { price: 12, title: 'Mill' })
    console.log(JSON.stringify(await offers.get('offer-1')))
    await node.close()
  `
  )
  const record = mustRun(t, process.execPath, ['program.mjs'], directory)
  t.regex(record, /"price":12/)
  t.regex(record, /"title":"Mill"/)
})

test('pack: a contract suite runs under node:test against an adapter of the package', t => {
  t.timeout(60_000)
  writeFileSync(
    join(directory, 'store.test.mjs'),
    `
    import { test } from 'node:test'
    import { MemoryDisk } from 'millpond/adapters'
    import { storeContract } from 'millpond/testing'
    storeContract({ test, name: 'memory', createPlace: () => new MemoryDisk() })
  `
  )
  const report = mustRun(
    t,
    process.execPath,
    ['--test', '--test-reporter=tap', 'store.test.mjs'],
    directory
  )
  t.regex(report, /^# fail 0$/m)
  t.true(Number(/^# pass (\d+)$/m.exec(report)?.[1]) >= 15, report)
})

test('pack: a CommonJS program imports it; require() says that import() is wanted', t => {
  t.timeout(60_000)
  writeFileSync(
    join(directory, 'program.cjs'),
    `
    const assert = require('node:assert')
    assert.throws(() => require('millpond'), error => {
      console.log(error.code, error.message)
      return true
    })
    import('millpond').then(({ openNode }) => console.log(typeof openNode))
  `
  )
  const output = mustRun(t, process.execPath, ['program.cjs'], directory)
  t.regex(output, /^ERR_REQUIRE_ASYNC_MODULE .*[Uu]se import\(\) instead/)
  t.regex(output, /^function$/m)
})

test('pack: the types of the package are found and valid', t => {
  t.timeout(60_000)
  writeFileSync(
    join(directory, 'program.mts'),
    `
    import { openNode, type Wiring } from 'millpond'
    import { connectNats, limits, limitsWith, MemoryDisk, systemPorts, type Network, type Store,
      type Transport } from 'millpond/adapters'
    import { storeContract, transportContract, type DeclareTest } from 'millpond/testing'
    const caches = { offers: { shards: 4, replicas: 1 } }
    const store: Store = new MemoryDisk().open()
    const network: Network = {
      connect: (name, { onProblem }): Promise<Transport> =>
        connectNats({ servers: 'nats://127.0.0.1:4222', name, limits, onProblem, ...systemPorts })
    }
    const wiring: Wiring = { network, openStore: () => store }
    const node = await openNode({ cluster: 'pack-test', caches }, wiring)
    await node.cache('offers').put('offer-1', { price: 12 })
    await node.close()
    // @ts-expect-error a record has fields
    await node.cache('offers').put('offer-1', 12)
    // @ts-expect-error there is no such bound
    limitsWith({ maxWishes: 3 })
    const test: DeclareTest = (title, run) => { console.log(title); return run() }
    storeContract({ test, name: 'memory', createPlace: () => new MemoryDisk() })
    // @ts-expect-error a place is needed
    storeContract({ test, name: 'memory' })
    transportContract({
      test,
      name: 'nats',
      open: async () => ({
        connect: async (name, options) =>
          await network.connect(name, { onProblem: () => {}, ...options }),
        close: async () => {}
      })
    })
  `
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  mustRun(t, process.execPath, [tsc, '--noEmit', '--strict', '--target', 'ES2022', '--module',
    'NodeNext', '--skipLibCheck', 'program.mts'], directory)
})
