/**
 * NDJSON rows: one object per line, every other line a problem of its own.
 */
import test from 'ava'
import * as fc from 'fast-check'
import { limits } from '../../../engine/limits.js'
import { rowsOf, summary } from './input-files.js'

test('each line is an object with the types it was written with', async t => {
  t.deepEqual(await rowsOf('ndjson', '\ufeff{"a":1,"b":"2"}\r\n\n  \n{"a":null,"b":[true]}'), [
    { line: 1, value: { a: 1, b: '2' } },
    { line: 4, value: { a: null, b: [true] } }
  ])
})

test('a line that is no JSON object is a problem with a reason, and others are read', async t => {
  const latin1 = Buffer.concat([Buffer.from('{"a":1}\n{"a":\n[1]\nnull\n"x"\n7\n'),
    Buffer.from('{"a":"\xa3"}\n', 'latin1'), Buffer.from('{"a":2}\n')])
  const rows = (await rowsOf('ndjson', latin1)).map(summary)
  t.regex(rows[1]!, /^2: ! the line is not valid JSON: ./)
  t.deepEqual(rows.toSpliced(1, 1), [
    '1: 1',
    '3: ! the line holds an array, not an object',
    '4: ! the line holds null, not an object',
    '5: ! the line holds a string, not an object',
    '6: ! the line holds a number, not an object',
    '7: ! the line is not UTF-8',
    '8: 2'
  ])
})

test('a line longer than a row may be is a problem and the next one is read', async t => {
  const rows = await rowsOf(
    'ndjson',
    `{"a":"${'x'.repeat(limits.maxRowBytes)}"}\n{"a":1}\n`,
    65_536
  )
  t.deepEqual(rows.map(summary), [
    `1: ! the line is longer than the ${limits.maxRowBytes} bytes a row may have`,
    '2: 1'
  ])
})

test('rows written as NDJSON are read back the same, however the chunks fall', async t => {
  const value = fc.dictionary(fc.string(), fc.jsonValue())
  await fc.assert(
    fc.asyncProperty(
      fc.array(value),
      fc.integer({ min: 1, max: 50 }),
      async (values, chunkBytes) => {
        const texts = values.map(one => JSON.stringify(one))
        const rows = await rowsOf('ndjson', texts.map(one => `${one}\n`).join(''), chunkBytes)
        t.deepEqual(rows, texts.map((one, i) => ({ line: i + 1, value: JSON.parse(one) })))
      }
    )
  )
})
