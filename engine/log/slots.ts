/**
 * The live entries of one incarnation's log, in clock order and in chunks (chunk.ts).
 *
 * A superseded entry is found by its clock and leaves a hole. A chunk that has too many holes is
 * packed, and is joined with a neighbour if both have become small. So there are never many holes,
 * no more than a chunk is copied at once, and the number of copies is bounded by the number of
 * entries that died.
 *
 *   invariants   no chunk is without a live entry; chunks are in clock order and do not overlap
 */
import { Chunk } from './chunk.js'
import type { Entry } from '../record/entry.js'
import type { Limits } from '../limits.js'

export class Slots {
  readonly #limits: Limits
  readonly #chunks: Chunk[] = []

  constructor (limits: Limits) {
    this.#limits = limits
  }

  /** The number of superseded entries that still have their slot. */
  get holes (): number {
    return this.#chunks.reduce((sum, { holes }) => sum + holes, 0)
  }
  get isEmpty (): boolean {
    return this.#chunks.length === 0
  }

  /**
   * Appends entries at consecutive clocks from `clock` on. The entries need not have their clocks
   * yet.
   */
  append (entries: readonly Entry[], clock: number): void {
    for (let i = 0; i < entries.length; i++) {
      let last = this.#chunks[this.#chunks.length - 1]
      if (last === undefined || !last.takes(clock + i, this.#limits)) {
        last?.trim()
        last = new Chunk(clock + i, Math.min(entries.length - i, this.#limits.maxSlotsPerChunk))
        this.#chunks.push(last)
      }
      last.push(entries[i] as Entry, clock + i)
    }
  }

  /** Leaves a hole where a superseded entry stood. @returns how many holes were taken out for it */
  bury (clock: number): number {
    const at = this.#chunkAt(clock)
    const chunk = this.#chunks[at]
    if (chunk === undefined || !chunk.bury(clock)) {
      throw new Error(`no live entry stands at clock ${clock}`)
    }
    return chunk.live === 0 || chunk.isLoose(this.#limits) ? this.#tidy(at) : 0
  }

  /** Takes all holes out. @returns how many */
  pack (): number {
    let taken = 0
    for (let at = this.#chunks.length - 1; at >= 0; at--) taken += this.#tidy(at)
    return taken
  }

  /** Calls `visit` for each live entry from `clock` on, in order, until it returns false. */
  each (clock: number, visit: (entry: Entry) => boolean): void {
    for (let i = Math.max(0, this.#chunkAt(clock)); i < this.#chunks.length; i++) {
      if (!(this.#chunks[i] as Chunk).each(clock, visit)) return
    }
  }

  /** The last chunk that begins at or below a clock; -1 if none does. */
  #chunkAt (clock: number): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#chunks[middle] as Chunk).start <= clock) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /**
   * Packs a chunk, and joins it with its neighbours where they are small.
   * @returns how many holes were taken out
   */
  #tidy (at: number): number {
    const chunk = this.#chunks[at] as Chunk
    if (chunk.live === 0) this.#chunks.splice(at, 1) // nothing is left of it
    let taken = chunk.pack()
    if (chunk.live > 0) { for (const left of [at, at - 1]) taken += this.#tryToJoin(left) }
    return taken
  }

  #tryToJoin (at: number): number {
    const left = this.#chunks[at]
    const right = this.#chunks[at + 1]
    if (left === undefined || right === undefined || !left.canJoin(right, this.#limits)) return 0
    this.#chunks.splice(at + 1, 1)
    return left.join(right)
  }
}
