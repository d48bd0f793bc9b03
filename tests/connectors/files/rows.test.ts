/**
 * Inputs of rows: files and pipes, plain and gzip, whole and damaged; and the real data set, when
 * it is there.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { toEvent } from '../../../connectors/files/row-events.js'
import { InputError } from '../../../connectors/files/input.js'
import { inferFormat, readRows } from '../../../connectors/files/rows.js'
import { ConfigError } from '../../../engine/errors.js'
import { collect, inChunks, rowsOf, summary, writeInput } from './input-files.js'

const CSV = 'a,b\n1,2\n3,4\n'
const READ = ['2: 1 | 2', '3: 3 | 4']
const LONG_CSV = `a,b\n${
  Array.from({ length: 50_000 }, (_, i) => `${i},${Math.sin(i)}\n`).join('')
}`

async function readFile (
  t: ExecutionContext,
  name: string,
  content: string | Uint8Array
): Promise<string[]> {
  return (await collect(readRows({ file: writeInput(t, name, content), format: 'csv' }))).map(
    summary
  )
}

test('a file is read as it is or from gzip, whatever its name says', async t => {
  t.deepEqual(await readFile(t, 'plain.csv', CSV), READ)
  t.deepEqual(await readFile(t, 'packed.csv.gz', gzipSync(CSV)), READ)
  t.deepEqual(await readFile(t, 'packed.csv', gzipSync(CSV)), READ)
  t.deepEqual(
    await readFile(
      t,
      'two-members.csv.gz',
      Buffer.concat([gzipSync('a,b\n1,2\n'), gzipSync('3,4\n')])
    ),
    READ
  )
})

test('standard input is read as it is or from gzip, even byte by byte', async t => {
  t.deepEqual((await rowsOf('csv', CSV, 1)).map(summary), READ)
  t.deepEqual((await rowsOf('csv', gzipSync(CSV), 1)).map(summary), READ)
})

test('gzip data that is cut off is an error that says so, after the rows before it', async t => {
  const packed = gzipSync(LONG_CSV)
  for (const bytes of [packed.length >> 1, packed.length - 3, 2]) {
    const file = writeInput(t, 'cut.csv.gz', packed.subarray(0, bytes))
    let rows = 0
    const error = await t.throwsAsync(async () => {
      for await (const row of readRows({ file, format: 'csv' })) {
        t.true('value' in row)
        rows++
      }
    }, { instanceOf: InputError, message: /cut off after \d+ uncompressed bytes/ })
    t.like(error, { code: 'INPUT_UNREADABLE', changed: 'maybe', retryable: false })
    t.is(rows > 1000, bytes > 2)
  }
})

test('gzip data that is damaged, or is none although the name says so, is an error', async t => {
  const damaged = gzipSync(LONG_CSV)
  damaged.writeUInt32LE(0, damaged.length - 8)
  await t.throwsAsync(readFile(t, 'damaged.csv.gz', damaged), {
    instanceOf: InputError,
    message: /damaged after \d+ uncompressed bytes: incorrect data check/
  })
  await t.throwsAsync(readFile(t, 'plain.csv.gz', CSV), {
    instanceOf: InputError,
    message: /named \.gz but does not hold gzip data/
  })
  await t.throwsAsync(readFile(t, 'empty.csv.gz', ''), {
    instanceOf: InputError,
    message: /named \.gz/
  })
})

test('a file that cannot be opened is a configuration error', async t => {
  const file = writeInput(t, 'there.csv', CSV)
  await t.throwsAsync(collect(readRows({ file: `${file}.not`, format: 'csv' })), {
    instanceOf: ConfigError,
    message: /cannot read .*ENOENT/
  })
  await t.throwsAsync(collect(readRows({ file: resolve(file, '..'), format: 'csv' })), {
    instanceOf: ConfigError,
    message: /EISDIR/
  })
})

async function* failing (): AsyncGenerator<Uint8Array> {
  yield Buffer.from(CSV)
  throw new Error('the line went dead')
}

test('an input that fails while it is read is an error with its cause', async t => {
  const error = await t.throwsAsync(
    collect(readRows({ file: '-', format: 'csv', stdin: failing() })),
    { instanceOf: InputError, message: /reading standard input failed: the line went dead/ }
  )
  t.is((error.cause as Error).message, 'the line went dead')
})

for (const isPacked of [false, true]) {
  const packing = isPacked ? 'gzip' : 'plain'
  test(`reading waits for the consumer and ends with it (${packing})`, async t => {
    const content = isPacked ? gzipSync(LONG_CSV, { level: 0 }) : Buffer.from(LONG_CSV)
    let taken = 0
    let isClosed = false
    async function* counted (): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of inChunks(content, 1000)) {
          taken++
          yield chunk
        }
      } finally {
        isClosed = true
      }
    }
    for await (const row of readRows({ file: '-', format: 'csv', stdin: counted() })) {
      if (row.line < 1000) continue
      await sleep(20)
      break
    }
    t.true(isClosed)
    // All of it is more than a thousand chunks; gunzipping buffers a few dozen kilobytes on each
    // side.
    t.true(taken < 300, `${taken} chunks taken`)
  })
}

test('the format is told from the name of the file', t => {
  t.is(inferFormat('a/b.csv'), 'csv')
  t.is(inferFormat('b.CSV.gz'), 'csv')
  t.is(inferFormat('b.ndjson'), 'ndjson')
  t.is(inferFormat('b.jsonl.gz'), 'ndjson')
  for (const file of ['-', 'b.txt', 'b.gz', 'csv', 'b.json']) {
    t.throws(() => inferFormat(file), { instanceOf: ConfigError, message: /--format/ })
  }
})

const RETAIL = resolve(
  import.meta.dirname,
  '../../../shared/data/online-retail-2010-12_2011-06.csv.gz'
)

test('the online retail data set is read without a problem', async t => {
  if (!existsSync(RETAIL)) {
    t.log('NOT CHECKED: the online retail data set is not beside this checkout')
    t.pass()
    return
  }
  let events = 0
  const problems: string[] = []
  let atMs = { first: Infinity, last: -Infinity }
  for await (const row of readRows({ file: RETAIL, format: inferFormat(RETAIL) })) {
    const event = toEvent(row, { key: 'StockCode', at: 'InvoiceDate' })
    if ('problem' in event) {
      problems.push(`${row.line}: ${event.problem}`)
      continue
    }
    events++
    atMs = { first: Math.min(atMs.first, event.at!), last: Math.max(atMs.last, event.at!) }
  }
  t.deepEqual(problems, [])
  t.is(events, 245_903)
  t.is(new Date(atMs.first).toISOString(), '2010-12-01T08:26:00.000Z')
  t.regex(new Date(atMs.last).toISOString(), /^2011-06-30T/)
})
