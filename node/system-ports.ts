/** The real clock, timers and randomness. Everything else gets them as ports. */
import { randomBytes } from 'node:crypto'
import type { Ports, Timer } from '../engine/ports.js'

/** The longest delay that setTimeout takes: a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

export const systemPorts: Ports = {
  clock: {
    wallMs: () => performance.timeOrigin + performance.now(),
    monotonicMs: () => performance.now()
  },
  timers: { after },
  random: { uint32: () => randomBytes(4).readUInt32LE() }
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
