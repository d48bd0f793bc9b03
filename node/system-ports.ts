/** The real clock, timers and randomness. Everything else gets them as ports. */
import { randomBytes } from 'node:crypto'
import type { Ports, Timer } from '../engine/ports.js'

/** The longest delay that setTimeout takes: a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

export const systemPorts: Ports = {
  clock: {
    wallMs,
    monotonicMs: () => performance.now()
  },
  timers: { after },
  random: { uint32: () => randomBytes(4).readUInt32LE() }
}

/** Just below one: a millisecond and this is still the same millisecond, to a microsecond. */
const LAST_PART_MS = 0.999
/** From monotonic time to wall time, as of the last reading. */
let originMs = performance.timeOrigin

/**
 * The wall clock, read anew each time: the monotonic clock stands still while a machine is
 * suspended, and does not follow when the wall clock is set. It adds the parts of a millisecond,
 * and never another one than the wall clock shows.
 */
function wallMs (): number {
  const shownMs = Date.now()
  const sinceMs = performance.now()
  const partMs = originMs + sinceMs - shownMs
  const keptMs = Math.min(LAST_PART_MS, Math.max(0, partMs))
  if (keptMs !== partMs) originMs = shownMs + keptMs - sinceMs
  return shownMs + keptMs
}

function after (delayMs: number, fn: () => void): Timer {
  if (delayMs <= 0) {
    const immediate = setImmediate(fn)
    return { cancel: () => clearImmediate(immediate) }
  }
  if (delayMs <= MAX_DELAY_MS) {
    const timeout = setTimeout(fn, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  }
  let timer = after(MAX_DELAY_MS, () => {
    timer = after(delayMs - MAX_DELAY_MS, fn)
  })
  return { cancel: () => timer.cancel() }
}
