/**
 * The rows of an input: a file or standard input, CSV or NDJSON, plain or gzip.
 *
 *   bytes (input.ts) -> physical lines (lines.ts) -> rows (csv-rows.ts, ndjson-rows.ts)
 *
 * Each stage pulls from the one before it, so a slow consumer stops the reading, and memory is
 * bounded by a chunk and one row of the largest size (limits.maxRowBytes), whatever the size of the
 * input.
 */
import { ConfigError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import { csvRows } from './csv-rows.js'
import { inputName, readBytes } from './input.js'
import { readLines } from './lines.js'
import { ndjsonRows } from './ndjson-rows.js'
import type { Row } from './row-types.js'

export type { BadRow, GoodRow, Row } from './row-types.js'

export type RowFormat = 'csv' | 'ndjson'

export interface RowSource {
  /** A path, or '-' for standard input. */
  readonly file: string
  readonly format: RowFormat
  /** Stands in for process.stdin when the file is '-'. */
  readonly stdin?: AsyncIterable<Uint8Array | string>
}

/**
 * @throws ConfigError when the file cannot be opened or a CSV has no usable header; InputError when
 *   the input breaks off or is damaged. Both arrive at the consumer's `for await`, after the rows
 *   that were good.
 */
export function readRows ({ file, format, stdin }: RowSource): AsyncIterable<Row> {
  const lines = readLines(readBytes(file, stdin), limits.maxRowBytes)
  return format === 'csv' ? csvRows(lines, inputName(file)) : ndjsonRows(lines)
}

/**
 * The format a file's name stands for: `.csv`, `.ndjson` or `.jsonl`, each also with `.gz` behind
 * it.
 */
export function inferFormat (file: string): RowFormat {
  const [, ending] = /\.(csv|ndjson|jsonl)(?:\.gz)?$/i.exec(file) ?? []
  if (ending === undefined) {
    throw new ConfigError(
      `cannot tell the format of ${
        inputName(file)
      } from its name; say --format csv or --format ndjson`
    )
  }
  return ending.toLowerCase() === 'csv' ? 'csv' : 'ndjson'
}
