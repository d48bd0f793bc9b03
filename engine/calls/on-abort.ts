/**
 * Listens to a signal that many consumers share, with one listener for all of them. Each with its
 * own would look like a leak: Node warns of too many listeners, and the limit of a signal of the
 * program is not ours to raise.
 */

interface SharedListener {
  readonly calls: Set<() => void>
  readonly listener: () => void
}

const sharedBy = new WeakMap<AbortSignal, SharedListener>()

/**
 * Calls when the signal is aborted from now on.
 * @returns stops listening
 */
export function onAbort (signal: AbortSignal, call: () => void): () => void {
  const shared = sharedBy.get(signal) ?? listen(signal)
  const own = (): void => call() // the same function may be given twice
  shared.calls.add(own)
  return () => {
    if (shared.calls.delete(own) && shared.calls.size === 0) forget(signal, shared)
  }
}

function listen (signal: AbortSignal): SharedListener {
  const calls = new Set<() => void>()
  const listener = (): void => {
    for (const call of [...calls]) call()
  }
  const shared = { calls, listener }
  signal.addEventListener('abort', listener)
  sharedBy.set(signal, shared)
  return shared
}

/** Takes the listener away with its last call. To let go never fails: the call has its outcome. */
function forget (signal: AbortSignal, { listener }: SharedListener): void {
  sharedBy.delete(signal)
  try {
    signal.removeEventListener('abort', listener)
  } catch {
    // a signal of the program's own making
  }
}
