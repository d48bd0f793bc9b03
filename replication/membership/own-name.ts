/**
 * A name belongs to one process. Of two that began under one name at the same time, neither heard a
 * heartbeat of the other: each hears the other's hello, and the greater incarnation gives way.
 *
 * Two may run all the same: one stood still, was replaced, and goes on. The one that began later
 * keeps the name, and peers go by that as well (SPEC R17). The other gives way once it has heard
 * two heartbeats of the later one: a single one may be late, and of a life that has ended. Their
 * clocks may differ: the later one begins after the one that it replaces (name-starts.ts).
 */
import type { OnEvent } from '../events.js'
import { beganLater, type NodeStart } from './heartbeat.js'

/** Heartbeats of a later process that show that it runs. */
const BEATS_TO_GIVE_WAY = 2

export class OwnName {
  readonly #id: string
  #own: NodeStart
  readonly #onEvent: OnEvent
  readonly #onLost: (incarnation: number) => void
  #takenBy: number | undefined
  /** Heartbeats of the process that has the name now, as far as was heard. */
  #beats = 0

  /** @param onLost a process that began later runs under this name */
  constructor (
    { id, ...own }: { readonly id: string } & NodeStart,
    onEvent: OnEvent,
    onLost: (incarnation: number) => void
  ) {
    this.#id = id
    this.#own = own
    this.#onEvent = onEvent
    this.#onLost = onLost
  }

  /** The incarnation of another process that was heard under this name. */
  get takenBy (): number | undefined {
    return this.#takenBy
  }

  /** This process counts from now on, and says that it began then. */
  begins (beganMs: number): void {
    this.#own = { ...this.#own, beganMs }
  }

  is (id: string | undefined): boolean {
    return id === this.#id
  }

  /** A process with this name sent a heartbeat, and does not say goodbye. */
  heardBeat (other: NodeStart): void {
    const { incarnation } = other
    if (incarnation === this.#own.incarnation) return
    this.#taken(incarnation)
    if (!beganLater(other, this.#own) || ++this.#beats < BEATS_TO_GIVE_WAY) return
    this.#onLost(incarnation)
  }

  /**
   * A process with this name said hello while this one did not beat yet.
   * @returns whether this one should say hello again, for the other may not have been there before
   */
  heardHello (incarnation: number): boolean {
    if (incarnation > this.#own.incarnation) return true
    if (incarnation < this.#own.incarnation) this.#taken(incarnation)
    return false
  }

  /** Reports each process once. */
  #taken (incarnation: number): void {
    if (this.#takenBy === incarnation) return
    this.#takenBy = incarnation
    this.#beats = 0
    this.#onEvent({ type: 'name-taken', node: this.#id, incarnation })
  }
}
