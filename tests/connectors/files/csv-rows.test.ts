/**
 * CSV rows: what is read, what is a problem, and that a problem costs its own row and as few others
 * as can be.
 */
import test from 'ava'
import * as fc from 'fast-check'
import { csvRows } from '../../../connectors/files/csv-rows.js'
import { readLines } from '../../../connectors/files/lines.js'
import { ConfigError } from '../../../engine/errors.js'
import { limits } from '../../../engine/limits.js'
import { collect, inChunks, rowsOf, summary } from './input-files.js'

function quoted (field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}

async function csv (content: string | Uint8Array, chunkBytes?: number): Promise<string[]> {
  return (await rowsOf('csv', content, chunkBytes)).map(summary)
}

test('a row has its columns by name, as text, and the line it starts on', async t => {
  t.deepEqual(await rowsOf('csv', 'sku,price\nA1,2.50\n'), [
    { line: 2, value: { sku: 'A1', price: '2.50' }, columns: ['sku', 'price'] }
  ])
})

test('a byte order mark, CRs, blank lines and a missing last line end do no harm', async t => {
  t.deepEqual(await csv('\ufeffa,b\r\n1,2\r\n\r\n3,4\n\n5,6'), ['2: 1 | 2', '4: 3 | 4', '6: 5 | 6'])
})

test('quoted fields keep commas, quotes and line ends, and lines go on counting', async t => {
  t.deepEqual(await csv('a,b\n"x,\r\ny","say ""hi"""\n"",z\n1,2\n'), ['2: x,\r\ny | say "hi"',
    '4:  | z', '5: 1 | 2'])
})

test('a row of too few or too many columns is a problem, and the others are read', async t => {
  t.deepEqual(await csv('a,b\n1,2\n3\n4,5,6\n"7\n7",7,7\n8,9\n'), [
    '2: 1 | 2',
    '3: ! the row has 1 column, the header has 2',
    '4: ! the row has 3 columns, the header has 2',
    '5: ! the row has 3 columns, the header has 2',
    '7: 8 | 9'
  ])
})

test('broken quotes cost one line', async t => {
  t.deepEqual(await csv('a,b\n1,2\n5" pipe,3\n4,5\n"x"y,6\n7,8\n9,"open\n10,11\n'), [
    '2: 1 | 2',
    '3: ! a quote inside a field that is not quoted',
    '4: 4 | 5',
    '5: ! text between a closing quote and the end of its field',
    '6: 7 | 8',
    '7: ! a quote stays open to the end of the input',
    '8: 10 | 11'
  ])
})

test('a quote that stays open is given up after the bytes a row may have', async t => {
  const good = Array.from({ length: 100 }, (_, i) => `${i},x\n`)
  const rows = await collect(
    csvRows(readLines(inChunks(`a,b\n"open,1\n${good.join('')}2,"fine"\n`, 30), 200), 'test', 200)
  )
  t.is(summary(rows[0]!), '2: ! a quote stays open for more than the 200 bytes a row may have')
  t.deepEqual(rows.slice(1).map(summary), [
    ...good.map((row, i) => `${i + 3}: ${row.trim().replace(',', ' | ')}`),
    '103: 2 | fine'
  ])
})

test('a row longer than a row may be is a problem and the next one is read', async t => {
  const rows = await csv(`a,b\n${'x'.repeat(limits.maxRowBytes)},1\n2,3\n`)
  t.deepEqual(rows, [`2: ! the line is longer than the ${limits.maxRowBytes} bytes a row may have`,
    '3: 2 | 3'])
})

test('text that is not UTF-8 is a problem instead of being bent', async t => {
  const latin1 = Buffer.from('a,b\n1,2\n\xa35,3\n4,5\n', 'latin1')
  t.deepEqual(await csv(latin1), ['2: 1 | 2', '3: ! the row is not UTF-8', '4: 4 | 5'])
})

test('each of many stray quotes costs its own line and no other', async t => {
  const rows = await csv(`a,b\n${'5" pipe,1\n2,3\n'.repeat(5000)}`)
  t.is(rows.filter(row => row.includes('!')).length, 5000)
  t.is(rows.filter(row => row.endsWith('2 | 3')).length, 5000)
})

test('a header that cannot be used is an error that says why', async t => {
  const refused: [content: string | Uint8Array, message: RegExp][] = [
    ['', /standard input is empty: a CSV needs a header row/],
    ['\n\n', /is empty/],
    ['a,b"c"\n1,2\n', /header row of standard input cannot be read: a quote inside/],
    ['a,"b\n1,2\n', /header row of standard input cannot be read: a quote stays open/],
    ['a,b,a\n1,2,3\n', /two columns named 'a'/],
    ['a,__proto__\n1,2\n', /__proto__/],
    ['a,b\r1,2\r', /lone carriage return/],
    [Buffer.from('\ufeffa,b\n', 'utf16le'), /not UTF-8/],
    [Buffer.from('caf\xe9,b\n', 'latin1'), /not UTF-8/]
  ]
  for (const [content, message] of refused) {
    await t.throwsAsync(csv(content), { instanceOf: ConfigError, message }, JSON.stringify(content))
  }
})

test('rows written as CSV are read back the same, however the chunks fall', async t => {
  const text = fc.string({
    unit: fc.constantFrom('a', ',', '"', '\n', '\r\n', 'ß', '😀', ' '),
    maxLength: 6
  })
  const table = fc.array(fc.tuple(text, text), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(table, fc.integer({ min: 1, max: 40 }), async (rows, chunkBytes) => {
      // The first field is never empty, so that no line is blank.
      const content = `a,b\n${rows.map(([a, b]) => `${quoted(`.${a}`)},${quoted(b)}\n`).join('')}`
      const read = await rowsOf('csv', content, chunkBytes)
      t.deepEqual(
        read.map(row => 'value' in row ? row.value : row),
        rows.map(([a, b]) => ({ a: `.${a}`, b }))
      )
      let line = 2
      for (const [i, row] of rows.entries()) {
        t.is(read[i]!.line, line)
        line += row.join('').split('\n').length
      }
    })
  )
})

test('any text at all is read to its end, and alike however the chunks fall', async t => {
  const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', 'é'), maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 20 }), async (body, chunkBytes) => {
      const content = `a,b\n${body}`
      const whole = await csv(content)
      t.deepEqual(await csv(content, chunkBytes), whole)
      const lines = whole.map(row => Number(row.split(':')[0]))
      t.deepEqual(lines, [...new Set(lines)].sort((a, b) => a - b))
    }),
    { numRuns: 1000 }
  )
})
