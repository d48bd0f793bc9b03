/**
 * Results as NDJSON on standard output: at the pace of their reader, and without a word when the
 * reader has seen enough. `millpond dump | head` closes the pipe early; that is no failure, only
 * the end.
 *
 * Lines are collected into chunks, and each chunk waits for the stream to take the one before it.
 */
import type { Writable } from 'node:stream'
import { MillpondError } from '../engine/errors.js'

const CHUNK_CHARS = 64 * 1024

/** The codes of a write whose reader has gone, at once and from then on. */
const READER_GONE = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END'])

/** The results could not be written: the disk is full, say. */
export class OutputError extends MillpondError {
  constructor (message: string, cause?: unknown) {
    super('OUTPUT_UNWRITABLE', message, { changed: 'no', retryable: false, cause })
  }
}

export class LineWriter {
  readonly #stream: Writable
  #pending: string[] = []
  #pendingChars = 0
  #isOpen = true

  constructor (stream: Writable = process.stdout) {
    this.#stream = stream
    // A failed write also raises this event, and unheard it would end the process with a stack
    // trace. The caller that awaits the write decides what follows.
    stream.on('error', () => {
      this.#isOpen = false
    })
    stream.on('close', () => {
      this.#isOpen = false
    })
  }

  /** Whether anybody still reads. */
  get isOpen (): boolean {
    return this.#isOpen
  }

  /**
   * Adds a value as one line of JSON. It is written when enough have come together, or with
   * `flush`.
   * @returns whether to go on; false when the reader has gone
   * @throws OutputError when the stream fails in any other way
   */
  async write (value: unknown): Promise<boolean> {
    const line = `${JSON.stringify(value)}\n`
    this.#pending.push(line)
    this.#pendingChars += line.length
    return this.#pendingChars < CHUNK_CHARS ? this.#isOpen : this.flush()
  }

  /**
   * Hands everything on and waits until the stream has taken it. Call it before a pause, and at the
   * end. Returns and throws like `write`.
   */
  async flush (): Promise<boolean> {
    const text = this.#pending.join('')
    this.#pending = []
    this.#pendingChars = 0
    if (text === '' || !this.#isOpen) return this.#isOpen
    const error = await new Promise<Error | null | undefined>(resolve => {
      this.#stream.write(text, resolve)
    })
    if (error === null || error === undefined) return this.#isOpen
    this.#isOpen = false
    if ('code' in error && READER_GONE.has(String(error.code))) return false
    throw new OutputError(`writing the output failed: ${error.message}`, error)
  }
}

/**
 * Writes each value as a line and stops asking for more when the reader has gone.
 * @returns how many were handed to the stream
 */
export async function writeNdjson (
  values: AsyncIterable<unknown> | Iterable<unknown>,
  stream?: Writable
): Promise<number> {
  const lines = new LineWriter(stream)
  let count = 0
  for await (const value of values) {
    if (!await lines.write(value)) return count
    count++
  }
  await lines.flush()
  return count
}

/** Sorts by key in the order of the keys' UTF-8 bytes, in place. */
export function sortByKey<T extends { readonly key: string }> (records: T[]): T[] {
  return records.sort((a, b) => compareKeys(a.key, b.key))
}

/**
 * The order of two keys' UTF-8 bytes, which is that of their code points. A plain `<` compares
 * UTF-16 units, where the surrogates of characters above U+FFFF come before U+E000 to U+FFFF.
 */
export function compareKeys (a: string, b: string): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const unitA = a.charCodeAt(i)
    const unitB = b.charCodeAt(i)
    if (unitA !== unitB) return rank(unitA) - rank(unitB)
  }
  return a.length - b.length
}

/** Puts surrogates behind every other unit and keeps the order apart from that. */
function rank (unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
