/**
 * Whether a node has all of what it should hold, and waiting until it has. A supervisor that goes
 * on to the next node before that would have the last good copies stopped (SPEC R24).
 */
import { abortedBy, checkCall, CALL_OPTIONS, type CallOptions } from '../engine/calls/call.js'
import { onAbort } from '../engine/calls/on-abort.js'
import { assertKnown } from '../engine/base/known.js'
import { ClosedError, TimeoutError } from '../engine/errors.js'
import type { Timers } from '../engine/ports.js'

interface ReadyWaiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const CALL: ReadonlySet<string> = new Set(CALL_OPTIONS)

export class Readiness {
  readonly #timers: Timers
  readonly #lack: () => string | undefined
  readonly #waiting = new Set<ReadyWaiter>()
  #closed = false

  /** @param lack what the node waits for, in words; undefined when it is ready */
  constructor (timers: Timers, lack: () => string | undefined) {
    this.#timers = timers
    this.#lack = lack
  }

  /** Call it whenever what the node lacks may have changed. */
  look (): void {
    if (this.#waiting.size === 0 || this.#lack() !== undefined) return
    for (const { resolve } of [...this.#waiting]) resolve()
  }

  /** @throws TypeError; rejects with TimeoutError, AbortedError, ClosedError */
  when (options: CallOptions): Promise<void> {
    assertKnown(options, CALL, 'whenReady')
    checkCall(options)
    return this.#when(options)
  }

  async #when ({ timeoutMs, signal }: CallOptions): Promise<void> {
    if (this.#closed) throw new ClosedError('node')
    if (signal?.aborted === true) throw abortedBy(signal, 'no')
    if (this.#lack() === undefined) return
    let end = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const waiting = { resolve, reject }
        this.#waiting.add(waiting)
        const timer = timeoutMs === undefined ? undefined : this.#timers.after(
          timeoutMs,
          () => reject(new TimeoutError(`being ready (${this.#lack() ?? 'ready'})`, timeoutMs))
        )
        const stop = signal === undefined
          ? undefined
          : onAbort(signal, () => reject(abortedBy(signal, 'no')))
        end = () => {
          this.#waiting.delete(waiting)
          timer?.cancel()
          stop?.()
        }
      })
    } finally {
      end()
    }
  }

  close (): void {
    this.#closed = true
    for (const { reject } of [...this.#waiting]) reject(new ClosedError('node'))
  }
}
