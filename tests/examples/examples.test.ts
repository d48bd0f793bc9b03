// Examples are documentation that runs. The one in the README is examples/quickstart.ts to the
// letter.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import test from 'ava'

const run = async (example: string) =>
  (await promisify(execFile)(process.execPath, ['--import=tsx', `examples/${example}.ts`])).stdout
    .trim().split('\n')

test('the quickstart prints what its comments say', async t => {
  t.deepEqual((await run('quickstart')).sort(), [
    '2.55',
    '71053 { stock: 1 }',
    '85123A deleted',
    "{ price: 2.55, currency: 'GBP', stock: 6 }"
  ])
})

test('the cluster example survives the loss of an owner', async t => {
  t.deepEqual(await run('cluster'), ['{ price: 2.6 }'])
})

test('the fields example prints what its comments say', async t => {
  t.deepEqual(await run('fields'), [
    "{ price: 2.95, views: 42, tags: [ 'white' ], best: 2.55, stock: 6 }",
    'false',
    '85123A 2',
    '[ { price: 1.95 }, undefined ]',
    'FIELD_KIND'
  ])
})

test('the README shows the quickstart as it is', async t => {
  const example = (await readFile('examples/quickstart.ts', 'utf8')).replace(
    "'../index.js'",
    "'millpond'"
  )
  const readme = await readFile('README.md', 'utf8')
  t.true(
    readme.includes('```ts\n' + example + '```'),
    'copy examples/quickstart.ts into the README, importing from millpond'
  )
})
