/**
 * Bytes that nobody in the cluster meant to send like that: real messages, damaged, old, or where they do not belong, and
 * forged ones. What has no valid checksum must be refused; what has one must do no harm.
 */
import { Entry } from '../engine/entry.js'
import { encodeCbor } from '../engine/codec.js'
import { encodeUpdate } from '../engine/update.js'
import { encodeParts } from '../replication/envelope.js'
import type { SentMessage, SimNetwork } from './network.js'
import type { SimRandom } from './random.js'

const MAX_RECORDED = 400

export class HostileMessages {
  readonly #random: SimRandom
  readonly #recorded: SentMessage[] = []
  #count = 0

  constructor (random: SimRandom, readonly network: () => SimNetwork) { this.#random = random }

  /** Remembers some of what passes by. Replies are left out: whoever waits for one took its subject from the clock of nobody else. */
  record (message: SentMessage): void {
    if (message.subject.startsWith('_INBOX')) return
    if (this.#recorded.length < MAX_RECORDED) this.#recorded.push(message)
    else if (this.#random.chance(0.2)) this.#recorded[this.#count++ % MAX_RECORDED] = message
  }

  /** Sends one hostile message. */
  send (): void {
    if (this.#recorded.length === 0) return
    const random = this.#random
    const { subject, bytes, replyTo } = random.pick(this.#recorded)
    const network = this.network()
    switch (random.int(0, 6)) {
      case 0:
        network.inject(subject, bytes.slice(0, random.int(0, Math.max(0, bytes.length - 1))), replyTo)
        break
      case 1: {
        const flipped = new Uint8Array(bytes)
        const at = random.int(0, flipped.length - 1)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << random.int(0, 7))
        network.inject(subject, flipped, replyTo)
        break
      }
      case 2: case 3:
        network.inject(subject, bytes, replyTo) // as it was, but late
        break
      case 4:
        network.inject(this.#elsewhere(subject), bytes, replyTo)
        break
      default: this.#forge(subject)
    }
  }

  /** Another subject of the same kind: of another group, node, cache or cluster. */
  #elsewhere (subject: string): string {
    const sameKind = this.#recorded.filter(other => other.subject !== subject && kindOf(other.subject) === kindOf(subject))
    return sameKind.length === 0 ? subject : this.#random.pick(sameKind).subject
  }

  /** A batch of deltas with dots nobody gave out, from a node nobody knows. None of it continues what anybody has. */
  #forge (subject: string): void {
    const random = this.#random
    if (kindOf(subject) !== 'd') return
    const tokens = subject.split('.')
    tokens[4] = 'nobody'
    const incarnation = random.chance(0.5) ? 0 : random.uint32()
    const clock = random.int(1, 1000)
    const entry = new Entry('forged', 1, 1, { a: 'forged' }, false, incarnation, clock)
    const delta = encodeUpdate([{ incarnation, clock, length: 1, entries: [entry] }])
    const batch = { incarnation: random.uint32(), sequence: random.int(1, 5), ack: random.chance(0.5), deltas: [[random.int(0, 70_000), delta]], cursors: [] }
    for (const part of encodeParts('deltas', random.uint32(), encodeCbor(batch), this.network().maxMessageBytes, tokens.join('.'))) this.network().inject(tokens.join('.'), part)
  }
}

/** The token that tells what a message is about: `hb`, `d`, `n`, `ae`, ... */
function kindOf (subject: string): string {
  const [, , third = '', fourth = ''] = subject.split('.')
  return ['hb', 'hello', 'n', 'ae', 'ack', 'w', 'q'].includes(third) ? third : fourth
}
