/**
 * The consumers of one connection that run right now, so that a status can show them. The list is
 * as long as this process has opened consumers. Consumers elsewhere never enter it (SPEC C7).
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
