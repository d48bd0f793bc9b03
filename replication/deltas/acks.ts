/**
 * Write concern: which nodes must hold a write before its writer is told that it is done.
 *
 *   waiting for its batch --published as s--> waiting for receivers --enough confirmed >= s--> done
 *                                                              |
 *                                              timeout: WriteConcernError; the write stands
 *
 * A receiver confirms sequences, never single writes: one confirmation serves every writer of a
 * batch.
 */
import { BusyError, WriteConcernError } from '../../engine/errors.js'
import type { Timer } from '../../engine/ports.js'
import type { CacheContext } from '../contexts.js'
import { demandOf, textOf, type WriteConcern } from './write-concern.js'

/** A writer who waits. */
interface Waiter {
  readonly needed: number
  /** Whether only a replica whose store has the write counts. */
  readonly isDurable: boolean
  readonly confirmedBy: Set<string>
  readonly done: () => void
  readonly giveUp: () => void
  timer: Timer | undefined
}

interface GroupWaiters {
  unpublished: Set<Waiter>
  published: Array<{ readonly sequence: number, readonly waiters: Set<Waiter> }>
}

export class Acks {
  readonly #context: Pick<CacheContext, 'ports' | 'limits' | 'shape'>
  readonly #groups = new Map<number, GroupWaiters>()
  #count = 0

  constructor (context: Pick<CacheContext, 'ports' | 'limits' | 'shape'>) {
    this.#context = context
  }

  /**
   * Waits until the group's next batch is confirmed by enough receivers beside this node.
   * @throws WriteConcernError when they do not within timeoutMs; BusyError when too many wait
   *   already
   */
  async confirmed (
    group: number,
    concern: WriteConcern,
    timeoutMs: number
  ): Promise<void> {
    const { replicas: needed, isDurable } = demandOf(concern, this.#context.shape.replicas)
    if (needed <= 1) return
    this.assertRoom()
    const waiters = this.#of(group)
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        needed,
        isDurable,
        confirmedBy: new Set(),
        done: () => this.#settle(group, waiter, resolve),
        giveUp: () =>
          this.#settle(
            group,
            waiter,
            () =>
              reject(
                new WriteConcernError(
                  textOf(concern),
                  1 + waiter.confirmedBy.size,
                  needed,
                  timeoutMs
                )
              )
          ),
        timer: undefined
      }
      waiter.timer = this.#context.ports.timers.after(timeoutMs, waiter.giveUp)
      waiters.unpublished.add(waiter)
      this.#count++
    })
  }

  /**
   * Asked before the write is taken, so that a writer who is turned away knows that nothing
   * changed. @throws BusyError
   */
  assertRoom (): void {
    if (this.#count >= this.#context.limits.maxAckWaiters) {
      throw new BusyError(`${this.#count} writes wait for confirmations already`)
    }
  }

  /** How many writers wait. */
  get waiting (): number {
    return this.#count
  }

  #of (group: number): GroupWaiters {
    let waiters = this.#groups.get(group)
    if (waiters === undefined) {
      this.#groups.set(group, waiters = { unpublished: new Set(), published: [] })
    }
    return waiters
  }

  /** The groups whose next batch a writer waits for, and whether in stores. */
  *groupsWaiting (): IterableIterator<{ readonly group: number, readonly isDurable: boolean }> {
    for (const [group, { unpublished }] of this.#groups) {
      if (unpublished.size === 0) continue
      yield { group, isDurable: [...unpublished].some(({ isDurable }) => isDurable) }
    }
  }

  /** The group's batches up to `sequence` hold everything written before. */
  published (group: number, sequence: number): void {
    const waiters = this.#groups.get(group)
    if (waiters === undefined || waiters.unpublished.size === 0) return
    waiters.published.push({ sequence, waiters: waiters.unpublished })
    waiters.unpublished = new Set()
  }

  /** A receiver holds everything of the group up to `sequence`, and its store if `isStored`. */
  confirm (node: string, group: number, sequence: number, isStored: boolean): void {
    for (const batch of this.#groups.get(group)?.published ?? []) {
      if (batch.sequence > sequence) break
      for (const waiter of batch.waiters) {
        if (waiter.isDurable && !isStored) continue
        waiter.confirmedBy.add(node)
        if (1 + waiter.confirmedBy.size >= waiter.needed) waiter.done()
      }
    }
  }

  /** Tells the writers who still wait how far it got: no confirmation will come any more. */
  close (): void {
    for (const { unpublished, published } of [...this.#groups.values()]) {
      for (const waiter of [...unpublished, ...published.flatMap(({ waiters }) => [...waiters])]) {
        waiter.giveUp()
      }
    }
  }

  #settle (group: number, waiter: Waiter, how: () => void): void {
    waiter.timer?.cancel()
    const waiters = this.#of(group)
    waiters.unpublished.delete(waiter)
    for (const batch of waiters.published) batch.waiters.delete(waiter)
    waiters.published = waiters.published.filter(batch => batch.waiters.size > 0)
    if (waiters.published.length === 0 && waiters.unpublished.size === 0) this.#groups.delete(group)
    this.#count--
    how()
  }
}
