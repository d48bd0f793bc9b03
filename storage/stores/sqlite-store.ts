/**
 * A Store in one SQLite file per node and cache. The only file that imports the driver.
 *
 *   commit   one transaction in the write-ahead log. 'async' survives a killed process and, after a
 *            power failure, may have lost the last commits, never one from the middle. 'sync' also
 *            survives the power failure and pays one fsync per commit.
 *   shards   one shard at a time, by key, without an open read: memory is bounded by the largest
 *            shard, and damage can be set aside while reading.
 *   locking  exclusive from open to close; the operating system releases it when the process dies.
 *
 * Out of scope: giving free pages back to the file system. They are reused by later commits.
 */

import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { assertBounds } from '../../engine/base/has-calls.js'
import { assertKnown } from '../../engine/base/known.js'
import { describe } from '../../engine/base/plain.js'
import { StoreError } from '../../engine/errors.js'
import type { Limits } from '../../engine/limits.js'
import { intervals } from '../../engine/timing.js'
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION, START_OVER, openingError,
  storeError } from './sqlite-schema.js'
import { SameFile } from './same-file.js'
import { SQL } from './sqlite-statements.js'
import type { Store, StoreBatch, StoredShard } from '../store.js'
import { blobChecksum, cursorChecksum, inspectShard, settingChecksum } from './stored-blobs.js'
import type { BlobRow, Inspection } from './stored-blobs.js'

export interface SqliteStoreOptions {
  /**
   * The database file. Its directory is created; SQLite keeps a `-wal` file beside it while it is
   * open.
   */
  readonly path: string
  /**
   * 'async' (default): commits survive the end of the process; 'sync': they survive a power failure
   * too.
   */
  readonly durability?: 'async' | 'sync'
  /** The file refuses to grow past this, as on a full disk. Default: no bound but the disk. */
  readonly maxFileBytes?: number
  /** Of these the store keeps maxWalPages, maxIdleWalBytes and maxQuarantinedBlobs. */
  readonly limits: Limits
}

/**
 * @throws StoreError when the file is open elsewhere, is not ours, is from a newer version, or
 * cannot be read or written; nothing was changed then. TypeError naming the option that cannot be
 */
export function openSqliteStore (options: SqliteStoreOptions): Store {
  checkOptions(options)
  const path = resolve(options.path)
  let db: Database.Database | undefined
  try {
    mkdirSync(dirname(path), { recursive: true })
    db = new Database(path, { timeout: intervals.storeLockWaitMs })
    prepareFile(db, path, options)
    return new SqliteStore(db, path, options)
  } catch (cause) {
    db?.close()
    throw openingError('open the store', path, cause)
  }
}

const KNOWN: ReadonlySet<string> = new Set<keyof SqliteStoreOptions>(['path', 'durability',
  'maxFileBytes', 'limits'])

function checkOptions (options: SqliteStoreOptions): void {
  assertKnown(options, KNOWN, 'openSqliteStore')
  const { path, durability = 'async', maxFileBytes = Infinity, limits } = options
  const parts: Array<[name: string, value: unknown, isRight: boolean, must: string]> = [
    ['path', path, typeof path === 'string' && path !== '', 'the path of a file'],
    ['durability', durability, ['async', 'sync'].includes(durability), "'async' or 'sync'"],
    ['maxFileBytes', maxFileBytes, typeof maxFileBytes === 'number' && maxFileBytes > 0,
      'a number of bytes above 0']
  ]
  for (const [name, value, isRight, must] of parts) {
    if (isRight) continue
    throw new TypeError(`${name} of openSqliteStore must be ${must}, got ${describe(value)}`)
  }
  assertBounds(limits, ['maxWalPages', 'maxIdleWalBytes', 'maxQuarantinedBlobs'])
}

function prepareFile (db: Database.Database, path: string, options: SqliteStoreOptions): void {
  const { limits } = options
  // Exclusive before the first access: SQLite then needs no shared memory file, and the lock is
  // taken with that access.
  db.pragma('locking_mode = EXCLUSIVE')
  // Before anything that changes the file: that of another program stays as it is.
  const isNew = db.transaction(() => assertOurs(db, path)).exclusive()
  db.pragma('journal_mode = WAL')
  db.pragma(`synchronous = ${options.durability === 'sync' ? 'FULL' : 'NORMAL'}`)
  db.pragma(`wal_autocheckpoint = ${limits.maxWalPages}`)
  db.pragma(`journal_size_limit = ${limits.maxIdleWalBytes}`)
  if (options.maxFileBytes !== undefined) {
    const pageBytes = Number(db.pragma('page_size', { simple: true }))
    db.pragma(`max_page_count = ${Math.max(1, Math.floor(options.maxFileBytes / pageBytes))}`)
  }
  if (!isNew) return
  db.transaction(() => {
    db.exec(SCHEMA)
    db.pragma(`application_id = ${APPLICATION_ID}`)
    db.pragma(`user_version = ${SCHEMA_VERSION}`)
  }).exclusive()
}

/** @returns whether the file is new. @throws StoreError when it is not of this program's version */
function assertOurs (db: Database.Database, path: string): boolean {
  const applicationId = db.pragma('application_id', { simple: true })
  const version = Number(db.pragma('user_version', { simple: true }))
  const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
  if (isEmpty && applicationId === 0 && version === 0) return true
  if (applicationId !== APPLICATION_ID) {
    throw new StoreError(
      `cannot open the store ${path}: it is a SQLite file of another program. Check the path`
    )
  }
  if (version !== SCHEMA_VERSION) {
    throw new StoreError(
      `cannot open the store ${path}: it has schema version ${version}, this version of ` +
        `Millpond reads ${SCHEMA_VERSION}. Run the version that wrote it, or give the node an ` +
        'empty data directory'
    )
  }
  return false
}

function prepareStatements (db: Database.Database) {
  return {
    getMeta: db.prepare<[string], { value: string, checksum: number }>(SQL.getMeta),
    setMeta: db.prepare<[string, string, number]>(SQL.setMeta),

    nextShard: db.prepare<{ after: number }, { shard: number | null }>(SQL.nextShard),
    snapshot: db.prepare<[number], BlobRow>(SQL.snapshot),
    deltas: db.prepare<[number], BlobRow & { seq: number }>(SQL.deltas),
    cursors: db.prepare<[number], BlobRow & { consumerGroup: string }>(SQL.cursors),
    lastSeq: db.prepare<[number], number | null>(SQL.lastSeq).pluck(),

    putSnapshot: db.prepare<[number, Uint8Array, number]>(SQL.putSnapshot),
    putDelta: db.prepare<[number, number, Uint8Array, number]>(SQL.putDelta),
    putCursor: db.prepare<[number, string, Uint8Array, number]>(SQL.putCursor),
    dropSnapshot: db.prepare<[number]>(SQL.dropSnapshot),
    dropDeltas: db.prepare<[number]>(SQL.dropDeltas),
    dropCursors: db.prepare<[number]>(SQL.dropCursors),

    keepSnapshot: db.prepare<[number]>(SQL.keepSnapshot),
    keepDeltas: db.prepare<[number, number]>(SQL.keepDeltas),
    keepCursor: db.prepare<[number, string]>(SQL.keepCursor),
    dropLostDeltas: db.prepare<[number, number]>(SQL.dropLostDeltas),
    dropCursor: db.prepare<[number, string]>(SQL.dropCursor),
    trimQuarantine: db.prepare<[number]>(SQL.trimQuarantine)
  }
}

class SqliteStore implements Store {
  readonly #sql: ReturnType<typeof prepareStatements>
  readonly #write: Database.Transaction<(batch: StoreBatch) => void>
  readonly #durability: 'async' | 'sync'
  readonly #limits: Limits
  /** The file, and its write-ahead log, which SQLite keeps while the file is open. */
  readonly #files: readonly SameFile[]

  constructor (
    private readonly db: Database.Database,
    private readonly path: string,
    { durability = 'async', limits }: SqliteStoreOptions
  ) {
    this.#durability = durability
    this.#limits = limits
    this.#files = [new SameFile(path), new SameFile(`${path}-wal`)]
    this.#assertThere('open')
    this.#sql = prepareStatements(db)
    this.#write = db.transaction((batch: StoreBatch) => this.#apply(batch))
  }

  getMeta (name: string): string | undefined {
    return this.#opening('read', () => {
      const row = this.#sql.getMeta.get(name)
      if (row !== undefined && row.checksum !== settingChecksum(name, row.value)) {
        throw new StoreError(
          `cannot read the store ${this.path}: its setting '${name}' is damaged. ${START_OVER}`
        )
      }
      return row?.value
    })
  }

  setMeta (name: string, value: string): void {
    this.#opening('write to', () => {
      // Settings are few, and all later commits rely on them: they get their fsync whatever the
      // durability.
      if (this.#durability === 'async') this.db.pragma('synchronous = FULL')
      try {
        this.#sql.setMeta.run(name, value, settingChecksum(name, value))
      } finally {
        if (this.#durability === 'async') this.db.pragma('synchronous = NORMAL')
      }
    })
  }

  *shards (): Iterable<StoredShard> {
    let after = -1
    while (true) {
      const shard = this.#opening('read', () => this.#sql.nextShard.get({ after })?.shard ?? null)
      if (shard === null) return
      yield this.#opening('read', () => this.#read(shard))
      after = shard
    }
  }

  // The driver is synchronous, and that also keeps commits in the order of the calls. Async, so
  // that an error rejects.
  async commit (batch: StoreBatch): Promise<void> {
    this.#guard('write to', () => {
      this.#write(batch)
      this.#assertThere('write to')
    })
  }

  /** @throws StoreError when what was written cannot be found at the path any more */
  #assertThere (doing: string): void {
    if (this.#files.every(({ isThere }) => isThere)) return
    throw new StoreError(
      `cannot ${doing} the store ${this.path}: the file was removed or replaced while it was ` +
        'open. Restart the node; it fetches what other nodes have'
    )
  }

  async close (): Promise<void> {
    if (!this.db.open) return
    try {
      this.db.pragma('wal_checkpoint(TRUNCATE)')
    } catch (cause) {
      throw storeError('close the store', this.path, cause)
    } finally {
      this.db.close()
    }
  }

  #apply (batch: StoreBatch): void {
    const sql = this.#sql
    for (const shard of batch.drops) {
      sql.dropSnapshot.run(shard)
      sql.dropDeltas.run(shard)
      sql.dropCursors.run(shard)
    }
    const replaced = new Set(batch.snapshots.map(({ shard }) => shard))
    for (const { shard, delta } of batch.deltas) {
      if (replaced.has(shard)) continue
      const seq = (sql.lastSeq.get(shard) ?? 0) + 1
      sql.putDelta.run(shard, seq, delta, blobChecksum(delta, shard, seq))
    }
    for (const { shard, snapshot } of batch.snapshots) {
      sql.dropDeltas.run(shard)
      sql.putSnapshot.run(shard, snapshot, blobChecksum(snapshot, shard, 0))
    }
    for (const { shard, consumerGroup, cursor } of batch.cursors) {
      sql.putCursor.run(shard, consumerGroup, cursor, cursorChecksum(cursor, shard, consumerGroup))
    }
  }

  #read (shard: number): StoredShard {
    const sql = this.#sql
    const inspection = inspectShard({
      shard,
      snapshot: sql.snapshot.get(shard),
      deltas: sql.deltas.all(shard),
      cursors: sql.cursors.all(shard)
    })
    if (inspection.stored.damaged > 0) this.#setAside(inspection)
    return inspection.stored
  }

  /**
   * Sets aside the damaged blobs, and the deltas behind them: left in place, these would pass for a
   * continuation of the intact ones.
   */
  #setAside (
    { stored: { shard }, snapshotLost, deltasKept, consumerGroupsLost }: Inspection
  ): void {
    const sql = this.#sql
    this.db.transaction(() => {
      if (snapshotLost) {
        sql.keepSnapshot.run(shard)
        sql.dropSnapshot.run(shard)
      }
      sql.keepDeltas.run(shard, deltasKept)
      sql.dropLostDeltas.run(shard, deltasKept)
      for (const consumerGroup of consumerGroupsLost) {
        sql.keepCursor.run(shard, consumerGroup)
        sql.dropCursor.run(shard, consumerGroup)
      }
      sql.trimQuarantine.run(this.#limits.maxQuarantinedBlobs)
    })()
  }

  /** Settings and shards are read, and settings written, while a node opens. */
  #opening<T> (doing: string, run: () => T): T {
    return this.#guard(doing, run, openingError)
  }

  #guard<T> (doing: string, run: () => T, errorOf = storeError): T {
    if (!this.db.open) {
      throw new StoreError(
        `cannot ${doing} the store ${this.path}: it is closed`,
        undefined,
        { changed: 'no', retryable: false }
      )
    }
    try {
      return run()
    } catch (cause) {
      throw errorOf(`${doing} the store`, this.path, cause)
    }
  }
}
