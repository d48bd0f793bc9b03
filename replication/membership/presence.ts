/**
 * Is a node there that this one does not hear? A node that is stopped, slow or new sends no
 * heartbeat, and may hold what nobody else has. But it is connected, and the network tells at once
 * when nobody listens to a subject (ADR 16).
 *
 * A node hears its own messages, so it listens on subjects on which it does not ask: one for each
 * digit of its incarnation. Another incarnation differs in at least one digit, so whoever asks with
 * all the digits that are not its own meets every other node. The digits of members that are heard
 * are left out as well. A stranger stays unnoticed if each of its digits is one of theirs: beside
 * one known node the chance is 1 in 2^24, beside three 1 in 65,536.
 *
 *   listen -> flush -> ask -> settleMs, on one unbroken connection -> ask again
 *
 * Of two nodes that begin at once the later one to ask finds the other. A server that died, or one
 * that starts again, has nodes seem absent while they connect anew: hence the second time.
 */
import { NobodyListensError } from '../../engine/errors.js'
import type { CacheAccess } from '../contexts.js'
import type { Subscription } from '../transport/transport.js'

/** Digits of an incarnation of 32 bits. */
const DIGITS = 8
const BASE = 16

const digitAt = (incarnation: number, position: number): number =>
  (incarnation >>> position * 4) % BASE

export class Presence {
  readonly #context: CacheAccess
  readonly #incarnation: number
  readonly #subscriptions: Subscription[]
  /** How often the connection was lost. */
  #losses = 0

  constructor (context: CacheAccess, incarnation: number) {
    const { cache, messenger, subjects } = this.#context = context
    this.#incarnation = incarnation
    this.#subscriptions = [
      ...Array.from({ length: DIGITS }, (_, position) =>
        messenger.serve(
          subjects.there(cache, position, digitAt(incarnation, position)),
          () => incarnation
        )),
      messenger.transport.onConnection(connected => {
        if (!connected) this.#losses++
      })
    ]
  }

  /**
   * Whether no node runs the cache but this one and those of the known incarnations.
   * @param once where nobody but this node can have anything
   * @throws ConnectionError, ClosedError, BusyError when it could not be found out
   */
  async isQuiet (
    known: readonly number[],
    { once = false }: { readonly once?: boolean } = {}
  ): Promise<boolean> {
    const { messenger: { transport }, ports, timing } = this.#context
    const losses = this.#losses
    await transport.flush()
    if (!await this.#nobodyAnswers(known)) return false
    if (transport.isWhole !== true && !once) {
      await new Promise<void>(resolve => {
        ports.timers.after(timing.settleMs, resolve)
      })
      if (!await this.#nobodyAnswers(known)) return false
    }
    return transport.connected && this.#losses === losses
  }

  async #nobodyAnswers (known: readonly number[]): Promise<boolean> {
    for (let position = 0; position < DIGITS; position++) {
      const taken = new Set([this.#incarnation, ...known].map(of => digitAt(of, position)))
      const asked = Array.from({ length: BASE }, (_, digit) => digit).filter(of => !taken.has(of))
      const found = await Promise.all(asked.map(digit => this.#isThere(position, digit)))
      if (found.includes(true)) return false
    }
    return true
  }

  /** Whether somebody listens: whoever does not answer is there as well. */
  async #isThere (position: number, digit: number): Promise<boolean> {
    const { cache, messenger, subjects, timing } = this.#context
    try {
      const subject = subjects.there(cache, position, digit)
      await messenger.request(subject, null, timing.requestTimeoutMs, {
        what: 'question who is there',
        changes: false
      })
      return true
    } catch (error) {
      return !(error instanceof NobodyListensError)
    }
  }

  close (): void {
    for (const subscription of this.#subscriptions) subscription.close()
  }
}
