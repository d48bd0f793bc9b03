/** The real clock, timers and randomness. Everything else gets them as ports. */
import { randomBytes } from 'node:crypto'
import { uptime } from 'node:os'
import type { Ports, Timer } from '../engine/ports.js'

/** The longest delay that setTimeout takes: a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

export const systemPorts: Ports = {
  clock: {
    wallMs,
    monotonicMs: () => performance.now(),
    suspendedMs
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

/** A step of the wall clock, or a suspension, that is shorter than this makes no difference. */
const STEP_MS = 100
const upBeforeMs = upMs() - performance.now()
/** The wall clock less the monotonic one, when it was last found out why they drifted apart. */
let apartMs = performance.timeOrigin
let suspendedForMs = 0

/**
 * Where the wall clock has moved against the monotonic one, it was set, or the machine was
 * suspended: then the machine is up for longer than the monotonic clock tells.
 */
function suspendedMs (): number {
  const nowApartMs = Date.now() - performance.now()
  if (Math.abs(nowApartMs - apartMs) > STEP_MS) {
    apartMs = nowApartMs
    const forMs = upMs() - performance.now() - upBeforeMs
    if (forMs > suspendedForMs + STEP_MS) suspendedForMs = forMs
  }
  return suspendedForMs
}

/** For how long the machine is up, suspended or not; no number where it does not say. */
function upMs (): number {
  try {
    return uptime() * 1000
  } catch {
    return NaN
  }
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
