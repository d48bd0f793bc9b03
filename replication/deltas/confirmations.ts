/**
 * Confirmations: "I hold everything of your placement group up to this sequence". Confirmations to
 * one sender that come up in the same turn of the event loop leave together. A lost one is made up
 * for by equal digests in a heartbeat.
 */
import { everyStep } from '../../engine/base/every-step.js'
import { Tally } from '../../engine/base/tally.js'
import * as v from '../../engine/base/schema.js'
import type { CacheContext } from '../contexts.js'
import { tokenFromEnd } from '../messages/subjects.js'
import type { Subscription } from '../transport/transport.js'
import type { Acks } from './acks.js'

const Confirmation = v.object({
  cache: v.string(),
  incarnation: v.count,
  groups: v.array(v.tuple([v.count, v.count]))
})

export class Confirmations {
  readonly #context: CacheContext
  readonly #acks: Acks
  readonly #subscription: Subscription
  readonly #dropped: Tally
  #waiting = new Map<
    string,
    { readonly incarnation: number, readonly groups: Map<number, number> }
  >()

  constructor (context: CacheContext, acks: Acks) {
    this.#context = context
    this.#acks = acks
    const { cache, messenger, subjects, self, ports, onEvent } = context
    this.#dropped = new Tally(
      ports.timers,
      count => onEvent({ type: 'confirmation-dropped', cache, count })
    )
    this.#subscription = messenger.on(
      subjects.acksAll(self.id),
      'ack',
      (value, subject) => this.#receive(tokenFromEnd(subject, 0), value)
    )
  }

  /** Tells the sender, in this life of it, that its group is held here up to `sequence`. */
  send (node: string, incarnation: number, group: number, sequence: number): void {
    if (this.#waiting.size === 0) this.#context.ports.timers.after(0, () => this.#sendAll())
    let mine = this.#waiting.get(node)
    if (mine?.incarnation !== incarnation) {
      this.#waiting.set(node, mine = { incarnation, groups: new Map() })
    }
    mine.groups.set(group, sequence)
  }

  #sendAll (): void {
    const { cache, self, messenger, subjects } = this.#context
    for (const [node, { incarnation, groups }] of this.#waiting) {
      const isSent = messenger.send(subjects.acks(node, self.id), 'ack', {
        cache,
        incarnation,
        groups: [...groups]
      })
      if (!isSent) this.#dropped.add()
    }
    this.#waiting = new Map()
  }

  #receive (from: string, value: unknown): void {
    const { cache, self } = this.#context
    const parsed = v.safeParse(Confirmation, value)
    if (!parsed.success) return
    const { groups, incarnation } = parsed.output
    if (parsed.output.cache !== cache || incarnation !== self.incarnation) return
    for (const [group, sequence] of groups) this.#acks.confirm(from, group, sequence)
  }

  close (): void {
    everyStep([() => this.#subscription.close(), () => this.#dropped.close()])
  }
}
