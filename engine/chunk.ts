/**
 * A chunk of an incarnation's log: some of its live entries in clock order, and where each stands.
 *
 *   entries   a  b  -  c       '-' a hole, where an entry was superseded
 *   offsets   0  1  4  9       clocks from the chunk's start on; those in between are history, and cost nothing
 *
 * An entry knows its clock itself, but looking for one by way of the others would fetch each of them into the processor's
 * cache. The numbers beside them are 4 bytes each, and lie together.
 *
 *   invariants   offsets ascend
 */
import type { Entry } from './entry.js'
import { limits } from './limits.js'

const MAX_OFFSET = 2 ** 32 - 1

export class Chunk {
  holes = 0
  #entries: (Entry | null)[] = []
  /** At least as long as the entries. */
  #offsets: Uint32Array

  constructor (readonly start: number, capacity: number) { this.#offsets = new Uint32Array(capacity) }

  get live (): number { return this.#entries.length - this.holes }

  /** Whether it has holes enough to be worth packing. */
  get isLoose (): boolean { return this.holes >= limits.minHolesToPack && this.holes > this.#entries.length * limits.maxHoleShare }

  /** Whether there is room for an entry at this clock. */
  takes (clock: number): boolean { return this.#entries.length < limits.maxSlotsPerChunk && clock - this.start <= MAX_OFFSET }

  push (entry: Entry | null, clock: number): void {
    const { length } = this.#entries
    if (length === this.#offsets.length) this.#offsets = resized(this.#offsets, Math.max(8, length * 2))
    this.#offsets[length] = clock - this.start
    this.#entries.push(entry)
  }

  bury (clock: number): boolean {
    const slot = this.#slotFrom(clock)
    if (this.#offsets[slot] !== clock - this.start || (this.#entries[slot] ?? null) === null) return false
    this.#entries[slot] = null
    this.holes++
    return true
  }

  each (clock: number, visit: (entry: Entry) => boolean): boolean {
    for (let slot = this.#slotFrom(clock); slot < this.#entries.length; slot++) {
      const entry = this.#entries[slot] as Entry | null
      if (entry !== null && !visit(entry)) return false
    }
    return true
  }

  /** Takes the holes out, and gives back the room for more. @returns how many */
  pack (): number {
    const { holes } = this
    if (holes > 0) {
      let kept = 0
      for (let slot = 0; slot < this.#entries.length; slot++) {
        const entry = this.#entries[slot] as Entry | null
        if (entry === null) continue
        this.#entries[kept] = entry
        this.#offsets[kept++] = this.#offsets[slot] as number
      }
      this.#entries.length = kept
      this.holes = 0
    }
    this.trim()
    return holes
  }

  /** Gives back the room that arrays keep in order to grow. */
  trim (): void {
    this.#entries = this.#entries.slice()
    this.#offsets = resized(this.#offsets, this.#entries.length)
  }

  canJoin (right: Chunk): boolean {
    return this.live + right.live <= limits.maxSlotsPerChunk / 2 && right.start + (right.#offsets[right.#entries.length - 1] as number) - this.start <= MAX_OFFSET
  }

  /** Takes over what is left of another chunk. @returns how many holes that took out of both */
  join (right: Chunk): number {
    right.#entries.forEach((entry, slot) => { if (entry !== null) this.push(entry, right.start + (right.#offsets[slot] as number)) })
    return right.holes + this.pack()
  }

  /** The first slot at a clock or behind it. */
  #slotFrom (clock: number): number {
    const offset = clock - this.start
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#offsets[middle] as number) < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

function resized (offsets: Uint32Array, length: number): Uint32Array {
  if (offsets.length === length) return offsets
  if (offsets.length > length) return offsets.slice(0, length)
  const longer = new Uint32Array(length)
  longer.set(offsets)
  return longer
}
