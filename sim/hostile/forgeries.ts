/**
 * Messages that are well formed and name false ids: unknown senders, incarnations of no process,
 * dots that no process gave out. Only ids are forged: a peer that lies under its own name about the
 * entries it holds is beyond SPEC A4.
 */
import { decodeCbor, encodeCbor } from '../../engine/base/codec.js'
import { encodeCursor } from '../../engine/cursor.js'
import type { Limits } from '../../engine/limits.js'
import { Entry } from '../../engine/record/entry.js'
import * as v from '../../engine/base/schema.js'
import { encodeUpdate } from '../../engine/log/update.js'
import { decodePart, encodeParts } from '../../replication/messages/envelope.js'
import { DeltaBatch } from '../../replication/deltas/outbox.js'
import { readRequest } from '../../pubsub/requests/request-protocol.js'
import type { SentMessage } from '../world/network.js'
import type { SimRandom } from '../random.js'

/** Beyond every clock that a run of the simulation gives out. */
const FAR = 1_000_000
const NOBODY = 'nobody'
const WithLife = v.looseObject({ incarnation: v.number() })
const WithTarget = v.looseObject({ to: v.number() })

export interface Forgery {
  readonly subject: string
  readonly parts: Uint8Array[]
}

/** The token of a subject that names the kind of message: `hb`, `d`, `n`, `ae`, ... */
export function kindOfSubject (subject: string): string {
  const [, , third = '', fourth = ''] = subject.split('.')
  return ['hb', 'hello', 'n', 'ae', 'ack', 'w', 'q'].includes(third) ? third : fourth
}

/**
 * A forgery after the pattern of a message, or undefined when there is none of its kind. `lives`:
 * incarnations that were heard of.
 */
export function forge (
  random: SimRandom,
  { subject, bytes }: SentMessage,
  lives: readonly number[],
  { limits, maxMessageBytes }: { readonly limits: Limits, readonly maxMessageBytes: number }
): Forgery | undefined {
  const { kind, parts, content } = decodePart(bytes, subject, limits)
  if (parts > 1) return undefined
  const value: unknown = decodeCbor(content)
  const life = (): number => random.int(1, 0xffffffff)
  const anyLife = (): number => lives.length > 0 && random.chance(0.5) ? random.pick(lives) : life()
  const sealed = (on: string, forged: unknown): Forgery => ({
    subject: on,
    parts: encodeParts(kind, random.uint32(), encodeCbor(forged), maxMessageBytes, on, limits)
  })
  switch (kindOfSubject(subject)) {
    case 'd': {
      const batch = v.safeParse(DeltaBatch, value)
      if (!batch.success) return undefined
      const from = random.chance(0.5) ? replaced(subject, 4, NOBODY) : subject
      // The deltas were sent before, or have dots that continue nothing. Some of these dots are
      // under the id of the receiver.
      const deltas = random.chance(0.3)
        ? batch.output.deltas
        : [[batch.output.deltas[0]?.[0] ?? random.int(0, 70_000),
          forgedDelta(random.chance(0.1) ? 0 : anyLife(), random.int(FAR, FAR * 2))]]
      return sealed(from, {
        ...batch.output,
        incarnation: life(),
        sequence: random.pick([1, 2, batch.output.sequence, FAR]),
        ack: random.chance(0.5),
        deltas
      })
    }
    case 'hb': {
      const beat = v.safeParse(
        v.looseObject({
          incarnation: v.number(),
          caches: v.record(v.string(), v.looseObject({ held: v.array(v.unknown()) }))
        }),
        value
      )
      if (!beat.success) return undefined
      const caches = Object.fromEntries(
        Object.entries(beat.output.caches).map(([cache, state]) => [cache, { ...state, held: [] }])
      )
      return sealed(random.chance(0.5) ? replaced(subject, 3, NOBODY) : subject, {
        ...beat.output,
        incarnation: life(),
        caches,
        leaving: random.chance(0.2)
      })
    }
    case 'ack': {
      const ack = v.safeParse(WithLife, value)
      return ack.success
        ? sealed(subject, { ...ack.output, incarnation: life(), groups: [[random.int(0, 3), FAR]] })
        : undefined
    }
    case 'ae': {
      const question = v.safeParse(WithTarget, value)
      return question.success
        ? sealed(random.chance(0.5) ? replaced(subject, 4, NOBODY) : subject, {
          ...question.output,
          to: life()
        })
        : undefined
    }
    case 'q': {
      const request = v.safeParse(readRequest(limits), value)
      if (!request.success || (request.output.op !== 'poll' && request.output.op !== 'commit')) {
        return undefined
      }
      const shard = request.output.op === 'poll'
        ? request.output.shards[0]?.[0]
        : request.output.cursors[0]?.[0]
      if (shard === undefined) return undefined
      const seen = new Map([[anyLife(), FAR], [life(), 1]])
      const cursor = encodeCursor({
        shard,
        generation: random.int(0, 3),
        seen,
        witness: seen,
        floor: new Map(),
        retired: new Map()
      })
      return sealed(
        subject,
        request.output.op === 'poll'
          ? { ...request.output, shards: [[shard, cursor]] }
          : { ...request.output, consumerGroup: NOBODY, cursors: [[shard, cursor]] }
      )
    }
    default:
      return kindOfSubject(subject) === 'n'
        ? sealed(subject, { shards: [random.int(0, 3), random.int(1000, 70_000), FAR] })
        : undefined
  }
}

function forgedDelta (incarnation: number, clock: number): Uint8Array {
  return encodeUpdate([{
    incarnation,
    clock,
    length: 1,
    entries: [new Entry('forged', 1, 1, { a: 'forged' }, false, incarnation, clock)]
  }])
}

function replaced (subject: string, at: number, token: string): string {
  return subject.split('.').map((other, i) => i === at ? token : other).join('.')
}
