/**
 * Inputs for the tests of the input side: files that are gone after the test, and inputs in chunks
 * of a given size.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { readRows, type Row, type RowFormat } from '../../../connectors/files/rows.js'

export function writeInput (
  t: ExecutionContext,
  name: string,
  content: string | Uint8Array
): string {
  const directory = mkdtempSync(join(tmpdir(), 'millpond-input-'))
  t.teardown(() => {
    rmSync(directory, { recursive: true })
  })
  const file = join(directory, name)
  writeFileSync(file, content)
  return file
}

/** `content` as a pipe may deliver it. */
export async function* inChunks (
  content: string | Uint8Array,
  chunkBytes = Infinity
): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(content)
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    yield bytes.subarray(start, start + chunkBytes)
  }
}

export async function collect<T> (values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

export function rowsOf (
  format: RowFormat,
  content: string | Uint8Array,
  chunkBytes?: number
): Promise<Row[]> {
  return collect(readRows({ file: '-', format, stdin: inChunks(content, chunkBytes) }))
}

/**
 * A row as `line: value values` or `line: problem`, so that a list of them reads like the input.
 */
export function summary (row: Row): string {
  return `${row.line}: ${
    'problem' in row ? `! ${row.problem}` : Object.values(row.value).map(String).join(' | ')
  }`
}
