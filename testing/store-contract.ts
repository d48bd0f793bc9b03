/**
 * What every Store must do, whatever it keeps its data in. The memory and the SQLite adapter run
 * the same suite.
 *
 * The suite does not show these, and an adapter tests them in its own way: that a batch is stored
 * whole or not at all when the process is killed or the power fails; checksums, and `damaged` for
 * blobs that fail theirs; a disk that is full.
 */
import assert from 'node:assert/strict'
import { StoreError } from '../engine/errors.js'
import type { Store } from '../storage/store.js'
import type { DeclareTest } from './runner.js'
import { batch, bytesOf, readAll } from './store-batches.js'

/** Where data outlives a Store: a directory, a file, a MemoryDisk. */
export interface StorePlace {
  /**
   * Opens the store that keeps its data here; the suite closes each that it opens.
   * @throws StoreError while another store has the place open, with "open" in its message, as a
   *   closed store has "closed" in its own: the suite matches these words
   */
  open(): Store
  /** Removes the place once its test is over. Default: nothing is removed. */
  remove?(): void | Promise<void>
}

export interface StoreContractOptions {
  readonly test: DeclareTest
  /** Stands before each title, so that several stores can be told apart in one report. */
  readonly name: string
  /** Makes an empty place; called once per test. */
  readonly createPlace: () => StorePlace | Promise<StorePlace>
}

/** The shard that holds nothing, but for its number. */
const EMPTY = { snapshot: null, deltas: [], cursors: [], damaged: 0 }

/**
 * Declares about 15 tests of a Store: what it keeps, in which order, for how long, and how it
 * refuses. Each takes well under a second and a few megabytes.
 */
export function storeContract ({ test, name, createPlace }: StoreContractOptions): void {
  function contract (
    title: string,
    run: (store: Store, place: StorePlace) => Promise<void>
  ): void {
    test(`${name}: ${title}`, async () => {
      const place = await createPlace()
      try {
        const store = place.open()
        try {
          await run(store, place)
        } finally {
          await store.close()
        }
      } finally {
        await place.remove?.()
      }
    })
  }

  contract('a new store has no shards and no settings', async store => {
    assert.deepEqual(readAll(store), [])
    assert.equal(store.getMeta('shardCount'), undefined)
  })

  contract('a setting reads back as it was last kept', async store => {
    store.setMeta('shardCount', '256')
    store.setMeta('name', 'prices \u{1f4c8}')
    store.setMeta('shardCount', '512')
    assert.equal(store.getMeta('shardCount'), '512')
    assert.equal(store.getMeta('name'), 'prices \u{1f4c8}')
  })

  contract('deltas read back in the order they were committed', async store => {
    await store.commit(
      batch({ deltas: [{ shard: 3, delta: bytesOf(1) }, { shard: 3, delta: bytesOf(2, 2) }] })
    )
    await store.commit(batch({ deltas: [{ shard: 3, delta: bytesOf(3) }] }))
    assert.deepEqual(readAll(store), [{
      ...EMPTY,
      shard: 3,
      deltas: [bytesOf(1), bytesOf(2, 2), bytesOf(3)]
    }])
  })

  contract(
    'a snapshot replaces what the shard had, and later deltas follow it',
    async store => {
      await store.commit(batch({ deltas: [{ shard: 0, delta: bytesOf(1) }] }))
      await store.commit(batch({ snapshots: [{ shard: 0, snapshot: bytesOf(10) }] }))
      await store.commit(batch({ deltas: [{ shard: 0, delta: bytesOf(2) }] }))
      assert.deepEqual(readAll(store), [{
        ...EMPTY,
        shard: 0,
        snapshot: bytesOf(10),
        deltas: [bytesOf(2)]
      }])
      await store.commit(batch({ snapshots: [{ shard: 0, snapshot: bytesOf(11) }] }))
      assert.deepEqual(readAll(store), [{ ...EMPTY, shard: 0, snapshot: bytesOf(11) }])
    }
  )

  contract('a snapshot replaces the deltas of its own batch as well', async store => {
    await store.commit(batch({
      deltas: [{ shard: 0, delta: bytesOf(1) }, { shard: 1, delta: bytesOf(2) }],
      snapshots: [{ shard: 0, snapshot: bytesOf(10) }]
    }))
    assert.deepEqual(readAll(store), [{ ...EMPTY, shard: 0, snapshot: bytesOf(10) }, {
      ...EMPTY,
      shard: 1,
      deltas: [bytesOf(2)]
    }])
  })

  contract('the last of two snapshots of a shard in one batch counts', async store => {
    await store.commit(
      batch({ snapshots: [{ shard: 0, snapshot: bytesOf(1) }, { shard: 0, snapshot: bytesOf(2) }] })
    )
    assert.deepEqual(readAll(store), [{ ...EMPTY, shard: 0, snapshot: bytesOf(2) }])
  })

  contract(
    'a cursor replaces the one the consumer group had on the shard, and a snapshot leaves ' +
      'cursors alone',
    async store => {
      await store.commit(batch({
        cursors: [
          { shard: 1, consumerGroup: 'etl', cursor: bytesOf(1) },
          { shard: 1, consumerGroup: 'audit', cursor: bytesOf(2) },
          { shard: 2, consumerGroup: 'etl', cursor: bytesOf(3) }
        ]
      }))
      await store.commit(batch({
        cursors: [{ shard: 1, consumerGroup: 'etl', cursor: bytesOf(4) }],
        snapshots: [{ shard: 1, snapshot: bytesOf(9) }]
      }))
      const [first, second] = readAll(store)
      assert.deepEqual(
        Object.fromEntries(
          first?.cursors.map(({ consumerGroup, cursor }) => [consumerGroup, cursor]) ?? []
        ),
        { etl: bytesOf(4), audit: bytesOf(2) }
      )
      assert.deepEqual(second, {
        ...EMPTY,
        shard: 2,
        cursors: [{ consumerGroup: 'etl', cursor: bytesOf(3) }]
      })
    }
  )

  contract('a dropped shard is forgotten with everything it had', async store => {
    await store.commit(batch({
      deltas: [{ shard: 1, delta: bytesOf(1) }, { shard: 2, delta: bytesOf(2) }],
      cursors: [{ shard: 1, consumerGroup: 'etl', cursor: bytesOf(3) }]
    }))
    await store.commit(batch({ snapshots: [{ shard: 1, snapshot: bytesOf(4) }] }))
    await store.commit(batch({ drops: [1, 77] }))
    assert.deepEqual(readAll(store), [{ ...EMPTY, shard: 2, deltas: [bytesOf(2)] }])
  })

  contract('drops come before everything else in their batch', async store => {
    await store.commit(
      batch({
        snapshots: [{ shard: 1, snapshot: bytesOf(1) }],
        cursors: [{ shard: 1, consumerGroup: 'old', cursor: bytesOf(2) }]
      })
    )
    await store.commit(batch({
      drops: [1],
      deltas: [{ shard: 1, delta: bytesOf(3) }],
      cursors: [{ shard: 1, consumerGroup: 'new', cursor: bytesOf(4) }]
    }))
    assert.deepEqual(readAll(store), [{
      ...EMPTY,
      shard: 1,
      deltas: [bytesOf(3)],
      cursors: [{ consumerGroup: 'new', cursor: bytesOf(4) }]
    }])
  })

  contract('shards come in ascending numeric order, whatever they hold', async store => {
    await store.commit(batch({
      deltas: [{ shard: 1000, delta: bytesOf(1) }, { shard: 9, delta: bytesOf(1) }],
      snapshots: [{ shard: 65_535, snapshot: bytesOf(1) }, { shard: 0, snapshot: bytesOf(1) }],
      cursors: [{ shard: 10, consumerGroup: 'etl', cursor: bytesOf(1) }]
    }))
    assert.deepEqual(readAll(store).map(({ shard }) => shard), [0, 9, 10, 1000, 65_535])
  })

  contract('a reader may stop early, and commit after that', async store => {
    await store.commit(
      batch({ deltas: [{ shard: 1, delta: bytesOf(1) }, { shard: 2, delta: bytesOf(2) }] })
    )
    for (const { shard } of store.shards()) {
      assert.equal(shard, 1)
      break
    }
    await store.commit(batch({ drops: [1] }))
    assert.deepEqual(readAll(store).map(({ shard }) => shard), [2])
  })

  contract('empty blobs and large ones read back', async store => {
    const large = new Uint8Array(3_000_000).map((_, at) => (at * 31) % 251)
    await store.commit(
      batch({ snapshots: [{ shard: 0, snapshot: bytesOf() }, { shard: 1, snapshot: large }] })
    )
    await store.commit(
      batch({
        deltas: [{ shard: 0, delta: bytesOf() }, { shard: 1, delta: large }],
        cursors: [{ shard: 0, consumerGroup: '', cursor: bytesOf() }]
      })
    )
    const [first, second] = readAll(store)
    assert.deepEqual(first, {
      shard: 0,
      snapshot: bytesOf(),
      deltas: [bytesOf()],
      cursors: [{ consumerGroup: '', cursor: bytesOf() }],
      damaged: 0
    })
    assert.equal(Buffer.from(large).equals(second?.snapshot ?? bytesOf()), true)
    assert.equal(Buffer.from(large).equals(second?.deltas[0] ?? bytesOf()), true)
  })

  contract(
    'no caller can change stored bytes through a buffer, and blobs come out as plain Uint8Arrays',
    async store => {
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
      assert.deepEqual(readAll(store), [
        {
          ...EMPTY,
          shard: 0,
          deltas: [bytesOf(1, 2, 3)],
          cursors: [{ consumerGroup: 'etl', cursor: bytesOf(1, 2, 3) }]
        },
        { ...EMPTY, shard: 1, snapshot: bytesOf(2, 3) }
      ])
      assert.equal(readAll(store)[0]?.deltas[0]?.constructor, Uint8Array)
    }
  )

  contract(
    'batches take effect in the order of the calls, even if no caller waits in between',
    async store => {
      const numbers = Array.from({ length: 50 }, (_, at) => at)
      await Promise.all(
        numbers.map(n => store.commit(batch({ deltas: [{ shard: 0, delta: bytesOf(n) }] })))
      )
      assert.deepEqual(readAll(store)[0]?.deltas.map(([n]) => n), numbers)
    }
  )

  contract('a closed store can be opened again and has everything', async (store, place) => {
    store.setMeta('shardCount', '8')
    await store.commit(batch({ snapshots: [{ shard: 5, snapshot: bytesOf(1) }] }))
    await store.commit(
      batch({
        deltas: [{ shard: 5, delta: bytesOf(2) }],
        cursors: [{ shard: 5, consumerGroup: 'etl', cursor: bytesOf(3) }]
      })
    )
    await store.close()
    const again = place.open()
    assert.equal(again.getMeta('shardCount'), '8')
    await again.commit(batch({ deltas: [{ shard: 5, delta: bytesOf(4) }] }))
    assert.deepEqual(readAll(again), [{
      shard: 5,
      snapshot: bytesOf(1),
      deltas: [bytesOf(2), bytesOf(4)],
      cursors: [{ consumerGroup: 'etl', cursor: bytesOf(3) }],
      damaged: 0
    }])
    await again.close()
  })

  contract('only one store at a time has a place open', async (store, place) => {
    assert.throws(() => place.open(), refusedBecause(/open/))
    await store.close()
    await place.open().close()
  })

  contract(
    'a closed store refuses everything with a StoreError, and closing it again does nothing',
    async store => {
      await store.commit(batch({ deltas: [{ shard: 0, delta: bytesOf(1) }] }))
      const reader = store.shards()
      await store.close()
      await store.close()
      assert.throws(() => store.getMeta('x'), refusedBecause(/closed/))
      assert.throws(() => store.setMeta('x', '1'), refusedBecause(/closed/))
      assert.throws(() => [...reader], refusedBecause(/closed/))
      await assert.rejects(store.commit(batch({})), refusedBecause(/closed/))
    }
  )
}

/** Checks for assert.throws and assert.rejects: a StoreError whose message gives this reason. */
function refusedBecause (reason: RegExp): (error: unknown) => true {
  return error => {
    assert.ok(error instanceof StoreError, `a StoreError was expected, not ${String(error)}`)
    assert.match(error.message, reason)
    return true
  }
}
