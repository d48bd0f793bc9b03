// The example of an adapter of one's own: it passes the published suite, and a node runs on it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { StoreError } from '../../adapters.js'
import { JsonFileStore } from '../../examples/own-store.js'
import { openNode } from '../../index.js'
import { storeContract } from '../../testing/index.js'
import { underAva } from '../contracts/under-ava.js'

function createPlace (): { readonly path: string, readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-own-store-'))
  return {
    path: join(directory, 'caches', 'offers.json'),
    remove: () => rmSync(directory, { recursive: true })
  }
}

function createPath (t: ExecutionContext): string {
  const { path, remove } = createPlace()
  t.teardown(remove)
  return path
}

storeContract({
  test: underAva(test),
  name: 'JSON file',
  createPlace: () => {
    const { path, remove } = createPlace()
    return { open: () => new JsonFileStore(path), remove }
  }
})

test('a node finds its records again in a store of one’s own', async t => {
  const path = createPath(t)
  const open = () =>
    openNode({ cluster: 'own-store', name: 'a', caches: { offers: { shards: 4 } } }, {
      openStore: () => new JsonFileStore(path)
    })
  const node = await open()
  await node.cache('offers').put('85123A', { price: 2.55 }, { ack: 'durable' })
  await node.close()
  const again = await open()
  t.deepEqual(await again.cache('offers').get('85123A'), { price: 2.55 })
  await again.close()
})

test('a damaged file is refused and left as it is', async t => {
  const path = createPath(t)
  const store = new JsonFileStore(path)
  store.setMeta('shardCount', '8')
  await store.close()
  const damaged = readFileSync(path, 'utf8').replace('8', '9')
  writeFileSync(path, damaged)
  t.throws(() => new JsonFileStore(path), { instanceOf: StoreError, message: /cannot be read/ })
  t.is(readFileSync(path, 'utf8'), damaged)
})
