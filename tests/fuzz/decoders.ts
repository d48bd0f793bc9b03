/**
 * The other things that are decoded: state vectors, cursors, parts of messages, and messages. Each
 * is given damaged and forged bytes and must refuse them with its own error, or understand what can
 * be written down again.
 *
 * To add a decoder, add an object to the list: `sample` makes honest bytes, `take` decodes and says
 * how it went.
 */
import { limits } from '../../engine/limits.js'
import { isDeepStrictEqual } from 'node:util'
import { encodeCbor } from '../../engine/base/codec.js'
import { decodeCursor, encodeCursor } from '../../engine/cursor.js'
import { CursorError, EnvelopeError } from '../../engine/errors.js'
import { checksum32 } from '../../engine/base/hash.js'
import { decodeStateVector, encodeStateVector, join } from '../../engine/base/state-vector.js'
import { createEncoder, toUint8Array, writeVarUint } from '../../engine/base/varint.js'
import { Assembler } from '../../replication/messages/assembler.js'
import { decodePart, encodeParts, MESSAGE_KINDS,
  type MessageKind } from '../../replication/messages/envelope.js'
import type { SimRandom } from '../../sim/random.js'
import { byteMutations } from './byte-mutations.js'
import { HOSTILE_ITEMS } from './cbor-mutations.js'
import { receiveAnswer, receiveMessage } from './messages.js'
import { demand } from './round.js'
import { near } from './wire-mutations.js'
import { drawIncarnation, drawValue } from './world.js'

export interface Decoder {
  readonly name: string
  readonly sample: (random: SimRandom) => Uint8Array
  /** @returns 'refused' or 'understood'; @throws Error when it is neither */
  readonly take: (bytes: Uint8Array, random: SimRandom) => string
}

const kinds = Object.keys(MESSAGE_KINDS) as MessageKind[]
const drawVector = (random: SimRandom): Map<number, number> =>
  new Map(
    Array.from({ length: random.int(0, 5) }, () => [drawIncarnation(random), near(random, 5) + 1])
  )
const withChecksum = (body: Uint8Array): Uint8Array => {
  const checksum = createEncoder()
  writeVarUint(checksum, checksum32(body))
  return Uint8Array.from([...body, ...toUint8Array(checksum)])
}

/**
 * Decodes, and demands that bytes are refused with an error of this class, or that the decoded
 * value survives being written and read again.
 */
function attempt<T> (
  decode: () => T,
  encode: (value: T) => Uint8Array,
  again: (bytes: Uint8Array) => T,
  refusal: new(...args: never[]) => Error
): string {
  let value: T
  try {
    value = decode()
  } catch (error) {
    demand(error instanceof refusal, `it threw ${String(error)}`)
    return 'refused'
  }
  demand(isDeepStrictEqual(again(encode(value)), value), 'it reads differently once written again')
  return 'understood'
}

export const decoders: readonly Decoder[] = [
  {
    name: 'a state vector',
    sample: random => encodeStateVector(drawVector(random)),
    take: bytes =>
      attempt(
        () => decodeStateVector(bytes, limits),
        encodeStateVector,
        again => decodeStateVector(again, limits),
        RangeError
      )
  },
  {
    name: 'a cursor',
    sample (random) {
      const seen = drawVector(random)
      return encodeCursor({
        shard: 3,
        generation: random.int(0, 2),
        seen,
        witness: random.chance(0.5) ? seen : join(seen, drawVector(random)),
        floor: random.chance(0.5) ? new Map() : drawVector(random),
        retired: new Map()
      })
    },
    take (bytes, random) {
      // The checksum finds damage; a forger writes one that matches.
      const forged = random.chance(0.7)
        ? withChecksum(bytes.subarray(0, Math.max(0, bytes.length - random.int(1, 6))))
        : bytes
      return attempt(
        () => decodeCursor(forged, 3, limits),
        encodeCursor,
        again => decodeCursor(again, 3, limits),
        CursorError
      )
    }
  },
  {
    name: 'a part of a message',
    sample: random =>
      random.pick(
        encodeParts(
          random.pick(kinds),
          random.uint32(),
          new Uint8Array(random.int(0, 100)),
          16 + 30,
          'subject',
          limits
        )
      ),
    take (bytes, random) {
      try {
        const part = decodePart(bytes, random.chance(0.9) ? 'subject' : 'other', limits)
        new Assembler(limits).add('sender', part)
        return 'understood'
      } catch (error) {
        demand(error instanceof EnvelopeError, `it threw ${String(error)}`)
        return 'refused'
      }
    }
  },
  {
    name: 'the content of a message',
    sample: random => Uint8Array.from(encodeCbor(drawValue(random))),
    take: (bytes, random) =>
      receiveMessage(
        random,
        random.chance(0.3)
          ? HOSTILE_ITEMS[random.pick(Object.keys(HOSTILE_ITEMS))] as Uint8Array
          : bytes
      )
  },
  {
    name: 'an answer',
    sample: random =>
      Uint8Array.from(encodeCbor(random.pick<unknown>([
        { ok: drawValue(random) },
        {},
        { error: { code: 'X', message: 'y', changed: 'no', retryable: true } },
        { error: drawValue(random) },
        { ok: 1, error: null },
        { error: { code: drawValue(random), message: 'y', changed: 'no', retryable: 1 } },
        drawValue(random)
      ]))),
    take: (bytes, random) => receiveAnswer(random, bytes)
  }
]

export interface DecoderTrial {
  readonly decoder: string
  readonly mutation: string
  readonly outcome: string
  readonly ms: number
  readonly bytes: Uint8Array
  readonly problem?: string
}

/** One damaged or forged input for one decoder. */
export function tryDecoder (random: SimRandom): DecoderTrial {
  const { name, sample, take } = random.pick(decoders)
  const mutation = random.pick(byteMutations)
  const updates = [sample(random), sample(random)]
  const bytes = mutation.mutate({ random, updates, seen: new Map(), own: 1, writers: [2] })
  const started = performance.now()
  const trial = (outcome: string, problem?: string): DecoderTrial => ({
    decoder: name,
    mutation: mutation.name,
    outcome,
    ms: performance.now() - started,
    bytes,
    ...problem === undefined ? {} : { problem }
  })
  try {
    return trial(take(bytes, random))
  } catch (error) {
    return trial('threw', error instanceof Error ? error.stack ?? error.message : String(error))
  }
}
