/**
 * Chance from a seed. Each subsystem draws from a fork of its own, named after the subsystem. So
 * one more draw in one place changes nothing elsewhere, and a shrunk list of faults leaves the rest
 * of a run much as it was.
 */
import { mersenne } from 'pure-rand/generator/mersenne'
import { checksum32 } from '../engine/base/hash.js'
import type { Random } from '../engine/ports.js'

const utf8 = new TextEncoder()

export class SimRandom implements Random {
  readonly #seed: number
  readonly #generator: ReturnType<typeof mersenne>

  constructor (seed: number) {
    this.#seed = seed >>> 0
    this.#generator = mersenne(this.#seed)
  }

  /**
   * Another stream, which depends on the seed of this one and the name only, not on earlier draws.
   */
  fork (name: string): SimRandom {
    return new SimRandom(checksum32(utf8.encode(`${this.#seed}/${name}`)))
  }

  uint32 (): number {
    return this.#generator.next() >>> 0
  }

  /** In [0, 1). */
  fraction (): number {
    return this.uint32() / 2 ** 32
  }

  /** A whole number from `min` to `max`, both included. */
  int (min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1))
  }

  /** A number in [min, max). */
  between (min: number, max: number): number {
    return min + this.fraction() * (max - min)
  }

  /** Draws nothing when the answer is certain. */
  chance (probability: number): boolean {
    return probability > 0 && (probability >= 1 || this.fraction() < probability)
  }

  /** @throws TypeError when there is nothing to pick from */
  pick<T> (items: readonly T[]): T {
    if (items.length === 0) throw new TypeError('nothing to pick from')
    return items[this.int(0, items.length - 1)] as T
  }

  /** The items that win a toss of their own. */
  some<T> (items: readonly T[], probability: number): T[] {
    return items.filter(() => this.chance(probability))
  }

  shuffle<T> (items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      ;[shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T]
    }
    return shuffled
  }
}
