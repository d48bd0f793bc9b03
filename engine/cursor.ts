/**
 * Cursors: how far a consumer has read a shard. Opaque to users, valid on every replica.
 *
 *   seen      every entry below this vector was delivered, or superseded by one that was or will be
 *   witness   everything that the replicas which answered so far had seen. They judged which
 *             entries are superseded. So only a replica that has seen as much may answer next: a
 *             replica that is behind answers nothing rather than old data
 *
 * A cursor promises: in the state that `witness` names, every record without a live entry above
 * `seen` was handed out whole. When a shard was read to its end, `seen` and `witness` are equal.
 *
 * Of two cursors, the join takes the whole `seen` that lies further on, and joins the witnesses. To
 * join `seen` clock by clock would promise too much: one reader was shown field x of a record, the
 * other reader field y, and neither was shown both (docs/adr/0005). A reader starts over, in a new
 * generation, only when everything it had seen is lost for good. Of two cursors of different
 * generations the later one stands alone.
 */
import type { Limits } from './limits.js'
import { checksum32 } from './base/hash.js'
import { CursorError } from './errors.js'
import { decodeStateVector, encodeStateVector, join, meet, sameVector,
  type StateVector } from './base/state-vector.js'
import { createDecoder, createEncoder, hasContent, readUint8, readVarUint, readVarUint8Array,
  toUint8Array, writeUint8, writeVarUint, writeVarUint8Array } from './base/varint.js'

export interface Cursor {
  readonly shard: number
  /** How often its reader had to start over. */
  readonly generation: number
  readonly seen: StateVector
  readonly witness: StateVector
  /**
   * Tombstones below this vector had been dropped before the reader began. Empty once the reader
   * has read to the end.
   */
  readonly floor: StateVector
  /**
   * Incarnations that were retired when the reader last read to the end. It has seen their entries
   * too.
   */
  readonly retired: StateVector
}

type Position = Pick<Cursor, 'seen' | 'retired'>

const FORMAT = 2
const NONE: StateVector = new Map()

/** A cursor that has read nothing. */
export function startOf (shard: number, generation = 0): Cursor {
  return { shard, generation, seen: NONE, witness: NONE, floor: NONE, retired: NONE }
}

/** Whether nothing was read with the cursor yet. */
export function isStart ({ seen, witness }: Cursor): boolean {
  return seen.size === 0 && witness.size === 0
}

/**
 * Commutative, associative and idempotent: replicas that hear the same cursors in any order end up
 * with the same one.
 */
export function joinCursors (a: Cursor, b: Cursor): Cursor {
  if (a.shard !== b.shard) {
    throw new CursorError(`cursors of shards ${a.shard} and ${b.shard} cannot be joined`)
  }
  if (a.generation !== b.generation) return a.generation > b.generation ? a : b
  const order = comparePositions(a, b)
  return {
    ...order >= 0 ? a : b,
    witness: join(a.witness, b.witness),
    ...order === 0 ? { floor: meet(a.floor, b.floor) } : {}
  }
}

/**
 * A total order of positions: by the number of entries below them, those of retired incarnations
 * included, then by their encodings. A reader that reads on only moves up in this order, so a join
 * never takes a reader back behind a cursor that it committed itself.
 * @returns above 0 when `a` lies further on, 0 when they are the same
 */
export function comparePositions (a: Position, b: Position): number {
  return entriesBelow(join(a.seen, a.retired)) - entriesBelow(join(b.seen, b.retired)) ||
    entriesBelow(a.retired) - entriesBelow(b.retired) ||
    Buffer.compare(encodeStateVector(a.seen), encodeStateVector(b.seen)) ||
    Buffer.compare(encodeStateVector(a.retired), encodeStateVector(b.retired))
}

function entriesBelow (sv: StateVector): number {
  let entries = 0
  for (const clock of sv.values()) entries += clock
  return entries
}

/**
 * [format, shard, generation, seen, witness or empty when equal to seen, floor or empty, retired or
 * empty, checksum of the parts before]. One cursor has one encoding.
 */
export function encodeCursor (cursor: Cursor): Uint8Array {
  const body = createEncoder()
  writeUint8(body, FORMAT)
  writeVarUint(body, cursor.shard)
  writeVarUint(body, cursor.generation)
  writeVarUint8Array(body, encodeStateVector(cursor.seen))
  writeVarUint8Array(
    body,
    sameVector(cursor.seen, cursor.witness) ? new Uint8Array(0) : encodeStateVector(cursor.witness)
  )
  for (const vector of [cursor.floor, cursor.retired]) {
    writeVarUint8Array(body, vector.size === 0 ? new Uint8Array(0) : encodeStateVector(vector))
  }
  const bytes = toUint8Array(body)
  writeVarUint(body, checksum32(bytes))
  return toUint8Array(body)
}

/** @throws CursorError when the bytes are damaged, of another format, or of another shard */
export function decodeCursor (bytes: Uint8Array, shard: number, limits: Limits): Cursor {
  const reader = createDecoder(bytes)
  let cursor: Cursor
  try {
    const format = readUint8(reader)
    if (format !== FORMAT) {
      throw new CursorError(
        `cursor format ${format} is not known here (${FORMAT} is); was it written by a newer ` +
          'release?'
      )
    }
    const ofShard = readVarUint(reader)
    const generation = readVarUint(reader)
    const seen = decodeStateVector(readVarUint8Array(reader), limits)
    const witness = readVarUint8Array(reader)
    const [floor, retired] = [readVarUint8Array(reader), readVarUint8Array(reader)].map(vector =>
      vector.length === 0 ? NONE : decodeStateVector(vector, limits)
    ) as [StateVector, StateVector]
    cursor = {
      shard: ofShard,
      generation,
      seen,
      witness: witness.length === 0 ? seen : decodeStateVector(witness, limits),
      floor,
      retired
    }
    const body = bytes.subarray(0, reader.pos)
    if (readVarUint(reader) !== checksum32(body) || hasContent(reader)) {
      throw new CursorError('cursor is damaged: its checksum does not match')
    }
  } catch (error) {
    if (error instanceof CursorError) throw error
    throw new CursorError(
      `cursor is damaged: ${error instanceof Error ? error.message : String(error)}`
    )
  }
  if (cursor.shard !== shard) {
    throw new CursorError(`cursor belongs to shard ${cursor.shard}, not ${shard}`)
  }
  return cursor
}
