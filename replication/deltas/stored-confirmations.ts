/**
 * Confirms to peers what the store of this node has of their batches, for writers who wait for
 * stores. One wait for the store serves all peers and placement groups that ask meanwhile:
 *
 *   want --> wanted --the store has it all--> Confirmations
 *               ^            |
 *               +-- pause <--+ failed: it stays queued there, and is asked again
 */
import type { Timer } from '../../engine/ports.js'
import type { Persister } from '../../storage/write-behind/persister.js'
import type { CacheContext } from '../contexts.js'
import type { Confirmations } from './confirmations.js'

/** A placement group of a life of a peer, and up to which sequence it is to be confirmed. */
interface Wanted {
  readonly node: string
  readonly incarnation: number
  readonly group: number
  readonly sequence: number
}

export class StoredConfirmations {
  readonly #context: Pick<CacheContext, 'ports' | 'timing'>
  readonly #persister: Pick<Persister, 'synced'>
  readonly #confirmations: Pick<Confirmations, 'send'>
  /** At most one of each peer and placement group. */
  #wanted = new Map<string, Wanted>()
  #isWaiting = false
  #again: Timer | undefined
  #closed = false

  constructor (
    context: Pick<CacheContext, 'ports' | 'timing'>,
    persister: Pick<Persister, 'synced'>,
    confirmations: Pick<Confirmations, 'send'>
  ) {
    this.#context = context
    this.#persister = persister
    this.#confirmations = confirmations
  }

  /** What was merged of a group up to `sequence` is with the store, which may take its time. */
  want (node: string, incarnation: number, group: number, sequence: number): void {
    this.#wanted.set(`${node}/${group}`, { node, incarnation, group, sequence })
    if (!this.#isWaiting && this.#again === undefined) void this.#confirm()
  }

  async #confirm (): Promise<void> {
    this.#isWaiting = true
    while (this.#wanted.size > 0 && !this.#closed) {
      const wanted = this.#wanted
      this.#wanted = new Map()
      try {
        await this.#persister.synced()
      } catch {
        // The persister reports it, and tries again. What was asked later counts.
        this.#wanted = new Map([...wanted, ...this.#wanted])
        this.#pause()
        break
      }
      if (this.#closed) break
      for (const { node, incarnation, group, sequence } of wanted.values()) {
        this.#confirmations.send(node, incarnation, group, sequence, true)
      }
    }
    this.#isWaiting = false
  }

  #pause (): void {
    if (this.#closed) return
    const { ports, timing } = this.#context
    this.#again = ports.timers.after(timing.heartbeatMs, () => {
      this.#again = undefined
      void this.#confirm()
    })
  }

  close (): void {
    this.#closed = true
    this.#again?.cancel()
  }
}
