/**
 * Turns of the event loop, for work that would not let it go on.
 *
 * A promise that is resolved already goes on in the same turn. So a loop of awaited writes, or of
 * pages that this node has in memory, runs without timers and messages until it ends: no flush, no
 * heartbeat, and other nodes take this one for dead. Work of that kind asks here between its
 * pieces, and waits for the next turn once the work of this one has taken its budget. All work on
 * one event loop shares the budget.
 *
 *   first ask --begins to count--> isOver after intervals.turnBudgetMs --next()--> a new turn
 *                    |                                                                 ^
 *                    +-- the loop went on by itself -----------------------------------+
 *
 * A piece is never cut: the longest turn is the budget and one piece, whose size has bounds of its
 * own (limits.ts).
 */
import type { Ports } from './ports.js'
import { intervals } from './timing.js'

/** Small pieces between two looks at the clock: a look costs a twentieth of a buffered write. */
const SMALL_PIECES_PER_LOOK = 32

export type TurnPorts = Pick<Ports, 'clock' | 'timers'>

export class Turns {
  readonly #ports: TurnPorts
  /** When work first asked in this turn; undefined before. */
  #beganMs: number | undefined
  #pieces = 0
  #next: Promise<void> | undefined
  #wake: () => void = () => {}

  constructor (ports: TurnPorts) {
    this.#ports = ports
  }

  /**
   * Whether the work of this turn has taken its budget.
   * @param dueMs a timer that must not be late, on the monotonic clock: from then on the turn is
   *   over too
   */
  isOver (dueMs = Infinity): boolean {
    const nowMs = this.#ports.clock.monotonicMs()
    this.#beganMs ??= this.#begin(nowMs)
    return nowMs - this.#beganMs >= intervals.turnBudgetMs || nowMs >= dueMs
  }

  /** As isOver, for pieces of microseconds: it looks at the clock once in a few. */
  isOverAtLast (dueMs?: number): boolean {
    if (++this.#pieces < SMALL_PIECES_PER_LOOK) return false
    this.#pieces = 0
    return this.isOver(dueMs)
  }

  #begin (nowMs: number): number {
    this.#ports.timers.after(0, () => {
      this.#beganMs = undefined
      this.#next = undefined
      this.#wake()
      this.#wake = () => {}
    })
    return nowMs
  }

  /** Resolves in the next turn, after the messages and timers that are already due. */
  next (): Promise<void> {
    this.#beganMs ??= this.#begin(this.#ports.clock.monotonicMs())
    return this.#next ??= new Promise(resolve => {
      this.#wake = resolve
    })
  }

  /**
   * Does a piece of work, at once or in the first turn that has room for it. Those that wait go on
   * in the order in which they came.
   * @throws what the piece throws
   */
  async run<T> (piece: () => T): Promise<T> {
    while (this.isOver()) await this.next()
    return piece()
  }
}

const known = new WeakMap<TurnPorts, Turns>()

/** The turns of the event loop behind these ports. */
export function turnsOf (ports: TurnPorts): Turns {
  let turns = known.get(ports)
  if (turns === undefined) known.set(ports, turns = new Turns(ports))
  return turns
}
