/**
 * The envelope of every message tells which format the message has, whether it is whole, and which
 * part of a larger one it is. A message that does not check out is refused before its
 * content is looked at.
 *
 *   0  2 bytes  'MP'
 *   2  1 byte   format version
 *   3  1 byte   kind
 *   4  4 bytes  checksum of everything behind it, and of the subject it was sent on: a message that
 *               turns up on another subject, and so in another group, cache or cluster, is refused
 *               like a damaged one
 *   8  4 bytes  message id, chosen by the sender
 *   12 2 bytes  part number   14 2 bytes  number of parts
 *   16 ...      content: a self-contained CBOR value, cut into parts when it is too large for the
 *               transport
 */
import { EnvelopeError } from '../../engine/errors.js'
import { checksum32, hash32 } from '../../engine/base/hash.js'
import type { Limits } from '../../engine/limits.js'

export const MESSAGE_KINDS = {
  heartbeat: 1,
  deltas: 2,
  ack: 3,
  hint: 4,
  hello: 5,
  request: 6,
  reply: 7
} as const
export type MessageKind = keyof typeof MESSAGE_KINDS

const VERSION = 1
const HEADER_BYTES = 16
const KIND_NAMES = new Map<number, MessageKind>(
  Object.entries(MESSAGE_KINDS).map(([name, code]) => [code, name as MessageKind])
)

export interface Part {
  readonly kind: MessageKind
  readonly id: number
  readonly part: number
  readonly parts: number
  readonly content: Uint8Array
}

/**
 * The message as one or more parts of at most `maxBytes` each, to be sent on `subject` and nowhere
 * else.
 * @throws EnvelopeError when it needs more parts than are allowed
 */
export function encodeParts (
  kind: MessageKind,
  id: number,
  content: Uint8Array,
  maxBytes: number,
  subject: string,
  limits: Limits
): Uint8Array[] {
  const ofSubject = hash32(subject)
  const room = Math.min(maxBytes, limits.maxPartBytes) - HEADER_BYTES
  const parts = Math.max(1, Math.ceil(content.length / room))
  if (parts > limits.maxParts) {
    throw new EnvelopeError(
      'too-large',
      `${content.length} bytes need ${parts} parts, at most ${limits.maxParts} are allowed`
    )
  }
  return Array.from({ length: parts }, (_, part) => {
    const slice = content.subarray(part * room, (part + 1) * room)
    const bytes = new Uint8Array(HEADER_BYTES + slice.length)
    const header = new DataView(bytes.buffer)
    bytes[0] = 0x4d
    bytes[1] = 0x50
    bytes[2] = VERSION
    bytes[3] = MESSAGE_KINDS[kind]
    header.setUint32(8, id)
    header.setUint16(12, part)
    header.setUint16(14, parts)
    bytes.set(slice, HEADER_BYTES)
    header.setUint32(4, checksumOf(bytes, ofSubject))
    return bytes
  })
}

/**
 * @throws EnvelopeError when the bytes are not a whole part, of a format known here, that was sent
 *   on this subject
 */
export function decodePart (bytes: Uint8Array, subject: string, limits: Limits): Part {
  if (bytes.length < HEADER_BYTES || bytes[0] !== 0x4d || bytes[1] !== 0x50) {
    throw new EnvelopeError('foreign', 'it is not a Millpond message')
  }
  if (bytes[2] !== VERSION) {
    throw new EnvelopeError(
      'version',
      `format ${bytes[2]} is not known here (${VERSION} is); are all members on the same release?`
    )
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (header.getUint32(4) !== checksumOf(bytes, hash32(subject))) {
    throw new EnvelopeError('checksum', 'its checksum does not match')
  }
  const kind = KIND_NAMES.get(bytes[3] ?? 0)
  const part = header.getUint16(12)
  const parts = header.getUint16(14)
  if (kind === undefined) throw new EnvelopeError('kind', `kind ${bytes[3]} is not known here`)
  if (parts === 0 || part >= parts || parts > limits.maxParts) {
    throw new EnvelopeError('parts', `part ${part} of ${parts}`)
  }
  return { kind, id: header.getUint32(8), part, parts, content: bytes.subarray(HEADER_BYTES) }
}

/** The kind byte and the subject are covered by mixing them into the checksum of what follows. */
function checksumOf (bytes: Uint8Array, ofSubject: number): number {
  return (checksum32(bytes.subarray(8)) ^ Math.imul(bytes[3] ?? 0, 0x9e3779b1) ^ ofSubject) >>> 0
}
