/**
 * Confirmations: "I hold everything of your placement group up to this sequence", and "my store
 * has it". Confirmations to one sender that come up in the same turn of the event loop leave
 * together. A lost one is made up for by equal digests in a heartbeat, which also says whether the
 * store has everything.
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
  /** [placement group, sequence], in memory. */
  groups: v.array(v.tuple([v.count, v.count])),
  /** The same, in the store. Left out where there are none, and by nodes of an older version. */
  stored: v.optional(v.array(v.tuple([v.count, v.count])))
})

/** What waits to be confirmed to a life of a peer: sequences by placement group. */
interface Unsent {
  readonly incarnation: number
  readonly groups: Map<number, number>
  readonly stored: Map<number, number>
}

export class Confirmations {
  readonly #context: CacheContext
  readonly #acks: Acks
  readonly #subscription: Subscription
  readonly #dropped: Tally
  #waiting = new Map<string, Unsent>()
  #isMute = false

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

  /**
   * Tells the sender, in this life of it, that its group is held here up to `sequence`, in memory
   * or in the store.
   */
  send (
    node: string,
    incarnation: number,
    group: number,
    sequence: number,
    isStored: boolean
  ): void {
    if (this.#isMute) return
    if (this.#waiting.size === 0) this.#context.ports.timers.after(0, () => this.#sendAll())
    let mine = this.#waiting.get(node)
    if (mine?.incarnation !== incarnation) {
      this.#waiting.set(node, mine = { incarnation, groups: new Map(), stored: new Map() })
    }
    ;(isStored ? mine.stored : mine.groups).set(group, sequence)
  }

  /**
   * Confirms nothing more: this process goes on only to hand over, under a name that nobody has.
   * The next process on its disk would count as another replica beside it.
   */
  mute (): void {
    this.#isMute = true
    this.#waiting.clear()
  }

  #sendAll (): void {
    const { cache, self, messenger, subjects } = this.#context
    for (const [node, { incarnation, groups, stored }] of this.#waiting) {
      const isSent = messenger.send(subjects.acks(node, self.id), 'ack', {
        cache,
        incarnation,
        groups: [...groups],
        ...stored.size === 0 ? {} : { stored: [...stored] }
      })
      if (!isSent) this.#dropped.add()
    }
    this.#waiting = new Map()
  }

  #receive (from: string, value: unknown): void {
    const { cache, self } = this.#context
    const parsed = v.safeParse(Confirmation, value)
    if (!parsed.success) return
    const { groups, stored = [], incarnation } = parsed.output
    if (parsed.output.cache !== cache || incarnation !== self.incarnation) return
    for (const [group, sequence] of groups) this.#acks.confirm(from, group, sequence, false)
    for (const [group, sequence] of stored) this.#acks.confirm(from, group, sequence, true)
  }

  close (): void {
    everyStep([() => this.#subscription.close(), () => this.#dropped.close()])
  }
}
