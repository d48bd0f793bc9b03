/**
 * A name belongs to one process. Of two that began under one name at the same time, neither heard a
 * heartbeat of the other: each hears the other's hello, and the greater incarnation gives way.
 */
import type { OnEvent } from '../events.js'

export class OwnName {
  readonly #id: string
  readonly #incarnation: number
  readonly #onEvent: OnEvent
  #takenBy: number | undefined

  constructor (
    { id, incarnation }: { readonly id: string, readonly incarnation: number },
    onEvent: OnEvent
  ) {
    this.#id = id
    this.#incarnation = incarnation
    this.#onEvent = onEvent
  }

  /** The incarnation of another process that was heard under this name. */
  get takenBy (): number | undefined {
    return this.#takenBy
  }

  is (id: string | undefined): boolean {
    return id === this.#id
  }

  /** A process with this name sent a heartbeat, and does not say goodbye. */
  heardBeat (incarnation: number): void {
    if (incarnation !== this.#incarnation) this.#taken(incarnation)
  }

  /**
   * A process with this name said hello while this one did not beat yet.
   * @returns whether this one should say hello again, for the other may not have been there before
   */
  heardHello (incarnation: number): boolean {
    if (incarnation > this.#incarnation) return true
    if (incarnation < this.#incarnation) this.#taken(incarnation)
    return false
  }

  /** Reports each process once. */
  #taken (incarnation: number): void {
    if (this.#takenBy === incarnation) return
    this.#takenBy = incarnation
    this.#onEvent({ type: 'name-taken', node: this.#id, incarnation })
  }
}
