/**
 * Messages that no program of the cluster meant to send: real ones that are damaged, late or on a
 * foreign subject, and forged ones (forgeries.ts). A message without a valid checksum must be
 * refused; one with a valid checksum must do no harm.
 */
import type { Coverage } from '../run/coverage.js'
import { forge, kindOfSubject } from './forgeries.js'
import type { SentMessage, SimNetwork } from '../world/network.js'
import type { SimRandom } from '../random.js'

const MAX_RECORDED = 400

export class HostileMessages {
  readonly #random: SimRandom
  readonly #recorded: SentMessage[] = []
  readonly #coverage: Coverage
  /** Incarnations of real processes. */
  readonly #lives: number[] = []
  #count = 0

  constructor (random: SimRandom, coverage: Coverage, readonly network: () => SimNetwork) {
    this.#random = random
    this.#coverage = coverage
  }

  /** A process with this id was heard of. */
  met (incarnation: number): void {
    this.#lives.push(incarnation)
  }

  /**
   * Remembers some of the messages that pass by. Replies are left out: their subjects are known
   * only to the process that waits.
   */
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
        network.inject(
          subject,
          bytes.slice(0, random.int(0, Math.max(0, bytes.length - 1))),
          replyTo
        )
        break
      case 1: {
        const flipped = new Uint8Array(bytes)
        const at = random.int(0, flipped.length - 1)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << random.int(0, 7))
        network.inject(subject, flipped, replyTo)
        break
      }
      case 2:
      case 3:
        network.inject(subject, bytes, replyTo) // the message as it was, but late
        break
      case 4:
        network.inject(this.#elsewhere(subject), bytes, replyTo)
        break
      default:
        this.#forge()
    }
  }

  /** Another subject of the same kind: of another group, node, cache or cluster. */
  #elsewhere (subject: string): string {
    const sameKind = this.#recorded.filter(other =>
      other.subject !== subject && kindOfSubject(other.subject) === kindOfSubject(subject)
    )
    return sameKind.length === 0 ? subject : this.#random.pick(sameKind).subject
  }

  #forge (): void {
    const random = this.#random
    const kind = random.pick(['d', 'd', 'hb', 'ack', 'ae', 'q', 'n'])
    const samples = this.#recorded.filter(({ subject }) => kindOfSubject(subject) === kind)
    const forgery = samples.length === 0
      ? undefined
      : forge(random, random.pick(samples), this.#lives, this.network())
    if (forgery === undefined) return
    this.#coverage.hit(`forged ${kind}`)
    for (const part of forgery.parts) {
      this.network().inject(
        forgery.subject,
        part,
        kind === 'ae' || kind === 'q' ? '_INBOX_nobody.1' : undefined
      )
    }
  }
}
