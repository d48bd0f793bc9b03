/**
 * When a cache is flushed: one flush interval after the first thing that waits for it. The longer a
 * flush takes, the longer the next one is put off, so under load batches grow instead of their
 * number.
 */
import type { Timer } from '../../engine/ports.js'
import { flushRestMs } from '../../engine/timing.js'
import type { CacheContext } from '../contexts.js'

export class FlushSchedule {
  readonly #context: Pick<CacheContext, 'ports' | 'timing'>
  readonly #flush: () => void
  #timer: Timer | undefined
  #restMs = 0
  #running = false
  #closed = false

  constructor (context: Pick<CacheContext, 'ports' | 'timing'>, flush: () => void) {
    this.#context = context
    this.#flush = flush
  }

  /** A flush is under way: it also publishes the deltas that it logs itself. */
  get running (): boolean {
    return this.#running
  }

  /** Something waits to be flushed. */
  soon (): void {
    if (this.#timer !== undefined || this.#closed) return
    const { ports, timing } = this.#context
    this.#timer = ports.timers.after(
      Math.max(timing.flushIntervalMs, this.#restMs),
      () => this.now()
    )
  }

  /** Flushes without waiting any longer. @throws what the flush throws */
  now (): void {
    const { clock } = this.#context.ports
    const startedMs = clock.monotonicMs()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#running = true
    try {
      this.#flush()
    } finally {
      this.#running = false
      const tookMs = clock.monotonicMs() - startedMs
      this.#restMs = flushRestMs(tookMs)
    }
  }

  close (): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}
