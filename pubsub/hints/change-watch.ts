/**
 * Notices that shards changed, for one consumer, and marks them dirty. Hints tell of most changes
 * at once. Changes whose hint was lost are found by a regular look at the digests in heartbeats.
 */
import { everyStep } from '../../engine/base/every-step.js'
import type { Timer } from '../../engine/ports.js'
import { hintCheckIntervalMs } from '../../engine/timing.js'
import type { ConsumerScope } from '../consumer/scope.js'
import { onHints } from './hints.js'
import { LostHints } from './lost-hints.js'

export class ChangeWatch {
  readonly #scope: ConsumerScope
  readonly #onDirty: () => void
  readonly #lostHints: LostHints
  readonly #closers: Array<() => void> = []
  #timer: Timer | undefined
  #closed = false

  /** @param onDirty is called when shards are dirty, again for each reason to think so */
  constructor (scope: ConsumerScope, onDirty: () => void) {
    this.#scope = scope
    this.#onDirty = onDirty
    this.#lostHints = new LostHints(scope)
  }

  /** Listens to hints from now on. Called before the first read: no change in between is missed. */
  listen (): void {
    const { messenger, subjects, router } = this.#scope.context
    const hints = onHints(
      messenger,
      subjects,
      router.cache,
      (node, shards) => this.#hinted(node, shards)
    )
    this.#closers.push(() => hints.close())
  }

  /** A node says that these shards changed there. Other nodes than the one in use do not count. */
  #hinted (node: string, shards: readonly number[]): void {
    const { context: { router: { topology } }, positions, holders } = this.#scope
    for (const shard of shards) {
      if (holders.isInUse(topology.groupOf(shard), node)) positions.markDirty(shard)
    }
    this.#wake()
  }

  /** Looks for lost hints from now on, and again and again. */
  lookSoon (): void {
    const { context: { ports, pace }, unheld, log, ending } = this.#scope
    this.#timer = ports.timers.after(hintCheckIntervalMs(pace()), () => {
      unheld.look()
      // A look that failed is made up for by the next one.
      void this.#lostHints.look().catch((error: unknown) => {
        if (!ending.aborted) log.recovers(error, [])
      }).finally(() => {
        if (this.#closed) return
        this.#wake()
        this.lookSoon()
      })
    })
  }

  #wake (): void {
    if (!this.#scope.positions.isClean) this.#onDirty()
  }

  close (): void {
    this.#closed = true
    this.#timer?.cancel()
    everyStep(this.#closers)
  }
}
