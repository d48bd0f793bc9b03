/**
 * The consumers of one node or client that run now, so that its status can show them. Consumers of
 * other nodes and clients never enter the list (SPEC C7), so its length is up to this program.
 */
import type { ConsumerStatus } from '../requests/status-protocol.js'

export interface LiveConsumer {
  status(): ConsumerStatus
}

export class LiveConsumers {
  readonly #running = new Set<LiveConsumer>()

  get size (): number {
    return this.#running.size
  }

  add (consumer: LiveConsumer): void {
    this.#running.add(consumer)
  }

  remove (consumer: LiveConsumer): void {
    this.#running.delete(consumer)
  }

  /** In the order in which they began. @param most length of the list at most */
  status (most = Infinity): ConsumerStatus[] {
    const listed: ConsumerStatus[] = []
    for (const consumer of this.#running) {
      if (listed.length >= most) break
      listed.push(consumer.status())
    }
    return listed
  }
}
