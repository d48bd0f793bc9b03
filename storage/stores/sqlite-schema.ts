/**
 * The tables of a SQLite store, and advice on its errors for the person who has to fix them. Text
 * only: the driver is imported by sqlite-store.ts and nowhere else.
 *
 * Deltas of a shard are numbered 1, 2, 3, ... behind its snapshot, and a new snapshot starts at 1
 * again. A hole in the numbers is therefore noticed like a blob that fails its checksum. The deltas
 * table is keyed and clustered by (shard, seq), so that a shard's tail is read, and deleted, as one
 * range.
 *
 * `quarantine` holds damaged blobs together with the deltas that lay behind them, for people to
 * read.
 */

import { messageOf } from '../../engine/base/thrown.js'
import { StoreError } from '../../engine/errors.js'

/** Raised with every change of the tables. */
export const SCHEMA_VERSION = 1

/** Tells our files from other programs' SQLite files ('mill' in ASCII). */
export const APPLICATION_ID = 0x6d696c6c

export const SCHEMA = `
  CREATE TABLE meta (
    name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE snapshots (
    shard INTEGER PRIMARY KEY, data BLOB NOT NULL, checksum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE deltas (
    shard INTEGER NOT NULL, seq INTEGER NOT NULL, data BLOB NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (shard, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE cursors (
    shard INTEGER NOT NULL, consumer_group TEXT NOT NULL,
    data BLOB NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (shard, consumer_group)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, kind ANY, shard ANY, seq ANY, consumer_group ANY, data ANY, checksum ANY
  ) STRICT;
`

/** The way out when a file cannot be trusted any more. */
export const START_OVER =
  'Move the file and its -wal file aside and start again: the node fetches its shards from the ' +
  'other replicas. With replicas 1 there are none, and only a copy of the file brings them back'

const IN_THE_WAY =
  'a file stands where its directory should be. Give the node another data directory, or move ' +
  'that file away'
const NO_DIRECTORY =
  'its directory cannot be made. Check the permissions of the directory above it, or give the ' +
  'node another data directory'

/** Advice on errors, by SQLite's result code, whole or primary, or that of the operating system. */
const ADVICE: { readonly [code: string]: string } = {
  SQLITE_BUSY:
    'another process has it open. A store belongs to one node: stop the other one, or give the ' +
    'node another data directory',
  SQLITE_FULL: 'there is no space left for it. Free or add space; what was stored before is intact',
  SQLITE_CORRUPT: `the file is damaged. ${START_OVER}`,
  SQLITE_NOTADB:
    `this is not a SQLite file, or its beginning is damaged. Check the path first. ${START_OVER}`,
  SQLITE_READONLY: 'it cannot be written. Check the permissions of the file and of its directory',
  SQLITE_CANTOPEN:
    'it cannot be opened. Check that the path is a file and that this user may read and write it ' +
    'and its directory',
  SQLITE_ERROR: `its tables are not those that Millpond made, or are damaged. ${START_OVER}`,
  SQLITE_IOERR_LOCK:
    'it cannot be locked. Check the permissions of the file and of its directory: this user must ' +
    'be able to write both; and that its file system has locks',
  SQLITE_IOERR: 'the disk reported an error. Check the disk and the system log',
  EEXIST: IN_THE_WAY,
  ENOTDIR: IN_THE_WAY,
  EACCES: NO_DIRECTORY,
  EPERM: NO_DIRECTORY,
  EROFS: NO_DIRECTORY,
  ENOSPC: 'there is no space left for its directory. Free or add space'
}
/** What these codes say passes by itself, or when somebody frees space; others need a decision. */
const PASSING = new Set(['SQLITE_BUSY', 'SQLITE_FULL', 'SQLITE_IOERR', 'ENOSPC'])

/**
 * A StoreError that names the operation, the file and the way out. A cause that is a StoreError
 * already stays as it is.
 */
export function storeError (doing: string, path: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const detail = messageOf(cause)
  const advice = ADVICE[codeOf(cause)]
  return new StoreError(
    `cannot ${doing} ${path}: ${advice === undefined ? detail : `${advice} (${detail})`}`,
    cause
  )
}

/**
 * As storeError, for a store that is being opened, its settings and shards being read back
 * included: nothing was changed, and to try again helps only against what passes.
 */
export function openingError (doing: string, path: string, cause: unknown): StoreError {
  const { message } = storeError(doing, path, cause)
  return new StoreError(message, cause instanceof StoreError ? cause.cause : cause, {
    changed: 'no',
    retryable: PASSING.has(codeOf(cause))
  })
}

/**
 * The code by which an error is advised on. Of SQLite's it is without details, such as those of
 * SQLITE_IOERR_WRITE, unless there is advice on these.
 */
function codeOf (cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : ''
  return code in ADVICE ? code : /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code
}
