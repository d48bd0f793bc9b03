/**
 * Rows as events: the key, the event time, which columns become fields, and when text becomes a
 * number.
 */
import { limits } from '../../../engine/limits.js'
import test from 'ava'
import * as fc from 'fast-check'
import { parseEventTime } from '../../../connectors/files/event-time.js'
import { toEvent, toFieldValue } from '../../../connectors/files/row-events.js'
import type { GoodRow } from '../../../connectors/files/rows.js'
import { ConfigError } from '../../../engine/errors.js'
import { checkFields } from '../../../engine/base/values.js'

function csvRow (value: Record<string, string>): GoodRow {
  return { line: 2, value, columns: Object.keys(value) }
}

function jsonRow (text: string): GoodRow {
  return { line: 1, value: JSON.parse(text) }
}

const SALE = csvRow({ id: '007', time: '2010-12-01 08:26:00', price: '2.50', note: '' })

test('all columns but the key are fields, the one with the event time too', t => {
  t.deepEqual(toEvent(SALE, { key: 'id' }), {
    key: '007',
    fields: { time: '2010-12-01 08:26:00', price: 2.5, note: '' }
  })
  t.deepEqual(toEvent(SALE, { key: 'id', at: 'time' }), {
    key: '007',
    fields: { time: '2010-12-01 08:26:00', price: 2.5, note: '' },
    at: Date.UTC(2010, 11, 1, 8, 26)
  })
})

test('only the columns asked for are fields, and the key can be one of them', t => {
  t.deepEqual(toEvent(SALE, { key: 'id', at: 'time', fields: ['price', 'id'] }), {
    key: '007',
    fields: { price: 2.5, id: '007' },
    at: Date.UTC(2010, 11, 1, 8, 26)
  })
})

test('a column that a CSV does not have is a configuration error that lists those it has', t => {
  for (
    const columns of [{ key: 'sku' }, { key: 'id', at: 'sku' }, {
      key: 'id',
      fields: ['price', 'sku']
    }]
  ) {
    t.throws(() => toEvent(SALE, columns), {
      instanceOf: ConfigError,
      message: `there is no column 'sku'; the columns are id, time, price, note`
    })
  }
})

test('a CSV column without a name must be left out by name', t => {
  const row = csvRow({ '': '1', id: 'a', price: '2' })
  t.throws(() => toEvent(row, { key: 'id' }), { instanceOf: ConfigError, message: /has no name/ })
  t.deepEqual(toEvent(row, { key: 'id', fields: ['price'] }), { key: 'a', fields: { price: 2 } })
})

test('a row without a usable key is a problem', t => {
  const problems: [row: GoodRow, problem: string][] = [
    [csvRow({ id: '', a: '1' }), `there is no key in column 'id'`],
    [jsonRow('{"a":1}'), `there is no key in column 'id'`],
    [jsonRow('{"id":null,"a":1}'), `there is no key in column 'id'`],
    [jsonRow('{"id":"","a":1}'), `there is no key in column 'id'`],
    [jsonRow('{"id":["x"],"a":1}'), `the key in column 'id' is neither text nor a number: ["x"]`],
    [jsonRow('{"id":true,"a":1}'), `the key in column 'id' is neither text nor a number: true`],
    [jsonRow('{"id":12345678901234567890,"a":1}'),
      `the key in column 'id' is too large for a number; write it as a string`]
  ]
  for (const [row, problem] of problems) t.deepEqual(toEvent(row, { key: 'id' }), { problem })
})

test('a key is always text, as it stood in the file', t => {
  t.like(toEvent(csvRow({ id: '17850.0', a: '1' }), { key: 'id' }), { key: '17850.0' })
  t.like(toEvent(jsonRow('{"id":17850,"a":1}'), { key: 'id' }), { key: '17850' })
})

test('a row with nothing to write is a problem', t => {
  t.deepEqual(toEvent(csvRow({ id: '1' }), { key: 'id' }), {
    problem: 'there is nothing in the row but its key'
  })
  t.deepEqual(toEvent(jsonRow('{"id":1,"c":2}'), { key: 'id', fields: ['a', 'b'] }), {
    problem: 'the row has none of the columns a, b'
  })
})

test('an NDJSON row has those of the columns that it has, with their own types', t => {
  t.deepEqual(
    toEvent(jsonRow('{"id":"x","a":"2.5","b":null,"d":[1]}'), {
      key: 'id',
      fields: ['a', 'b', 'c']
    }),
    { key: 'x', fields: { a: '2.5', b: null } }
  )
})

test('a row without a usable event time is a problem', t => {
  const columns = { key: 'id', at: 'time' }
  for (
    const row of [csvRow({ id: '1', time: '' }), jsonRow('{"id":"1"  ,"a":1}'),
      jsonRow('{"id":"1","time":null}')]
  ) {
    t.deepEqual(toEvent(row, columns), { problem: `there is no event time in column 'time'` })
  }
  t.deepEqual(toEvent(csvRow({ id: '1', time: 'yesterday' }), columns), {
    problem: `column 'time' is not an event time: "yesterday"`
  })
  t.deepEqual(toEvent(jsonRow(`{"id":"1","time":"${'x'.repeat(500)}"}`), columns), {
    problem: `column 'time' is not an event time: "${'x'.repeat(39)}...`
  })
})

test('a row that is a problem stays that problem', t => {
  t.deepEqual(toEvent({ line: 3, problem: 'broken' }, { key: 'id' }), { problem: 'broken' })
})

test('a field that would be a prototype is left for the cache to refuse', t => {
  const event = toEvent(jsonRow('{"id":"x","__proto__":{"a":1}}'), { key: 'id' })
  t.throws(() => checkFields((event as { fields: unknown }).fields, limits), {
    message: /__proto__/
  })
})

test('text becomes a number when it is a plain decimal, and stays text otherwise', t => {
  const numbers: [text: string, number: number][] = [
    ['0', 0],
    ['7', 7],
    ['-7', -7],
    ['2.55', 2.55],
    ['2.50', 2.5],
    ['17850.0', 17850],
    ['0.5', 0.5],
    ['-0', 0],
    ['-0.00', 0],
    ['9007199254740991', 9007199254740991],
    ['0.3333333333333333', 0.3333333333333333]
  ]
  for (const [text, number] of numbers) t.is(toFieldValue(text), number)
  const texts = ['', ' ', '007', '00.5', '+1', '1e3', '.5', '5.', '1,000', '0x10', '- 1', ' 1',
    '1\n', 'NaN', 'Infinity', 'true', 'null', '9007199254740992', '12345678901234567890', '١']
  for (const text of texts) t.is(toFieldValue(text), text)
})

test('every finite number that prints as a plain decimal is read back the same', t => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, min: -1e15, max: 1e15 }).map(number => number + 0),
      number => {
        const text = String(number)
        fc.pre(!text.includes('e'))
        t.is(toFieldValue(text), number)
      }
    )
  )
})

test('event times are ISO 8601, UTC unless they say otherwise', t => {
  const times: [text: string, iso: string][] = [
    ['2010-12-01T08:26:00Z', '2010-12-01T08:26:00.000Z'],
    ['2010-12-01T08:26:00z', '2010-12-01T08:26:00.000Z'],
    ['2010-12-01T08:26:00', '2010-12-01T08:26:00.000Z'],
    ['2010-12-01 08:26:00', '2010-12-01T08:26:00.000Z'],
    [' 2010-12-01 08:26 ', '2010-12-01T08:26:00.000Z'],
    ['2010-12-01', '2010-12-01T00:00:00.000Z'],
    ['2010-12-01T08:26:00.5', '2010-12-01T08:26:00.500Z'],
    ['2010-12-01 08:26:00,123999', '2010-12-01T08:26:00.123Z'],
    ['2010-12-01T08:26:00+01:30', '2010-12-01T06:56:00.000Z'],
    ['2010-12-01T08:26:00-0800', '2010-12-01T16:26:00.000Z'],
    ['2012-02-29', '2012-02-29T00:00:00.000Z']
  ]
  for (const [text, iso] of times) t.is(parseEventTime(text), Date.parse(iso), text)
})

test('event times are epoch seconds below 1e11 and epoch milliseconds from there on', t => {
  const times: [value: string | number, ms: number][] = [
    [0, 0],
    ['0', 0],
    [1291191960, 1291191960000],
    ['1291191960', 1291191960000],
    ['1291191960.25', 1291191960250],
    [1291191960123, 1291191960123],
    ['1291191960123', 1291191960123],
    [1291191960123.4, 1291191960123],
    [99_999_999_999, 99_999_999_999_000],
    [100_000_000_000, 100_000_000_000]
  ]
  for (const [value, ms] of times) t.is(parseEventTime(value), ms, String(value))
})

test('a value that is no time, or outside the years 1970 to 9999, is no event time', t => {
  const refused = [
    '',
    'now',
    '2010-13-01',
    '2010-00-01',
    '2010-02-30',
    '2011-02-29',
    '2010-12-01T24:00:00',
    '2010-12-01T08:60',
    '2010-12-01T08:26:60',
    '2010-12-01T08',
    '2010-12-01Z',
    '2010-12-01T08:26+25:00',
    '01/12/2010',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00+01:00',
    '0010-12-01',
    '-1',
    '1e3',
    '1291191960123456',
    1291191960123456,
    -1,
    NaN,
    Infinity,
    true,
    null,
    undefined,
    {},
    ['2010-12-01']
  ]
  for (const value of refused) t.is(parseEventTime(value), undefined, String(value))
})

test('every instant that a Date prints is read back the same', t => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
      date => {
        t.is(parseEventTime(date.toISOString()), date.getTime())
      }
    )
  )
})
