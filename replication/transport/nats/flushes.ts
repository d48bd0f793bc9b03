/**
 * The flushes of one NATS connection, and the bytes handed over that no flush has confirmed yet.
 *
 * The NATS client buffers without a bound: 500 MB queued up in front of a server that did not read.
 * A completed flush proves that everything handed over before it has arrived, so at most the bytes
 * since then still sit in a buffer. Every flush settles: with its answer, or with the loss of the
 * connection.
 */
import { asError } from '../../../engine/base/thrown.js'

/**
 * A flush is due after this many bytes: often enough to notice a stuck server early, and too rarely
 * to cost anything.
 */
const FLUSH_EVERY_BYTES = 1024 * 1024

export class Flushes {
  #handed = 0
  #confirmed = 0
  #marked = 0
  readonly #pending = new Set<(error?: Error) => void>()
  readonly #maxBytes: number
  readonly #flushEveryBytes: number
  readonly #flush: () => Promise<void>

  /**
   * @param flush resolves when the server has answered; need not settle when the connection is lost
   */
  constructor (maxBytes: number, flush: () => Promise<void>) {
    this.#maxBytes = maxBytes
    this.#flushEveryBytes = Math.min(FLUSH_EVERY_BYTES, maxBytes / 4)
    this.#flush = flush
  }

  get full (): boolean {
    return this.#handed - this.#confirmed >= this.#maxBytes
  }

  /**
   * Counts bytes that were handed over, and flushes in the background when enough have come
   * together.
   */
  add (bytes: number): void {
    this.#handed += bytes
    // A flush fails only when the connection is lost, of which the listeners hear then.
    if (this.#handed - this.#marked >= this.#flushEveryBytes) this.start().catch(() => undefined)
  }

  start (): Promise<void> {
    const mark = this.#handed
    this.#marked = mark
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        if (!this.#pending.delete(settle)) return
        if (error !== undefined) return reject(error)
        this.#confirmed = Math.max(this.#confirmed, mark)
        resolve()
      }
      this.#pending.add(settle)
      this.#flush().then(
        () => settle(),
        (error: unknown) => settle(asError(error))
      )
    })
  }

  /** The connection was lost, and its buffers with it. */
  lost (error: Error): void {
    this.#marked = this.#handed
    this.#confirmed = this.#handed
    for (const settle of [...this.#pending]) settle(error)
  }
}
