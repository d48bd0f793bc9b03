/**
 * NDJSON: one JSON object per line. Blank lines are passed over; every other line that is not an
 * object is a problem of its own line and of no other, since a JSON text cannot contain a line end.
 */
import { isUtf8 } from 'node:buffer'
import { limits } from '../../engine/limits.js'
import type { Line } from './lines.js'
import type { GoodRow, Row } from './row-types.js'

export async function* ndjsonRows (
  lines: AsyncIterable<readonly Line[]>,
  maxRowBytes: number = limits.maxRowBytes
): AsyncGenerator<Row> {
  for await (const some of lines) {
    for (const line of some) {
      const row = parseLine(line, maxRowBytes)
      if (row !== undefined) yield row
    }
  }
}

function parseLine ({ line, bytes }: Line, maxRowBytes: number): Row | undefined {
  if (bytes === undefined) {
    return { line, problem: `the line is longer than the ${maxRowBytes} bytes a row may have` }
  }
  // Decoding would put replacement characters where the bytes are wrong, and the damage would pass
  // for text.
  if (!isUtf8(bytes)) return { line, problem: 'the line is not UTF-8' }
  const text = bytes.toString('utf8').trim()
  if (text === '') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { line, problem: `the line is not valid JSON: ${(error as Error).message}` }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {
      line,
      problem: `the line holds ${
        value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
      }, not an object`
    }
  }
  return { line, value: value as GoodRow['value'] }
}
