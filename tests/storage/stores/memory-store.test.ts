import test from 'ava'
import { StoreError } from '../../../engine/errors.js'
import { MemoryDisk, openMemoryStore } from '../../../storage/stores/memory-store.js'
import { batch, bytesOf, readAll } from '../../../testing/store-batches.js'
import { storeContract } from '../../../testing/store-contract.js'
import { underAva } from '../../contracts/under-ava.js'

storeContract({ test: underAva(test), name: 'memory', createPlace: () => new MemoryDisk() })

test('a crash of the memory disk fails its open store and keeps every commit', async t => {
  const disk = new MemoryDisk()
  const store = disk.open()
  await store.commit(batch({ deltas: [{ shard: 1, delta: bytesOf(1) }] }))
  disk.crash()
  await t.throwsAsync(store.commit(batch({ deltas: [{ shard: 1, delta: bytesOf(2) }] })), {
    instanceOf: StoreError
  })
  const again = disk.open()
  await store.close()
  t.throws(
    () => disk.open(),
    { instanceOf: StoreError },
    'the old store must not unlock what the new one has open'
  )
  t.deepEqual(readAll(again).map(({ deltas }) => deltas), [[bytesOf(1)]])
})

test('stores opened without a disk share nothing', async t => {
  const first = openMemoryStore()
  await first.commit(batch({ snapshots: [{ shard: 1, snapshot: bytesOf(1) }] }))
  t.deepEqual(readAll(openMemoryStore()), [])
})
