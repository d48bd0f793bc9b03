/**
 * What a node does before it leaves in good order: the others take over its placement groups, as
 * many of them as there should be replicas, or all that are left (SPEC R23).
 *
 *   weight 0 -> owners elsewhere fetch -> each group is covered there
 *            -> writes are refused here, so that holders that stay take them
 *            -> each group is covered once more -> goodbye
 *
 * The last heartbeat before the goodbye names only what was not handed over: the others take the
 * store off their rosters for the rest. The node keeps what it has: started again, it fetches only
 * what changed meanwhile. The time is bounded: what is not handed over by then stays on the rosters
 * of the others, which wait for it.
 */
import { MillpondError } from '../../engine/errors.js'
import type { CacheContext } from '../contexts.js'
import type { LocalWrites } from '../writes/local-writes.js'
import { intervals } from '../../engine/timing.js'
import type { GroupMoves } from './group-moves.js'
import type { HandOver } from './hand-over.js'
import type { HeldGroups } from './held-groups.js'

export interface DrainParts {
  readonly held: HeldGroups
  readonly handOver: HandOver
  readonly moves: Pick<GroupMoves, 'keepAll'>
  readonly writes: Pick<LocalWrites, 'close'>
  /** Logs and publishes what is buffered. */
  readonly flush: () => void
}

export class Drain {
  readonly #context: CacheContext
  readonly #parts: DrainParts
  readonly #covered = new Set<number>()
  #waitsForTakers = false
  #isOver = false

  constructor (context: CacheContext, parts: DrainParts) {
    this.#context = context
    this.#parts = parts
  }

  /**
   * @param waitsForTakers whether there are others although none may be in view: another process
   *   has the name of this one, and nobody will start this one again
   * @returns the groups that the others may not have all of; none where there are no others
   */
  async run (timeoutMs: number, waitsForTakers: boolean): Promise<number[]> {
    const { held, handOver, moves } = this.#parts
    const { timers } = this.#context.ports
    this.#waitsForTakers = waitsForTakers
    moves.keepAll()
    await new Promise<void>(resolve => {
      const timer = timers.after(timeoutMs, resolve)
      void this.#all().finally(() => {
        timer.cancel()
        resolve()
      })
    })
    this.#isOver = true
    if (!waitsForTakers && handOver.takers().length === 0) return []
    return held.all.filter(each => !this.#covered.has(each))
  }

  async #all (): Promise<void> {
    const { writes, flush } = this.#parts
    await this.#cover()
    if (this.#isOver) return
    writes.close()
    flush()
    this.#covered.clear()
    await this.#cover()
  }

  /** Ends when every group is covered, or nobody is left to take any and none is waited for. */
  async #cover (): Promise<void> {
    const { held, handOver } = this.#parts
    const { timers } = this.#context.ports
    for (;;) {
      for (const group of held.all) {
        if (this.#isOver || (!this.#waitsForTakers && handOver.takers().length === 0)) return
        if (!this.#covered.has(group) && await this.#isCovered(group)) this.#covered.add(group)
      }
      if (this.#isOver || held.all.every(group => this.#covered.has(group))) return
      await new Promise<void>(resolve => {
        timers.after(intervals.drainLookMs, resolve)
      })
    }
  }

  async #isCovered (group: number): Promise<boolean> {
    try {
      return await this.#parts.handOver.isCovered(group)
    } catch (error) {
      const { cache, self, onEvent } = this.#context
      // An owner that leaves as well is no failure: who is left is looked at again.
      const hasLeft = error instanceof MillpondError && error.code === 'UNAVAILABLE'
      if (!this.#isOver && !hasLeft) onEvent({ type: 'repair-failed', cache, node: self.id, error })
      return false
    }
  }

  /** Whether others have all of a group, and this node is about to say goodbye. */
  gaveUp (group: number): boolean {
    return this.#isOver && this.#covered.has(group)
  }

  close (): void {
    this.#isOver = true
  }
}
