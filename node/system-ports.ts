/** The real clock, timers and randomness. Everything else gets them as ports. */
import { randomBytes } from 'node:crypto'
import type { Ports } from '../engine/ports.js'

export const systemPorts: Ports = {
  clock: {
    wallMs: () => performance.timeOrigin + performance.now(),
    monotonicMs: () => performance.now()
  },
  timers: {
    after (delayMs, fn) {
      if (delayMs <= 0) {
        const immediate = setImmediate(fn)
        return { cancel: () => clearImmediate(immediate) }
      }
      const timeout = setTimeout(fn, delayMs)
      return { cancel: () => clearTimeout(timeout) }
    }
  },
  random: { uint32: () => randomBytes(4).readUInt32LE() }
}
