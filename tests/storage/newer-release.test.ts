/** A store in which a newer release wrote something, opened by this one after a downgrade. */
import test from 'ava'
import { limitsWith } from '../../engine/limits.js'
import { StoreError } from '../../engine/errors.js'
import { MemoryDisk } from '../../storage/stores/memory-store.js'
import { withUnknownKind } from '../engine/newer-release.js'
import { openShardSet } from '../support/open-shard-set.js'

/** Leaves a shard behind as a newer release would. */
async function leave (disk: MemoryDisk): Promise<void> {
  const writer = openShardSet(1)
  writer.shards.write(3, {
    key: 'k',
    version: 5,
    stamp: 5,
    fields: null,
    operations: [{ kind: 'sequenced', field: 'price', sequence: 1, value: 7 }]
  }, false)
  writer.shards.flush()
  const delta = withUnknownKind(writer.deltas[0]?.[1] as Uint8Array)
  const newer = openShardSet(2, { store: disk.open() })
  newer.put('before', { a: 1 })
  newer.persister.delta(3, delta)
  await newer.close()
  await writer.close()
}

test('a store of a newer release is refused by name, and stays as it is (SPEC E26)', async t => {
  const disk = new MemoryDisk()
  await leave(disk)
  const stored = async (): Promise<unknown> => {
    const store = disk.open()
    const shards = [...store.shards()]
    await store.close()
    return shards
  }
  const before = await stored()
  const older = openShardSet(4, { store: disk.open() })
  const error = t.throws(() => older.shards.load(older.store), { instanceOf: StoreError })
  t.regex(
    error.message,
    /^shard 3 cannot be read back: .*record "k": field "price" is of kind 4711/
  )
  t.regex(error.message, /upgrade this node; nothing was changed\. Start it with the release/)
  t.like(error, { code: 'STORE', changed: 'no', retryable: false })
  t.is(older.events.filter(({ type }) => type === 'newer-release').length, 1)
  await older.close()
  t.deepEqual(await stored(), before)
})

test('a store written under larger bounds is refused by name, and stays as it is', async t => {
  const disk = new MemoryDisk()
  const larger = openShardSet(1, { store: disk.open() })
  larger.put('k', { text: 'x'.repeat(20_000) })
  await larger.close()
  const smaller = openShardSet(2, {
    store: disk.open(),
    limits: limitsWith({
      maxEntryBytes: 4096,
      maxKeyBytes: 64,
      maxSequencedBytes: 1024,
      maxClaimsPerEntry: 4,
      maxElementLength: 32
    })
  })
  t.throws(() => smaller.shards.load(smaller.store), {
    instanceOf: StoreError,
    message: /^shard \d+ cannot be read back: .*the release and the limits that wrote it/
  })
  await smaller.close()
  const again = openShardSet(3, { store: disk.open() })
  again.shards.load(again.store)
  t.deepEqual(again.get('k'), { text: 'x'.repeat(20_000) })
  await again.close()
})

test('a start that is refused tells of the damage that was set aside before', async t => {
  const opened = openShardSet(1)
  const stored = (shard: number, damaged: number, deltas: Uint8Array[] = []) => ({
    shard,
    damaged,
    deltas,
    snapshot: null,
    cursors: []
  })
  const store = {
    shards: () => [stored(0, 2), stored(1, 1), stored(3, 0, [new Uint8Array([9, 9, 9])])]
  }
  t.throws(() => opened.shards.load(store), {
    instanceOf: StoreError,
    message:
      /^shard 3 .*; nothing was changed but that damaged blobs \(3\) were set aside\. Start it/
  })
  await opened.close()
})
