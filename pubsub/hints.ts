/**
 * Dirty hints: "these shards changed here". Tiny, coalesced per placement group, and lossy by design: a lost hint is
 * made up for by the digests in the next heartbeat, so nobody ever waits for one to arrive.
 */
import { limits } from '../engine/limits.js'
import type { Timer, Timers } from '../engine/ports.js'
import { groupOf } from '../engine/routing.js'
import * as v from '../engine/schema.js'
import type { Messenger } from '../replication/messenger.js'
import { tokenFromEnd, type Subjects } from '../replication/subjects.js'
import type { Subscription } from '../replication/transport.js'

/** The shards that changed, or null for "any of the group". */
const Hint = v.object({ shards: v.nullable(v.array(v.count)) })

export interface HintPublisherOptions {
  readonly cache: string
  readonly node: string
  readonly groups: number
  readonly messenger: Messenger
  readonly subjects: Subjects
  readonly timers: Timers
  /** Changes of this long share one hint: the least latency a waiting consumer sees against the number of messages. */
  readonly hintIntervalMs: number
}

export class HintPublisher {
  readonly #options: HintPublisherOptions
  readonly #dirty = new Map<number, Set<number>>()
  #timer: Timer | undefined

  constructor (options: HintPublisherOptions) { this.#options = options }

  changed (shard: number): void {
    const { groups, timers, hintIntervalMs } = this.#options
    const group = groupOf(shard, groups)
    const dirty = this.#dirty.get(group)
    if (dirty === undefined) this.#dirty.set(group, new Set([shard]))
    else dirty.add(shard)
    this.#timer ??= timers.after(hintIntervalMs, () => this.#publish())
  }

  #publish (): void {
    const { cache, node, messenger, subjects } = this.#options
    this.#timer = undefined
    for (const [group, dirty] of this.#dirty) {
      messenger.send(subjects.hints(cache, node, group), 'hint', { shards: dirty.size > limits.maxShardsPerHint ? null : [...dirty] })
    }
    this.#dirty.clear()
  }

  close (): void {
    this.#timer?.cancel()
    if (this.#dirty.size > 0) this.#publish()
  }
}

/** Calls back for every hint of a cache: which node changed which shards; null means any shard of the group. */
export function onHints (messenger: Messenger, subjects: Subjects, cache: string, listener: (node: string, group: number, shards: readonly number[] | null) => void): Subscription {
  return messenger.on(subjects.hintsOfCache(cache), 'hint', (value, subject) => {
    const parsed = v.safeParse(Hint, value)
    if (parsed.success) listener(tokenFromEnd(subject, 1), Number(tokenFromEnd(subject, 0)), parsed.output.shards)
  })
}
