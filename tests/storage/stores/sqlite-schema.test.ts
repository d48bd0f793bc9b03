/** Advice on errors of SQLite that a test cannot provoke: this one runs as any user. */
import test from 'ava'
import { openingError, storeError } from '../../../storage/stores/sqlite-schema.js'

const failure = (code: string): Error => Object.assign(new Error(`${code} detail`), { code })

test('a file that may not be locked is one of permissions, and not of the disk', t => {
  const error = openingError('open the store', '/d/o.sqlite', failure('SQLITE_IOERR_LOCK'))
  t.regex(error.message, /cannot open the store \/d\/o\.sqlite: it cannot be locked.*permissions/)
  t.like(error, { changed: 'no', retryable: false })
  const disk = openingError('read the store', '/d/o.sqlite', failure('SQLITE_IOERR_READ'))
  t.regex(disk.message, /cannot read the store .*the disk reported an error/)
  t.like(disk, { changed: 'no', retryable: true })
})

test('an opening is worth trying again where it is open elsewhere, full or the disk failed', t => {
  const retryable = ['SQLITE_BUSY', 'SQLITE_FULL', 'SQLITE_IOERR_FSYNC', 'ENOSPC', 'SQLITE_CORRUPT',
    'SQLITE_ERROR', 'SQLITE_MISUSE', 'EACCES', ''].filter(code =>
      openingError('open the store', '/d', failure(code)).retryable
    )
  t.deepEqual(retryable, ['SQLITE_BUSY', 'SQLITE_FULL', 'SQLITE_IOERR_FSYNC', 'ENOSPC'])
  t.like(storeError('write to the store', '/d', failure('SQLITE_CORRUPT')), {
    changed: 'maybe',
    retryable: true
  })
})
