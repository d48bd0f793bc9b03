/**
 * Updates: the wire and disk form of a shard's log, in Yjs's update format V1.
 *
 * The encoding is canonical. Per incarnation (descending ids) there is one run of consecutive
 * clocks: live entries as ContentAny, superseded ones as ContentDeleted, each struct's origin the
 * previous clock of the same incarnation, all below one root named `log`, and an empty delete set.
 * Two replicas with equal state vectors encode to the same bytes, and any Yjs document can apply
 * them.
 *
 * The decoder accepts exactly this form. Yjs's own decoder never sees bytes from outside: a few
 * forged bytes can block a client id for ever, delete foreign content or cost seconds. Here a
 * malformed update is refused before anything is changed, and the work is bounded by the length of
 * the input.
 */
import { createDecoder, createEncoder, hasContent, readUint8, readVarString, readVarUint,
  readVarUint8Array, toUint8Array, writeUint8, writeVarString, writeVarUint, writeVarUint8Array,
  type ByteReader, type ByteWriter } from '../base/varint.js'
import { isIncarnation } from '../base/shapes.js'
import type { Entry } from '../record/entry.js'
import { decodeEntry, encodeEntry } from '../record/entry-codec.js'
import { UpdateRefusedError } from '../errors.js'
import type { Run } from './run.js'
import type { Limits } from '../limits.js'

export const ROOT = 'log'
const CONTENT_DELETED = 1
const CONTENT_ANY = 8
const HAS_ORIGIN = 0x80
const ANY_BYTES = 116
const MAX_CLOCK = 2 ** 48

/**
 * Encodes runs; those of one incarnation must be neighbours, in clock order and without gaps
 * between them.
 */
export function encodeUpdate (runs: readonly Run[]): Uint8Array {
  const writer = createEncoder()
  const spans: Run[][] = []
  for (const run of runs) {
    const span = spans[spans.length - 1]
    if (span !== undefined && span[0]?.incarnation === run.incarnation) span.push(run)
    else spans.push([run])
  }
  if (spans.length > 1) spans.sort((a, b) => (b[0] as Run).incarnation - (a[0] as Run).incarnation)
  writeVarUint(writer, spans.length)
  for (const span of spans) {
    const { incarnation, clock } = span[0] as Run
    writeVarUint(writer, span.length)
    writeVarUint(writer, incarnation)
    writeVarUint(writer, clock)
    for (const run of span) writeRun(writer, run)
  }
  writeVarUint(writer, 0) // no delete set, ever
  return toUint8Array(writer)
}

function writeRun (writer: ByteWriter, { incarnation, clock, length, entries }: Run): void {
  writeUint8(
    writer,
    (entries === null ? CONTENT_DELETED : CONTENT_ANY) | (clock > 0 ? HAS_ORIGIN : 0)
  )
  if (clock > 0) {
    writeVarUint(writer, incarnation)
    writeVarUint(writer, clock - 1)
  } else {
    writeVarUint(writer, 1) // the parent is a root type, named:
    writeVarString(writer, ROOT)
  }
  writeVarUint(writer, length)
  if (entries === null) return
  for (const entry of entries) {
    writeUint8(writer, ANY_BYTES)
    writeVarUint8Array(writer, encodeEntry(entry))
  }
}

/**
 * The runs of an update, in order.
 * @throws UpdateRefusedError when the bytes are not canonical in form
 */
export function decodeUpdate (bytes: Uint8Array, limits: Limits): Run[] {
  if (bytes.length > limits.maxUpdateBytes) {
    throw new UpdateRefusedError(
      'too-large',
      `${bytes.length} bytes, at most ${limits.maxUpdateBytes} are allowed`
    )
  }
  const reader = createDecoder(bytes)
  try {
    const runs = readSpans(reader, bytes.length, limits)
    if (readVarUint(reader) !== 0) throw refused('delete-set', 'it carries a delete set')
    if (hasContent(reader)) throw refused('trailing-bytes', 'bytes follow its end')
    return runs
  } catch (error) {
    throw error instanceof UpdateRefusedError
      ? error
      : new UpdateRefusedError('malformed', error instanceof Error ? error.message : String(error))
  }
}

function readSpans (reader: ByteReader, bytes: number, limits: Limits): Run[] {
  const runs: Run[] = []
  const count = readVarUint(reader)
  if (count > limits.maxIncarnationsPerShard) {
    throw refused('too-many-incarnations', `${count} incarnations`)
  }
  let previous = Infinity
  for (let i = 0; i < count; i++) {
    const structs = readVarUint(reader)
    const incarnation = readVarUint(reader)
    let clock = readVarUint(reader)
    if (structs === 0 || structs > bytes / 2 || runs.length + structs > limits.maxRunsPerUpdate) {
      throw refused('struct-count', `${structs} structs in ${bytes} bytes`)
    }
    if (incarnation >= previous || !isIncarnation(incarnation)) {
      throw refused('incarnation', `incarnation ${incarnation} behind ${previous}`)
    }
    previous = incarnation
    for (let s = 0; s < structs; s++) {
      const run = readRun(reader, incarnation, clock, limits)
      clock += run.length
      if (clock > MAX_CLOCK) throw refused('clock', `clock ${clock}`)
      runs.push(run)
    }
  }
  return runs
}

function readRun (
  reader: ByteReader,
  incarnation: number,
  clock: number,
  limits: Limits
): Run {
  const info = readUint8(reader)
  const content = info & ~HAS_ORIGIN
  if (content !== CONTENT_ANY && content !== CONTENT_DELETED) {
    throw refused('content', `struct of kind ${info}`)
  }
  if ((info & HAS_ORIGIN) !== (clock > 0 ? HAS_ORIGIN : 0)) {
    throw refused('origin', `origin flag at clock ${clock}`)
  }
  if (clock > 0) {
    if (readVarUint(reader) !== incarnation || readVarUint(reader) !== clock - 1) {
      throw refused('origin', `foreign origin at clock ${clock}`)
    }
  } else if (readVarUint(reader) !== 1 || readVarString(reader) !== ROOT) {
    throw refused('root', 'foreign root type')
  }
  const length = readVarUint(reader)
  if (length === 0) throw refused('length', 'empty struct')
  if (content === CONTENT_DELETED) return { incarnation, clock, length, entries: null }
  if (length > reader.arr.length - reader.pos) {
    throw refused('length', `${length} entries in ${reader.arr.length - reader.pos} bytes`)
  }
  const entries: Entry[] = []
  for (let i = 0; i < length; i++) {
    if (readUint8(reader) !== ANY_BYTES) throw refused('entry', `entry ${clock + i} is not bytes`)
    const entry = decodeEntry(readVarUint8Array(reader), incarnation, clock + i, limits)
    if (entry === null) {
      throw refused('entry', `entry ${clock + i} of incarnation ${incarnation} is not a write`)
    }
    entries.push(entry)
  }
  return { incarnation, clock, length, entries }
}

function refused (reason: string, detail: string): UpdateRefusedError {
  return new UpdateRefusedError(reason, detail)
}
