/**
 * Mistakes that only a store on a real disk can make: damage, killed processes, full disks, other
 * people's files.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import Database from 'better-sqlite3'
import { StoreError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { openSqliteStore } from '../../../storage/stores/sqlite-store.js'
import { batch, bytesOf, readAll } from '../../../testing/store-batches.js'
import { storeContract } from '../../../testing/store-contract.js'
import { underAva } from '../../contracts/under-ava.js'

function createPlace (): { readonly path: string, readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-store-'))
  return {
    path: join(directory, 'node-1', 'prices.db'),
    remove: () => rmSync(directory, { recursive: true, force: true })
  }
}

function createPath (t: ExecutionContext): string {
  const { path, remove } = createPlace()
  t.teardown(remove)
  return path
}

for (const durability of ['async', 'sync'] as const) {
  storeContract({
    test: underAva(test),
    name: `sqlite ${durability}`,
    createPlace: () => {
      const { path, remove } = createPlace()
      return { open: () => openSqliteStore({ path, durability, limits }), remove }
    }
  })
}

for (
  const [what, lose] of [
    ['is removed', (path: string) => rmSync(dirname(path), { recursive: true })],
    ['has lost its log', (path: string) => rmSync(`${path}-wal`)],
    ['is replaced', (path: string) => {
      rmSync(path)
      writeFileSync(path, '')
    }]
  ] as const
) {
  test(`a store whose file ${what} while it is open confirms nothing more (SPEC S1)`, async t => {
    const path = createPath(t)
    const store = openSqliteStore({ path, limits })
    await store.commit(batch({ deltas: [{ shard: 1, delta: bytesOf(1) }] }))
    lose(path)
    for (let i = 0; i < 2; i++) {
      await t.throwsAsync(store.commit(batch({ deltas: [{ shard: 1, delta: bytesOf(2) }] })), {
        instanceOf: StoreError,
        message: /the file was removed or replaced while it was open/
      })
    }
    await store.close()
  })
}

/** Edits a closed store behind its back. */
function edit (path: string, sql: string, ...values: unknown[]): void {
  const db = new Database(path)
  db.prepare(sql).run(...values)
  db.close()
}

function quarantined (path: string): unknown[] {
  const db = new Database(path)
  const rows = db.prepare(
    'SELECT kind, shard, seq, consumer_group AS consumerGroup, data FROM quarantine ORDER BY id'
  ).all()
  db.close()
  return rows
}

/** Shard 1: snapshot 10, deltas 1 to 4, a cursor; shard 2: delta 5. */
async function createFilled (t: ExecutionContext): Promise<string> {
  const path = createPath(t)
  const store = openSqliteStore({ path, limits })
  await store.commit(batch({ snapshots: [{ shard: 1, snapshot: bytesOf(10) }] }))
  await store.commit(batch({
    deltas: [1, 2, 3, 4].map(n => ({ shard: 1, delta: bytesOf(n) })).concat({
      shard: 2,
      delta: bytesOf(5)
    }),
    cursors: [{ shard: 1, consumerGroup: 'etl', cursor: bytesOf(6) }]
  }))
  await store.close()
  return path
}

const SHARD_2 = { shard: 2, snapshot: null, deltas: [bytesOf(5)], cursors: [], damaged: 0 }
const CURSORS_1 = [{ consumerGroup: 'etl', cursor: bytesOf(6) }]

test('a damaged delta is set aside with those behind it; the shard goes on (SPEC S2)', async t => {
  const path = await createFilled(t)
  edit(path, 'UPDATE deltas SET data = ? WHERE shard = 1 AND seq = 3', bytesOf(99))
  const store = openSqliteStore({ path, limits })
  t.deepEqual(readAll(store), [{
    shard: 1,
    snapshot: bytesOf(10),
    deltas: [bytesOf(1), bytesOf(2)],
    cursors: CURSORS_1,
    damaged: 1
  }, SHARD_2])
  await store.commit(batch({ deltas: [{ shard: 1, delta: bytesOf(7) }] }))
  t.deepEqual(readAll(store)[0], {
    shard: 1,
    snapshot: bytesOf(10),
    deltas: [bytesOf(1), bytesOf(2), bytesOf(7)],
    cursors: CURSORS_1,
    damaged: 0
  })
  await store.close()
  t.deepEqual(quarantined(path), [
    { kind: 'delta', shard: 1, seq: 3, consumerGroup: null, data: Buffer.from([99]) },
    { kind: 'delta', shard: 1, seq: 4, consumerGroup: null, data: Buffer.from([4]) }
  ])
})

test('a damaged snapshot takes all deltas of its shard with it, and no cursor', async t => {
  const path = await createFilled(t)
  edit(path, 'UPDATE snapshots SET data = ?', bytesOf(99))
  const store = openSqliteStore({ path, limits })
  t.deepEqual(readAll(store), [{
    shard: 1,
    snapshot: null,
    deltas: [],
    cursors: CURSORS_1,
    damaged: 1
  }, SHARD_2])
  t.deepEqual(readAll(store)[0], {
    shard: 1,
    snapshot: null,
    deltas: [],
    cursors: CURSORS_1,
    damaged: 0
  })
  await store.close()
  t.is(quarantined(path).length, 5)
})

test('a damaged cursor is left out alone', async t => {
  const path = await createFilled(t)
  edit(path, 'UPDATE cursors SET data = ?', bytesOf(99))
  const store = openSqliteStore({ path, limits })
  t.deepEqual(readAll(store)[0], {
    shard: 1,
    snapshot: bytesOf(10),
    deltas: [1, 2, 3, 4].map(n => bytesOf(n)),
    cursors: [],
    damaged: 1
  })
  await store.close()
  t.deepEqual(quarantined(path), [{
    kind: 'cursor',
    shard: 1,
    seq: null,
    consumerGroup: 'etl',
    data: Buffer.from([99])
  }])
})

test('a byte that flips in the file itself is found', async t => {
  const path = createPath(t)
  const marker = Buffer.from('where the disk will rot')
  const store = openSqliteStore({ path, limits })
  await store.commit(
    batch({
      deltas: [{ shard: 1, delta: bytesOf(1) }, { shard: 1, delta: marker }, {
        shard: 1,
        delta: bytesOf(3)
      }]
    })
  )
  await store.close()
  const file = readFileSync(path)
  const at = file.indexOf(marker) + 5
  file[at] = (file[at] ?? 0) ^ 0x10
  writeFileSync(path, file)
  const again = openSqliteStore({ path, limits })
  t.deepEqual(readAll(again), [{
    shard: 1,
    snapshot: null,
    deltas: [bytesOf(1)],
    cursors: [],
    damaged: 1
  }])
  await again.close()
})

const rottenKeys: ReadonlyArray<readonly [title: string, sql: string, kept: readonly number[]]> = [
  ['a delta that went missing', 'DELETE FROM deltas WHERE shard = 1 AND seq = 2', [1]],
  ['the first delta missing', 'DELETE FROM deltas WHERE shard = 1 AND seq = 1', []],
  ['a delta that moved back in its shard', 'UPDATE deltas SET seq = -3 WHERE shard = 1 AND seq = 3',
    []],
  ['a delta that moved to the end', 'UPDATE deltas SET seq = 5 WHERE shard = 1 AND seq = 4', [1, 2,
    3]]
]
for (const [title, sql, kept] of rottenKeys) {
  test(`${title} ends the prefix, and nothing of it stays behind`, async t => {
    const path = await createFilled(t)
    edit(path, sql)
    const store = openSqliteStore({ path, limits })
    const [damaged] = readAll(store)
    t.deepEqual(damaged?.deltas, kept.map(n => bytesOf(n)))
    t.true((damaged?.damaged ?? 0) > 0)
    t.is(readAll(store)[0]?.damaged, 0)
    await store.close()
  })
}

test('two deltas that swapped places are both found', async t => {
  const path = await createFilled(t)
  edit(
    path,
    'UPDATE deltas SET (data, checksum) = (SELECT data, checksum FROM deltas WHERE shard = 2) ' +
      'WHERE shard = 1 AND seq = 1'
  )
  const store = openSqliteStore({ path, limits })
  t.deepEqual(readAll(store)[0]?.deltas, [])
  await store.close()
})

test('the quarantine keeps the newest blobs up to its bound', async t => {
  const path = createPath(t)
  const store = openSqliteStore({ path, limits })
  const shards = Array.from({ length: limits.maxQuarantinedBlobs + 10 }, (_, shard) => shard)
  await store.commit(batch({ snapshots: shards.map(shard => ({ shard, snapshot: bytesOf(1) })) }))
  await store.close()
  edit(path, 'UPDATE snapshots SET data = ?', bytesOf(2))
  const again = openSqliteStore({ path, limits })
  t.is(readAll(again).reduce((sum, { damaged }) => sum + damaged, 0), shards.length)
  await again.close()
  const kept = quarantined(path) as Array<{ shard: number }>
  t.is(kept.length, limits.maxQuarantinedBlobs)
  t.is(kept[0]?.shard, 10)
})

test('a damaged setting is an error and not a wrong answer', async t => {
  const path = createPath(t)
  const store = openSqliteStore({ path, limits })
  store.setMeta('shardCount', '256')
  await store.close()
  edit(path, "UPDATE meta SET value = '257'")
  const again = openSqliteStore({ path, limits })
  const error = t.throws(() => again.getMeta('shardCount'), {
    instanceOf: StoreError,
    message: /'shardCount' is damaged.*start again/
  })
  t.like(error, { changed: 'no', retryable: false })
  await again.close()
})

test('a file from a newer version is refused and left as it is', async t => {
  const path = await createFilled(t)
  const db = new Database(path)
  db.pragma('user_version = 7')
  db.close()
  t.throws(() => openSqliteStore({ path, limits }), {
    instanceOf: StoreError,
    message: /schema version 7.*reads 1/
  })
  const after = new Database(path)
  t.is(after.pragma('user_version', { simple: true }), 7)
  t.deepEqual(after.prepare('SELECT COUNT(*) AS n FROM deltas').get(), { n: 5 })
  after.close()
})

test('a SQLite file of another program is refused', t => {
  const path = createPath(t)
  mkdirSync(join(path, '..'), { recursive: true })
  const db = new Database(path)
  db.exec('CREATE TABLE users (id INTEGER)')
  db.close()
  const before = readFileSync(path)
  t.throws(() => openSqliteStore({ path, limits }), {
    instanceOf: StoreError,
    message: /another program/
  })
  t.deepEqual(readFileSync(path), before, 'its journal mode too')
  t.deepEqual(readdirSync(dirname(path)), [basename(path)])
})

test('a file that lacks a table is refused with what to do about it', async t => {
  const path = await createFilled(t)
  edit(path, 'DROP TABLE deltas')
  const error = t.throws(() => openSqliteStore({ path, limits }), {
    instanceOf: StoreError,
    message: /its tables are not those that Millpond made.*start again.*replicas 1/
  })
  t.like(error, { changed: 'no', retryable: false })
})

test('a file that is not SQLite is refused with what to do about it', t => {
  const path = createPath(t)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, 'these are not the bytes you are looking for '.repeat(100))
  const error = t.throws(() => openSqliteStore({ path, limits }), {
    instanceOf: StoreError,
    message: /not a SQLite file.*start again/
  })
  t.true(error?.message.includes(path))
  t.truthy(error?.cause)
})

test('damage to the pages of the file is a StoreError with what to do about it', async t => {
  const path = createPath(t)
  const store = openSqliteStore({ path, limits })
  const shards = Array.from({ length: 2000 }, (_, shard) => shard)
  await store.commit(
    batch({ deltas: shards.map(shard => ({ shard, delta: new Uint8Array(200) })) })
  )
  await store.close()
  const file = readFileSync(path)
  // The first page has the schema; everything behind it goes.
  file.fill(0xa5, 4096)
  writeFileSync(path, file)
  const error = t.throws(() => {
    const again = openSqliteStore({ path, limits })
    t.teardown(() => again.close())
    readAll(again)
  }, { instanceOf: StoreError, message: /damaged.*start again/ })
  t.true(error?.message.includes(path))
  t.like(error, { changed: 'no', retryable: false }, 'it is found while a node opens')
})

test('a path that cannot be a file is a StoreError that names it', t => {
  const path = createPath(t)
  mkdirSync(path, { recursive: true })
  const error = t.throws(() => openSqliteStore({ path, limits }), { instanceOf: StoreError })
  t.true(error?.message.includes(path))
  t.throws(() => openSqliteStore({ path: '/dev/null/store.db', limits }), {
    instanceOf: StoreError,
    message: /\/dev\/null/
  })
})

test('a store that cannot be opened changed nothing, and says when trying again helps', async t => {
  const path = createPath(t)
  const refused = (at: string): Pick<StoreError, 'message' | 'changed' | 'retryable'> =>
    t.throws(() => openSqliteStore({ path: at, limits }), { instanceOf: StoreError })
  const file = join(path, '..', '..', 'a-file')
  writeFileSync(file, 'not a database '.repeat(100))
  for (const inTheWay of [join(file, 'prices.db'), join(file, 'deeper', 'prices.db')]) {
    const { message, ...facts } = refused(inTheWay)
    t.regex(message, /a-file.*a file stands where its directory should be/)
    t.like(facts, { changed: 'no', retryable: false })
  }
  t.like(refused(file), { changed: 'no', retryable: false })
  const store = openSqliteStore({ path, limits })
  t.like(refused(path), { changed: 'no', retryable: true }, 'it may be closed there')
  await store.close()
})

test('a full disk fails the whole batch, keeps what was there, and takes smaller ones', async t => {
  const path = createPath(t)
  const store = openSqliteStore({ path, maxFileBytes: 1024 * 1024, limits })
  const before = { deltas: [{ shard: 1, delta: bytesOf(1) }] }
  await store.commit(batch(before))
  const tooMuch = batch({
    drops: [1],
    deltas: [{ shard: 2, delta: bytesOf(2) }],
    snapshots: [{ shard: 3, snapshot: new Uint8Array(2 * 1024 * 1024) }]
  })
  await t.throwsAsync(store.commit(tooMuch), { instanceOf: StoreError, message: /no space left/ })
  const intact = [{ shard: 1, snapshot: null, deltas: [bytesOf(1)], cursors: [], damaged: 0 }]
  t.deepEqual(readAll(store), intact)
  await store.commit(batch({ deltas: [{ shard: 4, delta: bytesOf(4) }] }))
  await store.close()
  const again = openSqliteStore({ path, limits })
  t.deepEqual(readAll(again), [...intact, {
    shard: 4,
    snapshot: null,
    deltas: [bytesOf(4)],
    cursors: [],
    damaged: 0
  }])
  await again.close()
})

test('a closed store leaves one file behind', async t => {
  const path = await createFilled(t)
  t.deepEqual(readFileSync(path).subarray(0, 15).toString(), 'SQLite format 3')
  t.throws(() => readFileSync(`${path}-wal`), { code: 'ENOENT' })
})

const CHILD = fileURLToPath(new URL('./commit-until-killed.ts', import.meta.url))
const SHARDS = 16

test('a process killed in a commit leaves every confirmed batch, each whole (SPEC S1)', async t => {
  const path = createPath(t)
  let stored = 0
  for (const commits of [1, 57, 140, 33]) {
    const child = spawn(process.execPath, ['--import=tsx', CHILD, path, String(stored),
      String(SHARDS)], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    let confirmed = stored
    for await (const line of createInterface({ input: child.stdout })) {
      confirmed = Number(line)
      if (confirmed === stored + commits) {
        // Two processes: the file is the child's as long as it lives.
        t.throws(() => openSqliteStore({ path, limits }), {
          instanceOf: StoreError,
          message: /another process has it open/
        })
        child.kill('SIGKILL')
      }
    }
    await exited

    const store = openSqliteStore({ path, limits })
    const shards = readAll(store)
    await store.close()
    t.is(shards.length, SHARDS)
    const numbers = shards.map(({ snapshot, deltas }) =>
      [snapshot, ...deltas].flatMap(blob =>
        blob === null ? [] : new DataView(blob.buffer, blob.byteOffset).getUint32(0)
      )
    )
    const [first = []] = numbers
    stored = first.at(-1) ?? 0
    t.true(stored >= confirmed, `found ${stored} of ${confirmed} confirmed batches`)
    t.deepEqual(
      first,
      Array.from(first, (_, at) => stored - first.length + 1 + at),
      'no batch is missing in between'
    )
    t.is(first[0], Math.max(1, stored - stored % 20), 'it begins with the last snapshot')
    for (const other of numbers) t.deepEqual(other, first, 'a batch is in every shard or in none')
    t.true(shards.every(({ damaged }) => damaged === 0))
  }
})
