/**
 * Variable-length integers and byte strings, as Yjs writes them. lib0 is imported here and nowhere
 * else.
 */
export { createEncoder, writeVarUint, writeUint8, writeVarString, writeVarUint8Array,
  writeUint8Array, toUint8Array, length as encodedLength,
  type Encoder as ByteWriter } from 'lib0/encoding'
import { readVarUint as readAnyVarUint, type Decoder } from 'lib0/decoding'

export { createDecoder, readUint8, readVarString, readVarUint8Array, hasContent,
  type Decoder as ByteReader } from 'lib0/decoding'

/**
 * Reads a number, and refuses NaN: lib0 reads a number that goes on for too many bytes as NaN (zero
 * bits times a weight of infinity), and NaN would pass every comparison that refuses numbers from
 * outside.
 * @throws Error when the number is not a safe integer, or when the bytes end before the number does
 */
export function readVarUint (reader: Decoder): number {
  const number = readAnyVarUint(reader)
  if (Number.isNaN(number)) throw new RangeError('a number does not end')
  // lib0 looks at all bytes but the last one.
  if (!Number.isSafeInteger(number)) throw new RangeError('a number is too large to be exact')
  return number
}
