/**
 * What every Store adapter must do, whatever it keeps its data in. Run by memory-store.test.ts and
 * sqlite-store.test.ts.
 *
 * A Place is where data outlives a Store: a directory, or a MemoryDisk. Each test gets an empty
 * one.
 */

import test from 'ava'
import type { ExecutionContext } from 'ava'
import { StoreError } from '../../engine/errors.js'
import type { Store, StoreBatch, StoredShard } from '../../storage/store.js'

export interface Place {
  open(): Store
}

export function bytes (...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}

export function batch (parts: Partial<StoreBatch>): StoreBatch {
  return { deltas: [], snapshots: [], cursors: [], drops: [], ...parts }
}

export function readAll (store: Store): StoredShard[] {
  return [...store.shards()]
}

const EMPTY = { snapshot: null, deltas: [], cursors: [], damaged: 0 }

export function storeContract (adapter: string, createPlace: (t: ExecutionContext) => Place): void {
  function contract (
    title: string,
    run: (t: ExecutionContext, store: Store, place: Place) => Promise<void>
  ): void {
    test(`${adapter}: ${title}`, async t => {
      const place = createPlace(t)
      const store = place.open()
      try {
        await run(t, store, place)
      } finally {
        await store.close()
      }
    })
  }

  contract('a new store has no shards and no settings', async (t, store) => {
    t.deepEqual(readAll(store), [])
    t.is(store.getMeta('shardCount'), undefined)
  })

  contract('a setting reads back as it was last kept', async (t, store) => {
    store.setMeta('shardCount', '256')
    store.setMeta('name', 'prices \u{1f4c8}')
    store.setMeta('shardCount', '512')
    t.is(store.getMeta('shardCount'), '512')
    t.is(store.getMeta('name'), 'prices \u{1f4c8}')
  })

  contract('deltas read back in the order they were committed', async (t, store) => {
    await store.commit(
      batch({ deltas: [{ shard: 3, delta: bytes(1) }, { shard: 3, delta: bytes(2, 2) }] })
    )
    await store.commit(batch({ deltas: [{ shard: 3, delta: bytes(3) }] }))
    t.deepEqual(readAll(store), [{ ...EMPTY, shard: 3, deltas: [bytes(1), bytes(2, 2), bytes(3)] }])
  })

  contract(
    'a snapshot replaces what the shard had, and later deltas follow it',
    async (t, store) => {
      await store.commit(batch({ deltas: [{ shard: 0, delta: bytes(1) }] }))
      await store.commit(batch({ snapshots: [{ shard: 0, snapshot: bytes(10) }] }))
      await store.commit(batch({ deltas: [{ shard: 0, delta: bytes(2) }] }))
      t.deepEqual(readAll(store), [{ ...EMPTY, shard: 0, snapshot: bytes(10), deltas: [bytes(2)] }])
      await store.commit(batch({ snapshots: [{ shard: 0, snapshot: bytes(11) }] }))
      t.deepEqual(readAll(store), [{ ...EMPTY, shard: 0, snapshot: bytes(11) }])
    }
  )

  contract('a snapshot replaces the deltas of its own batch as well', async (t, store) => {
    await store.commit(batch({
      deltas: [{ shard: 0, delta: bytes(1) }, { shard: 1, delta: bytes(2) }],
      snapshots: [{ shard: 0, snapshot: bytes(10) }]
    }))
    t.deepEqual(readAll(store), [{ ...EMPTY, shard: 0, snapshot: bytes(10) }, {
      ...EMPTY,
      shard: 1,
      deltas: [bytes(2)]
    }])
  })

  contract('the last of two snapshots of a shard in one batch counts', async (t, store) => {
    await store.commit(
      batch({ snapshots: [{ shard: 0, snapshot: bytes(1) }, { shard: 0, snapshot: bytes(2) }] })
    )
    t.deepEqual(readAll(store), [{ ...EMPTY, shard: 0, snapshot: bytes(2) }])
  })

  contract(
    'a cursor replaces the one the consumer group had on the shard, and a snapshot leaves ' +
      'cursors alone',
    async (t, store) => {
      await store.commit(batch({
        cursors: [
          { shard: 1, consumerGroup: 'etl', cursor: bytes(1) },
          { shard: 1, consumerGroup: 'audit', cursor: bytes(2) },
          { shard: 2, consumerGroup: 'etl', cursor: bytes(3) }
        ]
      }))
      await store.commit(batch({
        cursors: [{ shard: 1, consumerGroup: 'etl', cursor: bytes(4) }],
        snapshots: [{ shard: 1, snapshot: bytes(9) }]
      }))
      const [first, second] = readAll(store)
      t.deepEqual(
        Object.fromEntries(
          first?.cursors.map(({ consumerGroup, cursor }) => [consumerGroup, cursor]) ?? []
        ),
        { etl: bytes(4), audit: bytes(2) }
      )
      t.deepEqual(second, {
        ...EMPTY,
        shard: 2,
        cursors: [{ consumerGroup: 'etl', cursor: bytes(3) }]
      })
    }
  )

  contract('a dropped shard is forgotten with everything it had', async (t, store) => {
    await store.commit(batch({
      deltas: [{ shard: 1, delta: bytes(1) }, { shard: 2, delta: bytes(2) }],
      cursors: [{ shard: 1, consumerGroup: 'etl', cursor: bytes(3) }]
    }))
    await store.commit(batch({ snapshots: [{ shard: 1, snapshot: bytes(4) }] }))
    await store.commit(batch({ drops: [1, 77] }))
    t.deepEqual(readAll(store), [{ ...EMPTY, shard: 2, deltas: [bytes(2)] }])
  })

  contract('drops come before everything else in their batch', async (t, store) => {
    await store.commit(
      batch({
        snapshots: [{ shard: 1, snapshot: bytes(1) }],
        cursors: [{ shard: 1, consumerGroup: 'old', cursor: bytes(2) }]
      })
    )
    await store.commit(batch({
      drops: [1],
      deltas: [{ shard: 1, delta: bytes(3) }],
      cursors: [{ shard: 1, consumerGroup: 'new', cursor: bytes(4) }]
    }))
    t.deepEqual(readAll(store), [{
      ...EMPTY,
      shard: 1,
      deltas: [bytes(3)],
      cursors: [{ consumerGroup: 'new', cursor: bytes(4) }]
    }])
  })

  contract('shards come in ascending numeric order, whatever they hold', async (t, store) => {
    await store.commit(batch({
      deltas: [{ shard: 1000, delta: bytes(1) }, { shard: 9, delta: bytes(1) }],
      snapshots: [{ shard: 65_535, snapshot: bytes(1) }, { shard: 0, snapshot: bytes(1) }],
      cursors: [{ shard: 10, consumerGroup: 'etl', cursor: bytes(1) }]
    }))
    t.deepEqual(readAll(store).map(({ shard }) => shard), [0, 9, 10, 1000, 65_535])
  })

  contract('a reader may stop early, and commit after that', async (t, store) => {
    await store.commit(
      batch({ deltas: [{ shard: 1, delta: bytes(1) }, { shard: 2, delta: bytes(2) }] })
    )
    for (const { shard } of store.shards()) {
      t.is(shard, 1)
      break
    }
    await store.commit(batch({ drops: [1] }))
    t.deepEqual(readAll(store).map(({ shard }) => shard), [2])
  })

  contract('empty blobs and large ones read back', async (t, store) => {
    const large = new Uint8Array(3_000_000).map((_, at) => (at * 31) % 251)
    await store.commit(
      batch({ snapshots: [{ shard: 0, snapshot: bytes() }, { shard: 1, snapshot: large }] })
    )
    await store.commit(
      batch({
        deltas: [{ shard: 0, delta: bytes() }, { shard: 1, delta: large }],
        cursors: [{ shard: 0, consumerGroup: '', cursor: bytes() }]
      })
    )
    const [first, second] = readAll(store)
    t.deepEqual(first, {
      shard: 0,
      snapshot: bytes(),
      deltas: [bytes()],
      cursors: [{ consumerGroup: '', cursor: bytes() }],
      damaged: 0
    })
    t.true(Buffer.from(large).equals(second?.snapshot ?? bytes()))
    t.true(Buffer.from(large).equals(second?.deltas[0] ?? bytes()))
  })

  contract(
    'nobody can change what is stored through a buffer, and what comes out is a plain Uint8Array',
    async (t, store) => {
      const shared = Buffer.from([1, 2, 3])
      await store.commit(
        batch({
          deltas: [{ shard: 0, delta: shared }],
          snapshots: [{ shard: 1, snapshot: shared.subarray(1) }],
          cursors: [{ shard: 0, consumerGroup: 'etl', cursor: shared }]
        })
      )
      shared.fill(9)
      for (const { snapshot, deltas, cursors } of store.shards()) {
        for (const blob of [snapshot, ...deltas, cursors[0]?.cursor]) {
          blob?.fill(8)
        }
      }
      t.deepEqual(readAll(store), [
        {
          ...EMPTY,
          shard: 0,
          deltas: [bytes(1, 2, 3)],
          cursors: [{ consumerGroup: 'etl', cursor: bytes(1, 2, 3) }]
        },
        { ...EMPTY, shard: 1, snapshot: bytes(2, 3) }
      ])
      t.is(readAll(store)[0]?.deltas[0]?.constructor, Uint8Array)
    }
  )

  contract(
    'batches take effect in the order of the calls, even if nobody waits in between',
    async (t, store) => {
      const numbers = Array.from({ length: 50 }, (_, at) => at)
      await Promise.all(
        numbers.map(n => store.commit(batch({ deltas: [{ shard: 0, delta: bytes(n) }] })))
      )
      t.deepEqual(readAll(store)[0]?.deltas.map(([n]) => n), numbers)
    }
  )

  contract('a closed store can be opened again and has everything', async (t, store, place) => {
    store.setMeta('shardCount', '8')
    await store.commit(batch({ snapshots: [{ shard: 5, snapshot: bytes(1) }] }))
    await store.commit(
      batch({
        deltas: [{ shard: 5, delta: bytes(2) }],
        cursors: [{ shard: 5, consumerGroup: 'etl', cursor: bytes(3) }]
      })
    )
    await store.close()
    const again = place.open()
    t.is(again.getMeta('shardCount'), '8')
    await again.commit(batch({ deltas: [{ shard: 5, delta: bytes(4) }] }))
    t.deepEqual(readAll(again), [{
      shard: 5,
      snapshot: bytes(1),
      deltas: [bytes(2), bytes(4)],
      cursors: [{ consumerGroup: 'etl', cursor: bytes(3) }],
      damaged: 0
    }])
    await again.close()
  })

  contract('only one store at a time has a place open', async (t, store, place) => {
    t.throws(() => place.open(), { instanceOf: StoreError, message: /open/ })
    await store.close()
    await place.open().close()
  })

  contract(
    'a closed store refuses everything with a StoreError, and closing it again does nothing',
    async (t, store) => {
      await store.commit(batch({ deltas: [{ shard: 0, delta: bytes(1) }] }))
      const reader = store.shards()
      await store.close()
      await store.close()
      t.throws(() => store.getMeta('x'), { instanceOf: StoreError, message: /closed/ })
      t.throws(() => store.setMeta('x', '1'), { instanceOf: StoreError, message: /closed/ })
      t.throws(() => [...reader], { instanceOf: StoreError, message: /closed/ })
      await t.throwsAsync(store.commit(batch({})), { instanceOf: StoreError, message: /closed/ })
    }
  )
}
