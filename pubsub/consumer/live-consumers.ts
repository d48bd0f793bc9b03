/**
 * The consumers of one connection that run right now, so that a status can show them. It grows with
 * what this process itself has opened; of consumers elsewhere a node knows nothing (SPEC C7).
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

  /** In the order in which they began. @param most so many are listed at most */
  status (most = Infinity): ConsumerStatus[] {
    const listed: ConsumerStatus[] = []
    for (const consumer of this.#running) {
      if (listed.length >= most) break
      listed.push(consumer.status())
    }
    return listed
  }
}
