/**
 * Confirmations: "I hold everything of your group up to this sequence". Those to one sender that
 * come up in the same turn of the event loop leave together, and one that is lost is made up for by
 * equal digests in a heartbeat.
 */
import * as v from '../../engine/base/schema.js'
import type { Timers } from '../../engine/ports.js'
import type { Messenger } from '../messages/messenger.js'
import { tokenFromEnd, type Subjects } from '../messages/subjects.js'
import type { Subscription } from '../transport/transport.js'

const Confirmation = v.object({
  cache: v.string(),
  incarnation: v.count,
  groups: v.array(v.tuple([v.count, v.count]))
})

export interface ConfirmationsOptions {
  readonly cache: string
  readonly node: string
  readonly incarnation: number
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly timers: Timers
  /** A receiver holds everything of the group up to `sequence`. */
  readonly onConfirmed: (node: string, group: number, sequence: number) => void
}

export class Confirmations {
  readonly #options: ConfirmationsOptions
  readonly #subscription: Subscription
  #waiting = new Map<
    string,
    { readonly incarnation: number, readonly groups: Map<number, number> }
  >()

  constructor (options: ConfirmationsOptions) {
    this.#options = options
    this.#subscription = options.messenger.on(
      options.subjects.acksAll(options.node),
      'ack',
      (value, subject) => this.#receive(tokenFromEnd(subject, 0), value)
    )
  }

  /** Tells the sender, in this life of it, that its group is held here up to `sequence`. */
  send (node: string, incarnation: number, group: number, sequence: number): void {
    if (this.#waiting.size === 0) this.#options.timers.after(0, () => this.#sendAll())
    let mine = this.#waiting.get(node)
    if (mine?.incarnation !== incarnation) {
      this.#waiting.set(node, mine = { incarnation, groups: new Map() })
    }
    mine.groups.set(group, sequence)
  }

  #sendAll (): void {
    const { cache, node: self, messenger, subjects } = this.#options
    for (const [node, { incarnation, groups }] of this.#waiting) {
      messenger.send(subjects.acks(node, self), 'ack', { cache, incarnation, groups: [...groups] })
    }
    this.#waiting = new Map()
  }

  #receive (from: string, value: unknown): void {
    const { cache, incarnation, onConfirmed } = this.#options
    const parsed = v.safeParse(Confirmation, value)
    if (
      !parsed.success || parsed.output.cache !== cache || parsed.output.incarnation !== incarnation
    ) return
    for (const [group, sequence] of parsed.output.groups) onConfirmed(from, group, sequence)
  }

  close (): void {
    this.#subscription.close()
  }
}
