/**
 * A process that stood still (suspended, collected, busy) wakes to timers that are long due and to
 * heartbeats that it has not read yet. So silence is judged only after everything that the network
 * had for this process has been read (SPEC R15): a flush is answered behind all of it.
 */
import type { Timers } from '../../engine/ports.js'
import { settledWithin } from '../transport/settled-within.js'
import type { Transport } from '../transport/transport.js'

export interface HearingOptions {
  readonly transport: Pick<Transport, 'flush'>
  readonly timers: Timers
}

export class Hearing {
  readonly #options: HearingOptions
  #isWaiting = false
  #closed = false

  constructor (options: HearingOptions) {
    this.#options = options
  }

  /**
   * Calls back once what has arrived is read; where the network does not answer, after `patienceMs`
   * all the same. While it waits, another call is dropped: the first one serves both.
   */
  caughtUp (patienceMs: number, call: () => void): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    void this.#caughtUp(patienceMs).then(() => {
      this.#isWaiting = false
      if (!this.#closed) call()
    })
  }

  async #caughtUp (patienceMs: number): Promise<void> {
    const { transport, timers } = this.#options
    const read = async (): Promise<void> => await transport.flush()
    await settledWithin(read(), timers, patienceMs)
  }

  close (): void {
    this.#closed = true
  }
}
