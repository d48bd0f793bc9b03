/**
 * SIGINT and SIGTERM as an AbortSignal: a command winds up what it is doing and ends well. A second
 * signal ends the process at once.
 */
import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export interface Interrupt {
  readonly signal: AbortSignal
  /** Stops listening. */
  end(): void
}

export function onInterrupt (): Interrupt {
  const controller = new AbortController()
  const listener = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name])
    controller.abort()
  }
  for (const name of SIGNALS) process.on(name, listener)
  return {
    signal: controller.signal,
    end () {
      for (const name of SIGNALS) process.off(name, listener)
    }
  }
}

/** Resolves when aborted. */
export async function aborted (signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
