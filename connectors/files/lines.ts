/**
 * Cuts bytes into physical lines, numbered from 1, without ever holding more of one line than a
 * bound.
 *
 * A line keeps its line end (`\n` or `\r\n`), because inside a quoted CSV field it is data; the
 * last one may have none. A lone `\r` does not end a line. Lines come in arrays, one per chunk that
 * completed any: awaiting each by itself would cost more than the cutting.
 */
const NEWLINE = 0x0a
const BOM = Buffer.from([0xef, 0xbb, 0xbf])

export interface Line {
  readonly line: number
  /** undefined: the line is longer than the bound and was thrown away. */
  readonly bytes: Buffer | undefined
}

/** A byte order mark in front of the first line is dropped. */
export async function* readLines (
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number
): AsyncGenerator<Line[]> {
  let line = 0
  /**
   * The pieces of a line that began in an earlier chunk; emptied, but still counted, once it is too
   * long.
   */
  let pieces: Buffer[] = []
  let piecesBytes = 0

  const finish = (tail: Buffer): Line => {
    const lineBytes = piecesBytes + tail.length
    const bytes = lineBytes > maxLineBytes
      ? undefined
      : pieces.length === 0
      ? tail
      : Buffer.concat([...pieces, tail])
    pieces = []
    piecesBytes = 0
    line++
    return { line, bytes: line === 1 && bytes !== undefined ? withoutBom(bytes) : bytes }
  }

  for await (const chunk of chunks) {
    const lines: Line[] = []
    let start = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
      lines.push(finish(chunk.subarray(start, at + 1)))
      start = at + 1
    }
    if (start < chunk.length) {
      piecesBytes += chunk.length - start
      if (piecesBytes > maxLineBytes) pieces = []
      else pieces.push(chunk.subarray(start))
    }
    if (lines.length > 0) yield lines
  }
  if (piecesBytes > 0) yield [finish(Buffer.alloc(0))]
}

function withoutBom (bytes: Buffer): Buffer {
  return bytes.subarray(0, BOM.length).equals(BOM) ? bytes.subarray(BOM.length) : bytes
}
