/**
 * The links of a simulated network, one per ordered pair of machines, as if each message crossed a
 * server: how they lose, double, delay and reorder messages, and which are cut or clogged.
 *
 * Without faults a link keeps its order and takes about a millisecond.
 */
import type { SimRandom } from '../random.js'

/** How links treat messages, all of them alike. Probabilities lie in [0, 1]. */
export interface LinkFaults {
  readonly loss: number
  readonly duplicate: number
  /** Probability that a message overtakes and is overtaken. */
  readonly reorder: number
  /** Probability that a message takes up to `lateMs`; those behind it overtake it. */
  readonly late: number
  readonly lateMs: number
}

export const NO_LINK_FAULTS: LinkFaults = { loss: 0, duplicate: 0, reorder: 0, late: 0, lateMs: 0 }
const MIN_DELAY_MS = 0.2
export const MAX_DELAY_MS = 1.2
const MAX_HOLD_MS = 30

export class Links {
  faults: LinkFaults = NO_LINK_FAULTS
  readonly #random: SimRandom
  readonly #cuts = new Set<string>()
  readonly #clogs = new Map<string, number>()
  /** When the last message of a link arrives, so that those behind it do not overtake it. */
  readonly #arrivals = new Map<string, number>()

  constructor (random: SimRandom) {
    this.#random = random
  }

  cut (from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`)
  }
  mend (from: string, to: string): void {
    this.#cuts.delete(`${from}>${to}`)
  }
  isCut (from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`)
  }

  /** Holds everything on a link back until then. */
  clog (from: string, to: string, untilMs: number): void {
    this.#clogs.set(`${from}>${to}`, untilMs)
  }

  /** Ends all faults. */
  heal (): void {
    this.faults = NO_LINK_FAULTS
    this.#cuts.clear()
    this.#clogs.clear()
  }

  /** How many copies of one message set out. */
  copies (): number {
    return this.#random.chance(this.faults.duplicate) ? 2 : 1
  }

  /** Whether one copy gets lost on its way. */
  loses (): boolean {
    return this.#random.chance(this.faults.loss)
  }

  /** When a copy that sets out now arrives. */
  arrivalMs (from: string, to: string, nowMs: number): number {
    const random = this.#random
    const { late, lateMs, reorder } = this.faults
    const soonMs = nowMs + random.between(MIN_DELAY_MS, MAX_DELAY_MS)
    if (from === to) return soonMs
    if (random.chance(late)) return soonMs + random.between(0, lateMs)
    if (random.chance(reorder)) return soonMs + random.between(0, MAX_HOLD_MS)
    const link = `${from}>${to}`
    const arrivalMs = Math.max(soonMs, this.#arrivals.get(link) ?? 0, this.#clogs.get(link) ?? 0)
    this.#arrivals.set(link, arrivalMs)
    return arrivalMs
  }
}
