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
 * A number that does not end in time is worth NaN to lib0, once its bytes are worth infinity each:
 * 0 times infinity. NaN would pass every comparison by which numbers from outside are refused.
 * @throws Error when it is not a safe integer, or the bytes end before it does
 */
export function readVarUint (reader: Decoder): number {
  const number = readAnyVarUint(reader)
  if (Number.isNaN(number)) throw new RangeError('a number does not end')
  return number
}
