/**
 * The faults between two connections of an in-process network, and the dice that decide on them.
 *
 * Every decision is drawn from the injected Random, so one seed gives one run. Nothing is drawn for
 * a fault that is switched off, so a run without faults does not depend on the seed at all.
 */
import { assertKnown } from '../../../engine/base/known.js'
import { describe } from '../../../engine/base/plain.js'
import type { Random } from '../../../engine/ports.js'

/** In force for every link; each is decided anew for each message and receiving connection. */
export interface Faults {
  /** Probability in [0, 1] that a message does not arrive. */
  readonly loss: number
  /** Probability in [0, 1] that a message arrives twice. */
  readonly duplicate: number
  /** Probability in [0, 1] that a message is held back so that later ones overtake it. */
  readonly reorder: number
  /**
   * Every message is under way for a time between these two, in milliseconds. Unequal bounds
   * reorder messages by themselves.
   */
  readonly delayMs: readonly [min: number, max: number]
}

/** A network without faults, as it is at first. */
export const NO_FAULTS: Faults = { loss: 0, duplicate: 0, reorder: 0, delayMs: [0, 0] }

/**
 * How long a message that is held back waits at most: long enough to be overtaken, too short to
 * look lost.
 */
const MAX_HOLD_MS = 10

const KNOWN: ReadonlySet<string> = new Set(Object.keys(NO_FAULTS))

function assertFaults (faults: Faults): void {
  for (const name of ['loss', 'duplicate', 'reorder'] as const) {
    if (!isFromZero(faults[name]) || faults[name] > 1) {
      throw new TypeError(
        `${name} must be a probability between 0 and 1, got ${describe(faults[name])}`
      )
    }
  }
  const delayMs: unknown = faults.delayMs
  const [min, max] = Array.isArray(delayMs) ? delayMs as unknown[] : []
  if (!isFromZero(min) || !isFromZero(max) || min > max) {
    const got = Array.isArray(delayMs)
      ? `[${describe(min)}, ${describe(max)}]`
      : describe(delayMs)
    throw new TypeError(`delayMs must be [min, max] with 0 <= min <= max, got ${got}`)
  }
}

function isFromZero (given: unknown): given is number {
  return Number.isFinite(given) && (given as number) >= 0
}

/** The faults in force and the partitions. */
export class FaultPlan {
  #faults: Faults = NO_FAULTS
  /** Sender, then the receivers its messages do not reach. */
  readonly #cut = new Map<string, Set<string>>()
  readonly #random: Random

  constructor (random: Random, faults: Partial<Faults> = {}) {
    this.#random = random
    this.set(faults)
  }

  get current (): Faults {
    return this.#faults
  }

  set (faults: Partial<Faults>): void {
    assertKnown(faults, KNOWN, 'faults')
    const next = { ...this.#faults, ...faults }
    assertFaults(next)
    this.#faults = next
  }

  cut (from: string, to: string): void {
    const cut = this.#cut.get(from)
    if (cut === undefined) this.#cut.set(from, new Set([to]))
    else cut.add(to)
  }

  heal (): void {
    this.#cut.clear()
  }

  isCut (from: string, to: string): boolean {
    return this.#cut.get(from)?.has(to) === true
  }

  /** How long each copy of one message is under way; an empty list means that it is lost. */
  delaysMs (): readonly number[] {
    if (this.#chance(this.#faults.loss)) return []
    return this.#chance(this.#faults.duplicate)
      ? [this.#delayMs(), this.#delayMs()]
      : [this.#delayMs()]
  }

  #delayMs (): number {
    const [min, max] = this.#faults.delayMs
    const heldMs = this.#chance(this.#faults.reorder) ? 1 + this.#fraction() * (MAX_HOLD_MS - 1) : 0
    return (max > min ? min + this.#fraction() * (max - min) : min) + heldMs
  }

  #chance (probability: number): boolean {
    return probability > 0 && this.#fraction() < probability
  }

  #fraction (): number {
    return this.#random.uint32() / 2 ** 32
  }
}
