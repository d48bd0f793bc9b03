/**
 * The clock of a program, with a guard around it (guarded-ports.ts): time never goes back, and goes
 * on at least as the timers do.
 */
import { VERSION_UNITS_PER_MS } from '../../engine/base/hlc.js'
import { messageOf } from '../../engine/base/thrown.js'
import type { Clock } from '../../engine/ports.js'
import { refused } from './checks.js'

const MAX_WALL_MS = Number.MAX_SAFE_INTEGER / VERSION_UNITS_PER_MS
/** A timer that is shorter says nothing about a clock, which may count in larger steps. */
const MIN_TELLING_MS = 20

/** Tells a program that one of its ports failed, and how. */
export type TellPort = (call: string, failure: string) => void

export function isMs (given: unknown): given is number {
  return Number.isFinite(given)
}

/** Versions are made of it, which are safe integers. */
export function isWallMs (given: unknown): given is number {
  return isMs(given) && given >= 0 && given <= MAX_WALL_MS
}

export class GuardedClock implements Clock {
  readonly #given: Clock
  readonly #tell: TellPort
  /** As last given. */
  #wallMs: number
  #monotonicMs: number
  #suspendedMs = 0
  /** By how much the given clock went back, in all. */
  #backMs = 0
  /** It stood still while a timer ran out: from then on it is at least as late as timers say. */
  #isStill = false
  #leastMs = -Infinity

  /** @param now what it gave when it was checked */
  constructor (
    given: Clock,
    now: { readonly wallMs: number, readonly monotonicMs: number },
    tell: TellPort
  ) {
    this.#given = given
    this.#wallMs = now.wallMs
    this.#monotonicMs = now.monotonicMs
    this.#tell = tell
  }

  wallMs (): number {
    return this.#wallMs = this.#read('wallMs', isWallMs) ?? this.#wallMs
  }

  monotonicMs (): number {
    const ms = this.#read('monotonicMs', isMs) ?? this.#monotonicMs
    if (ms < this.#monotonicMs) {
      this.#tell('clock.monotonicMs', `went back from ${this.#monotonicMs} to ${ms}`)
      this.#backMs += this.#monotonicMs - ms
    }
    this.#monotonicMs = ms
    return Math.max(this.#leastMs, ms + this.#backMs)
  }

  suspendedMs (): number {
    if (this.#given.suspendedMs === undefined) return 0
    const ms = this.#read('suspendedMs', isMs) ?? 0
    return this.#suspendedMs = Math.max(this.#suspendedMs, ms)
  }

  /** Takes note that a timer ran out. @param setMs the time at which it was set */
  ranOut (setMs: number, delayMs: number): void {
    const nowMs = this.monotonicMs()
    const dueMs = setMs + delayMs
    if (delayMs < MIN_TELLING_MS || nowMs >= dueMs || (nowMs > setMs && !this.#isStill)) return
    this.#tell('clock.monotonicMs', `stood still at ${nowMs} while ${delayMs} ms went by`)
    this.#isStill = true
    this.#leastMs = dueMs
  }

  /** @returns undefined where the call fails */
  #read (
    call: 'wallMs' | 'monotonicMs' | 'suspendedMs',
    isRight: (given: unknown) => given is number
  ): number | undefined {
    try {
      const given: unknown = this.#given[call]?.()
      if (isRight(given)) return given
      this.#tell(`clock.${call}`, `gave ${refused(given)}`)
    } catch (error) {
      this.#tell(`clock.${call}`, `failed: ${messageOf(error)}`)
    }
    return undefined
  }
}
