/**
 * Variable-length integers and byte strings, as Yjs writes them. lib0 is imported here and nowhere else.
 */
export {
  createEncoder, writeVarUint, writeUint8, writeVarString, writeVarUint8Array, writeUint8Array, toUint8Array, length as encodedLength,
  type Encoder as ByteWriter
} from 'lib0/encoding'
export {
  createDecoder, readVarUint, readUint8, readVarString, readVarUint8Array, hasContent,
  type Decoder as ByteReader
} from 'lib0/decoding'
