/**
 * Listens to the deltas that peers publish for the placement groups held here, and hands them to
 * the inbox.
 */
import { everyStep } from '../../engine/base/every-step.js'
import type { CacheContext } from '../contexts.js'
import type { CachePeers } from '../groups/cache-peers.js'
import { tokenFromEnd } from '../messages/subjects.js'
import type { Repairs } from '../repair/repairs.js'
import type { Subscription } from '../transport/transport.js'
import type { Inbox } from './inbox.js'

export interface DeltaFeedParts {
  readonly peers: CachePeers
  readonly inbox: Inbox
  readonly repairs: Repairs
}

export class DeltaFeed {
  readonly #context: CacheContext
  readonly #parts: DeltaFeedParts
  readonly #subscriptions = new Map<number, Subscription>()

  constructor (context: CacheContext, parts: DeltaFeedParts) {
    this.#context = context
    this.#parts = parts
  }

  /**
   * Listens to the deltas of a placement group. A transport that refuses is asked again with each
   * heartbeat interval: digests mend what is missed meanwhile, and no caller could do more.
   */
  follow (group: number): void {
    const { cache, messenger, subjects, ports, timing, onEvent } = this.#context
    const pattern = subjects.deltasOfGroup(cache, group)
    try {
      this.#subscriptions.set(
        group,
        messenger.on(
          pattern,
          'deltas',
          (value, subject) => this.#receive(tokenFromEnd(subject, 1), group, value)
        )
      )
    } catch (error) {
      onEvent({ type: 'handler-failed', subject: pattern, error })
      const again = ports.timers.after(timing.heartbeatMs, () => this.follow(group))
      this.#subscriptions.set(group, { close: () => again.cancel() })
    }
  }

  unfollow (group: number): void {
    this.#subscriptions.get(group)?.close()
    this.#subscriptions.delete(group)
  }

  #receive (node: string, group: number, value: unknown): void {
    const { peers, inbox, repairs } = this.#parts
    if (node === this.#context.self.id) return
    // The settings of a node that is not a member yet are not known: it may put the same key into
    // another shard. Its heartbeat will show which of its batches were missed.
    if (!peers.has(node)) return
    if (inbox.receive(node, group, value)) repairs.missing(node, group)
  }

  close (): void {
    everyStep([...this.#subscriptions.values()].map(subscription => () => subscription.close()))
  }
}
