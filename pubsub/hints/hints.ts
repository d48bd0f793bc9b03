/**
 * Dirty hints: "these shards changed here". Tiny, gathered for a few milliseconds into one message
 * per node, and lossy by design. A lost hint is made up for by the digests in the next heartbeats,
 * so no consumer depends on one to arrive; hints that the transport drops are counted.
 */
import { everyStep } from '../../engine/base/every-step.js'
import type { Timer } from '../../engine/ports.js'
import { piecesOf } from '../../engine/base/pieces.js'
import * as v from '../../engine/base/schema.js'
import { Tally } from '../../engine/base/tally.js'
import type { CacheContext } from '../../replication/contexts.js'
import type { Messenger } from '../../replication/messages/messenger.js'
import { tokenFromEnd, type Subjects } from '../../replication/messages/subjects.js'
import type { Subscription } from '../../replication/transport/transport.js'
import type { OnPubsubEvent } from '../events.js'

const Hint = v.object({ shards: v.array(v.count) })

export class HintPublisher {
  readonly #context: CacheContext
  readonly #dirty = new Set<number>()
  readonly #dropped: Tally
  #timer: Timer | undefined

  constructor (context: CacheContext, onEvent: OnPubsubEvent) {
    const { cache, ports } = context
    this.#context = context
    this.#dropped = new Tally(
      ports.timers,
      count => onEvent({ type: 'hint-dropped', cache, count })
    )
  }

  /**
   * Tells of this shard after timing.hintIntervalMs: the latency a waiting consumer sees, against
   * the number of messages.
   */
  changed (shard: number): void {
    const { ports, timing } = this.#context
    this.#dirty.add(shard)
    this.#timer ??= ports.timers.after(timing.hintIntervalMs, () => this.#publish())
  }

  #publish (): void {
    const { cache, self, messenger, subjects, limits } = this.#context
    this.#timer = undefined
    const shards = [...this.#dirty]
    this.#dirty.clear()
    for (const some of piecesOf(shards, limits.maxShardsPerHint)) {
      const isSent = messenger.send(subjects.hints(cache, self.id), 'hint', { shards: some })
      if (!isSent) this.#dropped.add()
    }
  }

  /** Publishes what was gathered, and stops. */
  close (): void {
    this.#timer?.cancel()
    everyStep([() => this.#publish(), () => this.#dropped.close()])
  }

  /** Stops without publishing anything. */
  abandon (): void {
    this.#timer?.cancel()
    this.#dropped.close()
  }
}

/** Calls back for every hint of a cache: which node changed which shards. */
export function onHints (
  messenger: Messenger,
  subjects: Subjects,
  cache: string,
  listener: (node: string, shards: readonly number[]) => void
): Subscription {
  return messenger.on(subjects.hintsOfCache(cache), 'hint', (value, subject) => {
    const parsed = v.safeParse(Hint, value)
    if (parsed.success) listener(tokenFromEnd(subject, 0), parsed.output.shards)
  })
}
