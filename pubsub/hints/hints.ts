/**
 * Dirty hints: "these shards changed here". Tiny, gathered for a few milliseconds into one message
 * per node, and lossy by design: a lost hint is made up for by the digests in the next heartbeats,
 * so nobody ever waits for one to arrive.
 */
import { limits } from '../../engine/limits.js'
import type { Timer, Timers } from '../../engine/ports.js'
import * as v from '../../engine/base/schema.js'
import type { Messenger } from '../../replication/messages/messenger.js'
import { tokenFromEnd, type Subjects } from '../../replication/messages/subjects.js'
import type { Subscription } from '../../replication/transport/transport.js'

const Hint = v.object({ shards: v.array(v.count) })

export interface HintPublisherOptions {
  readonly cache: string
  readonly node: string
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly timers: Timers
  /**
   * How long changes gather: the latency a waiting consumer sees, against the number of messages.
   */
  readonly hintIntervalMs: number
}

export class HintPublisher {
  readonly #options: HintPublisherOptions
  readonly #dirty = new Set<number>()
  #timer: Timer | undefined

  constructor (options: HintPublisherOptions) {
    this.#options = options
  }

  changed (shard: number): void {
    const { timers, hintIntervalMs } = this.#options
    this.#dirty.add(shard)
    this.#timer ??= timers.after(hintIntervalMs, () => this.#publish())
  }

  #publish (): void {
    const { cache, node, messenger, subjects } = this.#options
    this.#timer = undefined
    const shards = [...this.#dirty]
    this.#dirty.clear()
    for (let i = 0; i < shards.length; i += limits.maxShardsPerHint) {
      messenger.send(subjects.hints(cache, node), 'hint', {
        shards: shards.slice(i, i + limits.maxShardsPerHint)
      })
    }
  }

  close (): void {
    this.#timer?.cancel()
    this.#publish()
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
