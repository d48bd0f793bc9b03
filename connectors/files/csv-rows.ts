/**
 * CSV with a header row. csv-parse, which is imported here and nowhere else, reads the fields; this
 * file decides which lines make up a row, so that one broken row costs as little as possible.
 *
 * A row ends where its quotes balance: in well-formed CSV a quote is either around a field or
 * doubled inside one, so a line with an odd number of quotes opens a row that goes on, and the next
 * such line closes it. Rows found that way are parsed many at a time; when a batch does not parse,
 * its rows are parsed one by one.
 *
 *   wrong column count, not UTF-8   the row's quotes are sound, so the row is a problem as a whole
 *   broken quotes                   there is no telling where the row was meant to end. Its first
 *                                   line is the problem, and reading goes on with the line behind
 *                                   it
 *   a quote that stays open         for limits.maxRowBytes or to the end of the input: the same
 *
 * Two mistakes cannot be recovered. After broken quotes, a line that was meant to be inside a
 * multi-line field is read as a row, which is mostly a problem too but can pass for a good row.
 * Where two rows each miss a quote, the text between them may read as one long well-formed row.
 * Blank lines are passed over. Fields are separated by commas, rows by `\n` or `\r\n`.
 */
import { isUtf8 } from 'node:buffer'
import { CsvError, parse } from 'csv-parse/sync'
import { ConfigError } from '../../engine/errors.js'
import { limits } from '../../engine/limits.js'
import type { Line } from './lines.js'
import type { Row } from './row-types.js'

const QUOTE = 0x22

/** The lines [from, to) of the queue make up a row, unless `broken` says why they do not. */
interface Frame {
  readonly from: number
  readonly to: number
  readonly broken?: string
}

export async function* csvRows (
  lines: AsyncIterable<readonly Line[]>,
  name: string,
  maxRowBytes: number = limits.maxRowBytes
): AsyncGenerator<Row> {
  const reader = new CsvReader(name, maxRowBytes)
  for await (const some of lines) yield* reader.read(some, false)
  yield* reader.read([], true)
  reader.assertHeader()
}

class CsvReader {
  readonly #name: string
  readonly #maxRowBytes: number
  #columns: readonly string[] | undefined
  /** Lines not handed out yet: those of a row whose quotes are still open. */
  #queue: readonly Line[] = []

  constructor (name: string, maxRowBytes: number) {
    this.#name = name
    this.#maxRowBytes = maxRowBytes
  }

  assertHeader (): void {
    if (this.#columns === undefined) {
      throw new ConfigError(
        `${this.#name} is empty: a CSV needs a header row with the names of its columns`
      )
    }
  }

  *read (lines: readonly Line[], atEnd: boolean): Generator<Row> {
    this.#queue = this.#queue.concat(lines)
    let next = 0
    // After a broken row, batches start small again: where one quote is missing more tend to be,
    // and each of them costs the framing of its whole batch.
    let maxFrames = Infinity
    while (true) {
      const frames = this.#cut(next, atEnd, this.#columns === undefined ? 1 : maxFrames)
      const first = frames[0]
      if (first === undefined) break
      if (this.#columns === undefined) {
        this.#columns = this.#header(first)
        next = first.to
        continue
      }
      const batch = this.#parseAll(frames)
      if (batch !== undefined) {
        for (let i = 0; i < frames.length; i++) yield this.#row(frames[i]!, batch[i]!)
        next = frames.at(-1)!.to
        maxFrames *= 2
        continue
      }
      for (const frame of frames) {
        const { row, to } = this.#parseOne(frame)
        yield row
        next = to
        // The frames behind this one were cut in the belief that its quotes are sound.
        if (to < frame.to) break
      }
      maxFrames = 1
    }
    this.#queue = this.#queue.slice(next)
  }

  /** Frames from `start` on: sound ones, or a single broken one. */
  #cut (start: number, atEnd: boolean, maxFrames: number): Frame[] {
    const queue = this.#queue
    const frames: Frame[] = []
    let from = start
    let openBytes = 0
    let broken: string | undefined
    for (let i = start; i < queue.length && frames.length < maxFrames; i++) {
      const bytes = queue[i]!.bytes
      const isOpen = openBytes > 0
      if (bytes === undefined || openBytes + bytes.length > this.#maxRowBytes) {
        broken = `${
          isOpen ? 'a quote stays open for more' : 'the line is longer'
        } than the ${this.#maxRowBytes} bytes a row may have`
        break
      }
      if (isOpen !== hasOddQuotes(bytes)) {
        openBytes += bytes.length
        continue
      }
      if (isOpen || !isBlank(bytes)) frames.push({ from, to: i + 1 })
      from = i + 1
      openBytes = 0
    }
    if (frames.length > 0) return frames
    if (openBytes > 0 && atEnd) broken ??= 'a quote stays open to the end of the input'
    return broken === undefined ? [] : [{ from, to: queue.length, broken }]
  }

  /** The fields of each frame, or undefined when any of them needs a look of its own. */
  #parseAll (frames: readonly Frame[]): string[][] | undefined {
    if (frames[0]!.broken !== undefined) return undefined
    const bytes = this.#bytes(frames[0]!.from, frames.at(-1)!.to)
    const records = isUtf8(bytes) ? parseRecords(bytes) : []
    return typeof records !== 'string' && records.length === frames.length ? records : undefined
  }

  /** The row of a frame, and the line to go on with: the second one when its quotes are broken. */
  #parseOne (frame: Frame): { row: Row, to: number } {
    const line = this.#queue[frame.from]!.line
    if (frame.broken !== undefined) {
      return { row: { line, problem: frame.broken }, to: frame.from + 1 }
    }
    const bytes = this.#bytes(frame.from, frame.to)
    if (!isUtf8(bytes)) return { row: { line, problem: 'the row is not UTF-8' }, to: frame.to }
    const records = parseRecords(bytes)
    if (typeof records === 'string') return { row: { line, problem: records }, to: frame.from + 1 }
    // Its quotes balance, so it is one record; should csv-parse ever think otherwise, nothing of
    // the row may be lost silently.
    const [record, ...more] = records
    if (record === undefined || more.length > 0) {
      return { row: { line, problem: 'broken quotes' }, to: frame.from + 1 }
    }
    return { row: this.#row(frame, record), to: frame.to }
  }

  #row (frame: Frame, fields: readonly string[]): Row {
    const columns = this.#columns!
    const line = this.#queue[frame.from]!.line
    if (fields.length !== columns.length) {
      return {
        line,
        problem: `the row has ${fields.length} ${
          fields.length === 1 ? 'column' : 'columns'
        }, the header has ${columns.length}`
      }
    }
    const value: Record<string, string> = {}
    for (let i = 0; i < columns.length; i++) value[columns[i]!] = fields[i]!
    return { line, value, columns }
  }

  #header (frame: Frame): readonly string[] {
    const bytes = frame.broken === undefined ? this.#bytes(frame.from, frame.to) : Buffer.alloc(0)
    const records = frame.broken ?? (isUtf8(bytes) ? parseRecords(bytes) : 'it is not UTF-8')
    if (typeof records === 'string') {
      throw new ConfigError(`the header row of ${this.#name} cannot be read: ${records}`)
    }
    const columns = records[0]!
    const twice = columns.find((column, i) => columns.indexOf(column) !== i)
    if (twice !== undefined) throw new ConfigError(`${this.#name} has two columns named '${twice}'`)
    if (columns.some(column => /\r(?!\n)/.test(column))) {
      throw new ConfigError(
        `the lines of ${this.#name} seem to end in a lone carriage return; convert them to line ` +
          'feeds'
      )
    }
    // An object cannot have this name as an ordinary property, and no record may have it as a
    // field.
    if (columns.includes('__proto__')) {
      throw new ConfigError(`${this.#name} has a column named '__proto__', which cannot be a field`)
    }
    return columns
  }

  #bytes (from: number, to: number): Buffer {
    if (to - from === 1) return this.#queue[from]!.bytes!
    return Buffer.concat(this.#queue.slice(from, to).map(({ bytes }) => bytes!))
  }
}

/**
 * The mistakes csv-parse can find in the quotes of whole rows, in words of our own: its messages
 * quote the field, however long.
 */
const BROKEN_QUOTES: { readonly [code: string]: string } = {
  INVALID_OPENING_QUOTE: 'a quote inside a field that is not quoted',
  CSV_INVALID_CLOSING_QUOTE: 'text between a closing quote and the end of its field',
  CSV_QUOTE_NOT_CLOSED: 'a quote stays open'
}

/** The records in these bytes, or what is wrong with their quotes. */
function parseRecords (bytes: Buffer): string[][] | string {
  try {
    // Column counts are checked per row, so that a wrong one does not cost the batch.
    return parse(bytes, {
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true
    })
  } catch (error) {
    const broken = error instanceof CsvError ? BROKEN_QUOTES[error.code] : undefined
    if (broken === undefined) throw error
    return broken
  }
}

function hasOddQuotes (bytes: Buffer): boolean {
  let odd = false
  for (let at = bytes.indexOf(QUOTE); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) odd = !odd
  return odd
}

function isBlank (bytes: Buffer): boolean {
  const [first, second] = bytes
  return bytes.length === 0 || first === 0x0a ||
    (first === 0x0d && (bytes.length === 1 || second === 0x0a))
}
