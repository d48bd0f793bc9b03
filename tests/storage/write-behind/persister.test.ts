/** The write-behind: what it commits, when, and what becomes of it when the store fails. */

import test from 'ava'
import * as fc from 'fast-check'
import { ClosedError, StoreError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import type { Timer, Timers } from '../../../engine/ports.js'
import { intervals } from '../../../engine/timing.js'
import { openMemoryStore } from '../../../storage/stores/memory-store.js'
import { Persister } from '../../../storage/write-behind/persister.js'
import type { PersisterEvent } from '../../../storage/write-behind/persister.js'
import type { Store, StoreBatch } from '../../../storage/store.js'
import { batch, bytesOf, readAll } from '../../../testing/store-batches.js'

/** Time stands still until advance() is called. */
class ManualTimers implements Timers {
  #nowMs = 0
  #pending: Array<{ readonly atMs: number, readonly fn: () => void }> = []

  get pendingDelaysMs (): number[] {
    return this.#pending.map(({ atMs }) => atMs - this.#nowMs)
  }

  after (delayMs: number, fn: () => void): Timer {
    const entry = { atMs: this.#nowMs + delayMs, fn }
    this.#pending.push(entry)
    return {
      cancel: () => {
        this.#pending = this.#pending.filter(other => other !== entry)
      }
    }
  }

  /** Runs what is due, and lets what it started come to rest. */
  async advance (byMs: number): Promise<void> {
    this.#nowMs += byMs
    const due = this.#pending.filter(({ atMs }) => atMs <= this.#nowMs)
    this.#pending = this.#pending.filter(({ atMs }) => atMs > this.#nowMs)
    for (const { fn } of due) fn()
    await settled()
  }
}

/** Promises that can go on have gone on. */
function settled (): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/** A memory store whose commits can be held back and made to fail. */
class TestStore implements Store {
  readonly batches: StoreBatch[] = []
  attempts = 0
  running = 0
  /** Each commit takes the next verdict; without one it succeeds. */
  verdicts: Array<'ok' | 'fail'> = []
  #held: Array<() => void> | undefined
  readonly #memory = openMemoryStore()

  getMeta (name: string) {
    return this.#memory.getMeta(name)
  }
  setMeta (name: string, value: string) {
    this.#memory.setMeta(name, value)
  }
  shards () {
    return this.#memory.shards()
  }
  close () {
    return this.#memory.close()
  }

  async commit (parts: StoreBatch): Promise<void> {
    this.attempts++
    this.running++
    const held = this.#held
    if (held !== undefined) {
      await new Promise<void>(resolve => {
        held.push(resolve)
      })
    }
    this.running--
    if (this.verdicts.shift() === 'fail') throw new StoreError('no space left')
    await this.#memory.commit(parts)
    this.batches.push(parts)
  }

  hold (): void {
    this.#held = []
  }

  async release (): Promise<void> {
    const held = this.#held ?? []
    this.#held = undefined
    for (const resolve of held) resolve()
    await settled()
  }
}

const STORE_MS = 50

function create () {
  const store = new TestStore()
  const timers = new ManualTimers()
  const events: PersisterEvent[] = []
  const persister = new Persister({
    store,
    timers,
    limits,
    storeIntervalMs: STORE_MS,
    onEvent: event => {
      events.push(event)
    }
  })
  return { store, timers, events, persister }
}

function deltasOf (store: Store, shard: number): number[] {
  return readAll(store).find(stored => stored.shard === shard)?.deltas.map(([n = -1]) => n) ?? []
}

/** Watches a promise without waiting for it. */
function watch (promise: Promise<void>): { outcome: 'waiting' | 'ok' | Error } {
  const watched: { outcome: 'waiting' | 'ok' | Error } = { outcome: 'waiting' }
  void (async () => {
    try {
      await promise
      watched.outcome = 'ok'
    } catch (error) {
      watched.outcome = error instanceof Error ? error : new Error(String(error))
    }
  })()
  return watched
}

test('everything handed in within one interval becomes one batch', async t => {
  const { store, timers, events, persister } = create()
  persister.delta(1, bytesOf(1))
  persister.delta(2, bytesOf(2))
  await timers.advance(STORE_MS - 1)
  persister.delta(1, bytesOf(3, 3))
  persister.cursor(1, 'etl', bytesOf(4))
  t.is(store.attempts, 0)
  t.is(persister.unstoredBytes, 5)
  await timers.advance(1)
  t.deepEqual(store.batches, [batch({
    deltas: [{ shard: 1, delta: bytesOf(1) }, { shard: 1, delta: bytesOf(3, 3) }, {
      shard: 2,
      delta: bytesOf(2)
    }],
    cursors: [{ shard: 1, consumerGroup: 'etl', cursor: bytesOf(4) }]
  })])
  t.is(persister.unstoredBytes, 0)
  t.deepEqual(events, [{ type: 'store-committed', bytes: 5 }])
  t.deepEqual(timers.pendingDelaysMs, [], 'an idle persister has no timer')
})

test('who waits does not wait for the interval, and many who wait share one commit', async t => {
  const { store, timers, persister } = create()
  const waiting = [1, 2, 3].map(n => {
    persister.delta(n, bytesOf(n))
    return watch(persister.synced())
  })
  await timers.advance(0)
  t.deepEqual(waiting.map(({ outcome }) => outcome), ['ok', 'ok', 'ok'])
  t.is(store.batches.length, 1)
  t.deepEqual(timers.pendingDelaysMs, [])
})

test('there is nothing to wait for when nothing was handed in', async t => {
  const { store, persister } = create()
  await persister.synced()
  t.is(store.attempts, 0)
})

test('one commit runs at a time; what comes meanwhile shares the next one', async t => {
  const { store, timers, persister } = create()
  store.hold()
  persister.delta(1, bytesOf(1))
  const first = watch(persister.synced())
  await timers.advance(0)
  const alsoFirst = watch(persister.synced())
  persister.delta(1, bytesOf(2))
  const second = watch(persister.synced())
  persister.delta(1, bytesOf(3))
  const alsoSecond = watch(persister.synced())
  await timers.advance(STORE_MS * 10)
  t.is(store.running, 1)
  t.is(persister.unstoredBytes, 3, 'what a running commit holds is not stored yet')
  await store.release()
  t.deepEqual([first, alsoFirst, second, alsoSecond].map(({ outcome }) => outcome), ['ok', 'ok',
    'waiting', 'waiting'])
  await timers.advance(0)
  t.deepEqual([second, alsoSecond].map(({ outcome }) => outcome), ['ok', 'ok'])
  t.is(store.batches.length, 2)
  t.deepEqual(deltasOf(store, 1), [1, 2, 3])
})

test('deltas that come during an unawaited commit are stored after another interval', async t => {
  const { store, timers, persister } = create()
  store.hold()
  persister.delta(1, bytesOf(1))
  await timers.advance(STORE_MS)
  persister.delta(1, bytesOf(2))
  await store.release()
  t.deepEqual(timers.pendingDelaysMs, [STORE_MS])
  await timers.advance(STORE_MS)
  t.deepEqual(deltasOf(store, 1), [1, 2])
})

test('a snapshot replaces the queued deltas of its shard, and later ones are kept', async t => {
  const { store, timers, persister } = create()
  persister.delta(1, bytesOf(1, 1))
  persister.delta(2, bytesOf(2))
  persister.snapshot(1, bytesOf(10))
  persister.snapshot(1, bytesOf(11))
  persister.delta(1, bytesOf(3))
  persister.cursor(1, 'etl', bytesOf(4))
  t.is(persister.unstoredBytes, 4)
  await timers.advance(STORE_MS)
  t.deepEqual(store.batches, [
    batch({
      deltas: [{ shard: 2, delta: bytesOf(2) }],
      snapshots: [{ shard: 1, snapshot: bytesOf(11) }]
    }),
    batch({
      deltas: [{ shard: 1, delta: bytesOf(3) }],
      cursors: [{ shard: 1, consumerGroup: 'etl', cursor: bytesOf(4) }]
    })
  ])
  t.deepEqual(readAll(store)[0], {
    shard: 1,
    snapshot: bytesOf(11),
    deltas: [bytesOf(3)],
    cursors: [{ consumerGroup: 'etl', cursor: bytesOf(4) }],
    damaged: 0
  })
})

test('a drop forgets what is queued and stored, and its batch can begin anew', async t => {
  const { store, timers, persister } = create()
  persister.delta(1, bytesOf(1))
  persister.cursor(1, 'old', bytesOf(1))
  await timers.advance(STORE_MS)
  persister.snapshot(1, bytesOf(2))
  persister.cursor(1, 'old', bytesOf(2))
  persister.drop(1)
  t.is(persister.unstoredBytes, 0)
  persister.delta(1, bytesOf(3))
  await timers.advance(STORE_MS)
  t.deepEqual(readAll(store), [{
    shard: 1,
    snapshot: null,
    deltas: [bytesOf(3)],
    cursors: [],
    damaged: 0
  }])
})

test('only the last cursor of a consumer group is stored', async t => {
  const { store, timers, persister } = create()
  for (const n of [1, 2, 3]) persister.cursor(7, 'etl', bytesOf(n))
  t.is(persister.unstoredBytes, 1)
  await timers.advance(STORE_MS)
  t.deepEqual(store.batches, [
    batch({ cursors: [{ shard: 7, consumerGroup: 'etl', cursor: bytesOf(3) }] })
  ])
})

test('a failed commit rejects its waiters, and is tried again in order (SPEC S4)', async t => {
  const { store, timers, events, persister } = create()
  store.verdicts = ['fail']
  persister.delta(1, bytesOf(1))
  const failed = watch(persister.synced())
  await timers.advance(0)
  t.true(failed.outcome instanceof StoreError)
  t.is(persister.unstoredBytes, 1)
  t.like(events, {
    length: 1,
    0: {
      type: 'store-commit-failed',
      failures: 1,
      retryMs: intervals.minStoreRetryMs,
      unstoredBytes: 1
    }
  })

  persister.delta(1, bytesOf(2))
  const later = watch(persister.synced())
  t.deepEqual(
    timers.pendingDelaysMs,
    [intervals.minStoreRetryMs],
    'who comes during the pause waits for its end'
  )
  await timers.advance(intervals.minStoreRetryMs)
  t.is(later.outcome, 'ok')
  t.deepEqual(deltasOf(store, 1), [1, 2])
  t.deepEqual(events.slice(1), [{ type: 'store-committed', bytes: 2 }, {
    type: 'store-recovered',
    failures: 1
  }])
})

test('who came while a commit ran that then failed gets the next attempt', async t => {
  const { store, timers, persister } = create()
  store.verdicts = ['fail']
  store.hold()
  persister.delta(1, bytesOf(1))
  const first = watch(persister.synced())
  await timers.advance(0)
  persister.delta(1, bytesOf(2))
  const second = watch(persister.synced())
  await store.release()
  t.true(first.outcome instanceof StoreError)
  t.is(second.outcome, 'waiting')
  await timers.advance(intervals.minStoreRetryMs)
  t.is(second.outcome, 'ok')
  t.deepEqual(deltasOf(store, 1), [1, 2])
})

test('the pause between attempts grows to its bound, and starts over after a success', async t => {
  const { store, timers, persister } = create()
  store.verdicts = Array.from({ length: 9 }, () => 'fail' as const)
  persister.delta(1, bytesOf(1))
  await timers.advance(STORE_MS)
  const pausesMs: number[] = []
  while (store.verdicts.length > 0) {
    const [pauseMs = 0] = timers.pendingDelaysMs
    pausesMs.push(pauseMs)
    await timers.advance(pauseMs)
  }
  t.deepEqual(pausesMs, [100, 200, 400, 800, 1600, 3200, 5000, 5000])
  await timers.advance(intervals.maxStoreRetryMs)
  t.deepEqual(deltasOf(store, 1), [1])

  store.verdicts = ['fail']
  persister.delta(1, bytesOf(2))
  await timers.advance(STORE_MS)
  t.deepEqual(timers.pendingDelaysMs, [intervals.minStoreRetryMs])
})

test('when the second half of a commit fails, the first half is not stored again', async t => {
  const { store, timers, persister } = create()
  store.verdicts = ['ok', 'fail']
  persister.delta(2, bytesOf(1))
  persister.snapshot(1, bytesOf(10))
  persister.delta(1, bytesOf(2))
  await timers.advance(STORE_MS)
  t.is(persister.unstoredBytes, 1)
  persister.delta(1, bytesOf(3))
  persister.delta(2, bytesOf(4))
  await timers.advance(intervals.minStoreRetryMs)
  t.deepEqual(deltasOf(store, 1), [2, 3])
  t.deepEqual(deltasOf(store, 2), [1, 4])
})

test('a snapshot or drop coming after a failure replaces what was to be tried again', async t => {
  const { store, timers, persister } = create()
  store.verdicts = ['fail']
  persister.delta(1, bytesOf(1))
  persister.delta(2, bytesOf(2))
  persister.cursor(2, 'etl', bytesOf(2))
  await timers.advance(STORE_MS)
  persister.snapshot(1, bytesOf(10))
  persister.drop(2)
  await timers.advance(intervals.minStoreRetryMs)
  t.deepEqual(store.batches, [
    batch({ drops: [2], snapshots: [{ shard: 1, snapshot: bytesOf(10) }] })
  ])
})

test('too much in the queue is stored at once and shows as a backlog until it is', async t => {
  const { timers, persister } = create()
  const half = new Uint8Array(limits.maxUnstoredBytes / 2)
  persister.delta(1, half)
  persister.delta(1, half)
  t.false(persister.backlogged)
  persister.delta(1, bytesOf(1))
  t.true(persister.backlogged)
  await timers.advance(0)
  t.false(persister.backlogged)
  t.is(persister.unstoredBytes, 0)
})

test('a shard wants a snapshot once its deltas clearly outgrow the last one (SPEC S3)', t => {
  const { persister } = create()
  const kilobyte = new Uint8Array(1024)
  const minKilobytes = limits.minStoredDeltaBytes / 1024
  t.false(persister.wantsSnapshot(1))
  for (let n = 0; n < minKilobytes; n++) persister.delta(1, kilobyte)
  t.false(persister.wantsSnapshot(1))
  persister.delta(1, kilobyte)
  t.true(persister.wantsSnapshot(1))
  persister.snapshot(1, new Uint8Array(limits.minStoredDeltaBytes + 2048))
  t.false(persister.wantsSnapshot(1))
  for (let n = 0; n < minKilobytes + 2; n++) persister.delta(1, kilobyte)
  t.false(persister.wantsSnapshot(1))
  persister.delta(1, kilobyte)
  t.true(persister.wantsSnapshot(1))
  persister.drop(1)
  t.false(persister.wantsSnapshot(1))
})

test('a shard wants a snapshot when it has too many deltas, counting those found at start', t => {
  const { persister } = create()
  const deltas = Array.from({ length: limits.maxStoredDeltas - 1 }, () => bytesOf(1))
  persister.restored({
    shard: 3,
    snapshot: new Uint8Array(1_000_000),
    deltas,
    cursors: [],
    damaged: 0
  })
  t.false(persister.wantsSnapshot(3))
  persister.delta(3, bytesOf(1))
  t.true(persister.wantsSnapshot(3))
  persister.snapshot(3, bytesOf(1))
  t.false(persister.wantsSnapshot(3))
})

test('closing stores what is queued, leaves the store open and takes nothing more', async t => {
  const { store, timers, persister } = create()
  store.hold()
  persister.delta(1, bytesOf(1))
  await timers.advance(STORE_MS)
  persister.delta(1, bytesOf(2))
  const waiting = watch(persister.synced())
  const closing = watch(persister.close())
  t.throws(() => persister.delta(1, bytesOf(3)), { instanceOf: ClosedError })
  t.throws(() => persister.drop(1), { instanceOf: ClosedError })
  await store.release()
  t.is(closing.outcome, 'ok')
  t.is(waiting.outcome, 'ok')
  await persister.close()
  await persister.synced()
  t.deepEqual(deltasOf(store, 1), [1, 2])
  t.deepEqual(timers.pendingDelaysMs, [])
})

test('closing says so when the rest cannot be stored, and can be tried again', async t => {
  const { store, timers, events, persister } = create()
  store.verdicts = ['fail', 'fail']
  persister.delta(1, bytesOf(1))
  await timers.advance(STORE_MS)
  await t.throwsAsync(persister.close(), { instanceOf: StoreError, message: 'no space left' })
  t.deepEqual(timers.pendingDelaysMs, [])
  t.like(events.at(-1), {
    type: 'store-commit-failed',
    failures: 2,
    retryMs: null,
    unstoredBytes: 1
  })
  await t.throwsAsync(persister.synced(), { instanceOf: ClosedError })
  await persister.close()
  t.deepEqual(deltasOf(store, 1), [1])
})

test('whatever a store throws reaches those who wait as a StoreError', async t => {
  const { store, timers, persister } = create()
  store.commit = () => {
    throw new RangeError('a bug')
  }
  persister.delta(1, bytesOf(1))
  const waiting = watch(persister.synced())
  await timers.advance(0)
  t.true(waiting.outcome instanceof StoreError && waiting.outcome.cause instanceof RangeError)
  t.is(persister.unstoredBytes, 1)
})

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('delta', 'delta', 'delta', 'snapshot', 'drop'),
      shard: fc.nat(2)
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'wait',
        'wait',
        'fail',
        'fail twice',
        'fail the second',
        'fail the second'
      ),
      shard: fc.constant(0)
    })
  }
)

test('whatever fails, a shard is stored as it once was, and in the end as it is', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const { store, timers, persister } = create()
      const now = ['', '', '']
      const moments = now.map(() => new Set(['']))
      const stored = () => {
        const found = ['', '', '']
        for (const { shard, snapshot, deltas } of store.shards()) {
          found[shard] = [snapshot === null ? [] : [`S${snapshot}`], ...deltas.map(delta =>
            `,${delta}`
          )].join('')
        }
        return found
      }
      for (const [n, { do: what, shard }] of steps.entries()) {
        if (what === 'delta') persister.delta(shard, bytesOf(n))
        if (what === 'snapshot') persister.snapshot(shard, bytesOf(n))
        if (what === 'drop') persister.drop(shard)
        if (what === 'delta') now[shard] += `,${n}`
        if (what === 'snapshot') now[shard] = `S${n}`
        if (what === 'drop') now[shard] = ''
        moments[shard]?.add(now[shard] ?? '')
        if (what === 'fail') store.verdicts = ['fail']
        if (what === 'fail twice') store.verdicts = ['fail', 'fail']
        if (what === 'fail the second') store.verdicts = ['ok', 'fail']
        if (what === 'wait') await timers.advance(intervals.minStoreRetryMs)
        t.true(stored().every((content, at) => moments[at]?.has(content)))
      }
      store.verdicts = []
      await persister.close()
      t.deepEqual(stored(), now)
    }),
    { numRuns: 300 }
  )
})
