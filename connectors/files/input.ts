/**
 * The bytes of an input file or of standard input, gunzipped when they are gzip.
 *
 * gzip is recognised by its first two bytes, so it works for a pipe and for a file without `.gz` as
 * well; a file that is named `.gz` and is not gzip is refused, because its text would be a
 * surprise. Reading is pulled by the consumer: nothing is read ahead but one chunk, and leaving the
 * loop closes the file.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { ConfigError, MillpondError } from '../../engine/errors.js'

const CHUNK_BYTES = 64 * 1024
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

/** The input broke off or is damaged. Rows before that point were handed out already. */
export class InputError extends MillpondError {
  constructor (message: string, cause?: unknown) {
    super('INPUT_UNREADABLE', message, { changed: 'maybe', retryable: false, cause })
  }
}

/** How an input is called in messages. */
export function inputName (file: string): string {
  return file === '-' ? 'standard input' : file
}

/**
 * @param file a path, or '-' for standard input
 * @throws ConfigError when the file cannot be opened; InputError when reading it fails, or its gzip
 *   data is cut off or damaged
 */
export async function* readBytes (
  file: string,
  stdin: AsyncIterable<Uint8Array | string> = process.stdin
): AsyncGenerator<Buffer> {
  const source = file === '-' ? stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES })
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string>
  try {
    const head = await readHead(chunks, file)
    if (head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) {
      yield* gunzipped(rest(head, chunks, file), file)
    } else if (/\.gz$/i.test(file)) {
      throw new InputError(`${file} is named .gz but does not hold gzip data`)
    } else {
      yield* rest(head, chunks, file)
    }
  } finally {
    await chunks.return?.()
  }
}

/** Enough bytes to recognise gzip by: a pipe may deliver them one at a time. */
async function readHead (
  chunks: AsyncIterator<Uint8Array | string>,
  file: string
): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0)
  while (head.length < GZIP_MAGIC.length) {
    const chunk = await pull(chunks, file)
    if (chunk === undefined) break
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
  }
  return head
}

async function* rest (
  head: Buffer,
  chunks: AsyncIterator<Uint8Array | string>,
  file: string
): AsyncGenerator<Buffer> {
  for (
    let chunk: Buffer | undefined = head;
    chunk !== undefined;
    chunk = await pull(chunks, file)
  ) yield chunk
}

async function pull (
  chunks: AsyncIterator<Uint8Array | string>,
  file: string
): Promise<Buffer | undefined> {
  try {
    const next = await chunks.next()
    if (next.done === true) return undefined
    const chunk = next.value
    return typeof chunk === 'string'
      ? Buffer.from(chunk)
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    // Only opening has these: the mistake is in the argument, and nothing was read yet.
    if (/^E(NOENT|ACCES|PERM|ISDIR|NOTDIR|LOOP|NAMETOOLONG)$/.test(codeOf(error))) {
      throw new ConfigError(`cannot read ${inputName(file)}: ${reason}`, error)
    }
    throw new InputError(`reading ${inputName(file)} failed: ${reason}`, error)
  }
}

async function* gunzipped (chunks: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  // A failure of either end destroys the gunzip with it, and the loop below throws it.
  pipeline(chunks, gunzip, () => {})
  let bytes = 0
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length
      yield chunk
    }
  } catch (error) {
    if (codeOf(error) === 'Z_BUF_ERROR') {
      throw new InputError(
        `the gzip data of ${
          inputName(file)
        } is cut off after ${bytes} uncompressed bytes; is the file complete?`,
        error
      )
    }
    if (codeOf(error).startsWith('Z_')) {
      throw new InputError(
        `the gzip data of ${inputName(file)} is damaged after ${bytes} uncompressed bytes: ${
          (error as Error).message
        }`,
        error
      )
    }
    throw error
  } finally {
    gunzip.destroy()
  }
}

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : ''
}
