/**
 * CBOR: the form in which values travel and rest. Every piece is self-contained. Structures are
 * never shared between messages, because decoding such a message without its predecessors returns
 * garbage instead of failing.
 *
 * decodeCbor promises no shape: forged tags and foreign classes are found by the checks of its
 * callers.
 */
import { Encoder } from 'cbor-x'

const cbor = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
  structuredClone: false
})

/** @returns bytes that may share their buffer with other results: copy them to keep them */
export function encodeCbor (value: unknown): Uint8Array {
  return cbor.encode(value)
}

/** @throws Error when the bytes are not exactly one CBOR value */
export function decodeCbor (bytes: Uint8Array): unknown {
  return cbor.decode(bytes) as unknown
}

/**
 * Whether the bytes are exactly one value of the plain kind that our writers make: without tags,
 * without indefinite lengths, and without lengths that exceed the bytes. The cost of decoding any
 * other value is not bounded by the number of bytes: five bytes can announce an array of hundreds
 * of megabytes, and shared references unfold without end.
 */
export function isPlainCbor (bytes: Uint8Array, maxDepth: number): boolean {
  return endOfItem(bytes, 0, maxDepth) === bytes.length
}

/** Where the item at `at` ends, or -1 when it is not plain. */
function endOfItem (bytes: Uint8Array, at: number, depth: number): number {
  const head = bytes[at]
  if (head === undefined) return -1
  const major = head >> 5
  const info = head & 31
  let next = at + 1
  let count = info
  if (info >= 24) {
    const width = 1 << (info - 24)
    if (info > 27 || next + width > bytes.length) return -1
    count = 0
    for (let i = 0; i < width; i++) count = count * 256 + (bytes[next + i] as number)
    next += width
  }
  if (major < 2) return next // integers
  // false, true, null, floats
  if (major > 5) return major === 7 && ((info >= 20 && info <= 22) || info >= 25) ? next : -1
  if (count > bytes.length - next) return -1
  if (major < 4) return next + count // bytes, text
  if (depth === 0) return -1
  for (let items = major === 4 ? count : count * 2; items > 0 && next !== -1; items--) {
    next = endOfItem(bytes, next, depth - 1)
  }
  return next
}
