/**
 * When a cache is flushed: one flush interval after the first thing that waits for it. The longer a
 * flush takes, the longer the next one is put off, so under load batches grow instead of their
 * number.
 *
 *   soon() --interval, or rest--> flush --the turn of the event loop is over--> the rest of it, in
 *                                   |                                           the next turn
 *                                   +--whole--> the next soon()
 */
import type { Timer } from '../../engine/ports.js'
import { flushRestMs } from '../../engine/timing.js'
import { turnsOf } from '../../engine/turns.js'
import type { CacheContext } from '../contexts.js'

/**
 * Flushes until `isOver` says that others should have their turn. @returns whether that was all
 */
export type FlushSome = (isOver: () => boolean) => boolean

export class FlushSchedule {
  readonly #context: Pick<CacheContext, 'ports' | 'timing'>
  readonly #flush: FlushSome
  #timer: Timer | undefined
  #dueMs = Infinity
  /** The time that the flush under way has taken so far, over its turns. */
  #tookMs = 0
  #restMs = 0
  #running = false
  #closed = false

  constructor (context: Pick<CacheContext, 'ports' | 'timing'>, flush: FlushSome) {
    this.#context = context
    this.#flush = flush
  }

  /** A flush is under way: it also publishes the deltas that it logs itself. */
  get running (): boolean {
    return this.#running
  }

  /** Something waits to be flushed. */
  soon (): void {
    if (this.#timer !== undefined) return
    this.#arm(Math.max(this.#context.timing.flushIntervalMs, this.#restMs))
  }

  #arm (delayMs: number): void {
    if (this.#closed) return
    const { ports } = this.#context
    const turns = turnsOf(ports)
    this.#timer = ports.timers.after(delayMs, () => this.#run(() => turns.isOver()))
    this.#dueMs = ports.clock.monotonicMs() + delayMs
  }

  /** When the next flush is due, on the monotonic clock; Infinity when nothing waits for it. */
  get dueMs (): number {
    return this.#dueMs
  }

  /** Flushes everything without waiting any longer. @throws what the flush throws */
  now (): void {
    this.#run(() => false)
  }

  #run (isOver: () => boolean): void {
    const { clock } = this.#context.ports
    const startedMs = clock.monotonicMs()
    this.#disarm()
    this.#running = true
    let isWhole = true // one that throws as well
    try {
      isWhole = this.#flush(isOver)
    } finally {
      this.#running = false
      this.#tookMs += clock.monotonicMs() - startedMs
      if (isWhole) {
        this.#restMs = flushRestMs(this.#tookMs)
        this.#tookMs = 0
      } else {
        this.#disarm()
        this.#arm(0)
      }
    }
  }

  #disarm (): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dueMs = Infinity
  }

  close (): void {
    this.#closed = true
    this.#disarm()
  }
}
