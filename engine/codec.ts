/**
 * CBOR: the form in which values travel and rest. Every piece is self-contained: no structures are shared between
 * messages, because decoding such a message without its predecessors returns garbage instead of failing.
 *
 * What comes back is plain data; anything that only looks like ours (a forged tag, a class of somebody else's) is
 * found by the checks of the caller, so decode never promises a shape.
 */
import { Encoder } from 'cbor-x'

const cbor = new Encoder({ useRecords: false, mapsAsObjects: true, tagUint8Array: false, variableMapSize: true, structuredClone: false })

/** The bytes are valid until they are copied: they may share a buffer with other results. */
export function encodeCbor (value: unknown): Uint8Array {
  return cbor.encode(value)
}

/** @throws Error when the bytes are not exactly one CBOR value */
export function decodeCbor (bytes: Uint8Array): unknown {
  return cbor.decode(bytes) as unknown
}
