/**
 * The timers of a program, with a guard around them (guarded-ports.ts): each calls once, not before
 * it was set and not after it was cancelled.
 */
import { messageOf } from '../../engine/base/thrown.js'
import type { Timer, Timers } from '../../engine/ports.js'
import { systemPorts } from '../system-ports.js'
import { assertHas, letGo } from './checks.js'
import type { GuardedClock, TellPort } from './guarded-clock.js'

export class GuardedTimers implements Timers {
  readonly #given: Timers
  readonly #clock: GuardedClock
  readonly #tell: TellPort

  constructor (given: Timers, clock: GuardedClock, tell: TellPort) {
    this.#given = given
    this.#clock = clock
    this.#tell = tell
  }

  after (delayMs: number, fn: () => void): Timer {
    const setMs = this.#clock.monotonicMs()
    let isOver = false
    const fire = (): void => {
      if (isOver) return
      isOver = true
      this.#clock.ranOut(setMs, delayMs)
      fn()
    }
    const timer = this.#set(delayMs, fire)
    return {
      cancel: () => {
        if (isOver) return
        isOver = true
        try {
          letGo(timer.cancel())
        } catch (error) {
          this.#tell('timers.after', `gave a timer whose cancel failed: ${messageOf(error)}`)
        }
      }
    }
  }

  #set (delayMs: number, fire: () => void): Timer {
    try {
      return setTimer(this.#given, delayMs, fire)
    } catch (error) {
      this.#tell('timers.after', `failed: ${messageOf(error)}`)
      return systemPorts.timers.after(delayMs, fire)
    }
  }
}

/** @throws TypeError when it gives no timer, or calls before it returns; what it throws */
export function setTimer (timers: Timers, delayMs: number, fn: () => void): Timer {
  let isSet = false
  let isEarly = false
  const timer: unknown = timers.after(delayMs, () => {
    if (isSet) fn()
    else isEarly = true
  })
  assertHas(timer, ['cancel'], 'it must return a Timer')
  if (isEarly) throw new TypeError('it must not call before it returns')
  isSet = true
  return timer as Timer
}
