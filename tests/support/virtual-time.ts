/**
 * Time that passes only when a test says so: whole nodes run on it in one process, seconds of
 * heartbeats in milliseconds, and the same seed gives the same run.
 *
 * Timers fire in the order they are due, one at a time, and everything promised by one has settled
 * before the next. Each process of a test gets ports of its own, so that it can be killed: its
 * timers never fire again.
 */
import type { Ports, Random, Timers } from '../../engine/ports.js'
import { seededRandom } from './ports.js'

const START_MS = Date.UTC(2024, 0, 1)
/** So many timers in a row at one and the same moment are a loop that never ends. */
const MAX_FIRED_AT_ONCE = 100_000

interface Due {
  readonly atMs: number
  readonly order: number
  readonly owner: string
  readonly fn: () => void
  cancelled: boolean
}

const settled = (): Promise<void> =>
  new Promise(resolve => {
    setImmediate(resolve)
  })

export class VirtualTime {
  readonly random: Random
  #nowMs = 0
  #orders = 0
  #firedAtOnce = 0
  /** In the order they fire. */
  #due: Due[] = []
  readonly #stopped = new Set<string>()
  /** By how much the wall clock of a process is wrong, in milliseconds. */
  readonly #wrong = new Map<string, number>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor (seed: number) {
    this.random = seededRandom(seed)
  }

  get nowMs (): number {
    return this.#nowMs
  }

  /** Timers that would still fire: what a process that should have ended left behind. */
  pending (owner: string): number {
    return this.#due.filter(due => due.owner === owner && !due.cancelled).length
  }

  ports (owner: string): Ports {
    this.#stopped.delete(owner)
    return {
      clock: { wallMs: () => this.wallMs(owner), monotonicMs: () => this.#nowMs },
      timers: this.#timers(owner),
      random: this.random
    }
  }

  /** What the wall clock of a process shows; without a process, the true time. */
  wallMs (owner?: string): number {
    return START_MS + this.#nowMs + (owner === undefined ? 0 : this.#wrong.get(owner) ?? 0)
  }

  /** Sets the wall clock of a process so far ahead of the true time, or behind it. */
  setWrong (owner: string, byMs: number): void {
    this.#wrong.set(owner, byMs)
  }

  #timers (owner: string): Timers {
    return {
      after: (delayMs, fn) => {
        const due: Due = {
          atMs: this.#nowMs + Math.max(0, delayMs),
          order: this.#orders++,
          owner,
          fn,
          cancelled: false
        }
        if (!this.#stopped.has(owner)) this.#insert(due)
        return {
          cancel: () => {
            due.cancelled = true
          }
        }
      }
    }
  }

  #insert (due: Due): void {
    let low = 0
    for (let high = this.#due.length; low < high;) {
      const middle = (low + high) >>> 1
      if ((this.#due[middle] as Due).atMs <= due.atMs) low = middle + 1
      else high = middle
    }
    this.#due.splice(low, 0, due)
  }

  /** Ends a process without warning: what it still had planned does not happen. */
  kill (owner: string): void {
    this.#stopped.add(owner)
    this.#due = this.#due.filter(due => due.owner !== owner)
  }

  /**
   * Fires the next timer, if it is due by then; one at a time, however many wait. @returns false
   * when nothing is due any more
   */
  #step (untilMs: number): Promise<boolean> {
    const step = this.#turn.then(() => this.#fire(untilMs))
    this.#turn = step.catch(() => {})
    return step
  }

  async #fire (untilMs: number): Promise<boolean> {
    await settled()
    let next = this.#due.shift()
    while (next?.cancelled === true) next = this.#due.shift()
    if (next === undefined) return false
    if (next.atMs > untilMs) {
      this.#due.unshift(next)
      return false
    }
    this.#firedAtOnce = next.atMs > this.#nowMs ? 0 : this.#firedAtOnce + 1
    if (this.#firedAtOnce > MAX_FIRED_AT_ONCE) {
      throw new Error(
        `time stands still at ${this.#nowMs} virtual ms, where ${next.owner} sets one timer ` +
          'after the other'
      )
    }
    this.#nowMs = Math.max(this.#nowMs, next.atMs)
    next.fn()
    await settled()
    return true
  }

  async advance (ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    while (await this.#step(untilMs)) { /* as far as it goes */ }
    this.#nowMs = untilMs
  }

  /**
   * Lets time pass until the condition holds. The limit is in virtual time: it only ends a test
   * that would hang.
   */
  async until (
    condition: () => boolean | Promise<boolean>,
    what: string,
    limitMs = 120_000
  ): Promise<void> {
    const untilMs = this.#nowMs + limitMs
    await settled()
    while (!await condition()) {
      if (!await this.#step(untilMs) && !await condition()) {
        throw new Error(`waited ${limitMs} virtual ms in vain for ${what}`)
      }
    }
  }

  /** Lets time pass until the promise is settled, and settles like it. */
  async wait<T> (promise: Promise<T>, what = 'a promise', limitMs = 120_000): Promise<T> {
    let done = false
    const end = (): void => {
      done = true
    }
    promise.then(end, end)
    await this.until(() => done, what, limitMs)
    return await promise
  }
}
