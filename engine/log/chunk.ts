/**
 * A chunk of an incarnation's log: some of its live entries in clock order, and the clock of each.
 *
 *   entries   a  b  -  c       '-' a hole, where an entry was superseded
 *   offsets   0  1  4  9   clocks from the chunk's start on; the clocks between them cost nothing
 *
 * An entry has its clock itself. But a search through the entries would fetch each entry it looks
 * at into the processor's cache, while the offsets lie side by side. An offset takes 2 bytes, or 4
 * once the clocks of the chunk span more than 65,536.
 *
 *   invariants   offsets ascend
 */
import type { Entry } from '../record/entry.js'
import type { Limits } from '../limits.js'

const MAX_OFFSET = 2 ** 32 - 1
const MAX_SHORT_OFFSET = 2 ** 16 - 1

type Offsets = Uint16Array | Uint32Array

export class Chunk {
  holes = 0
  #entries: (Entry | null)[] = []
  /** At least as long as the entries. */
  #offsets: Offsets

  constructor (readonly start: number, capacity: number) {
    this.#offsets = new Uint16Array(capacity)
  }

  get live (): number {
    return this.#entries.length - this.holes
  }

  /** Whether there are enough holes to be worth packing. */
  isLoose ({ minHolesToPack, maxHoleShare }: Limits): boolean {
    return this.holes >= minHolesToPack && this.holes > this.#entries.length * maxHoleShare
  }

  /** Whether there is room for an entry at this clock. */
  takes (clock: number, { maxSlotsPerChunk }: Limits): boolean {
    return this.#entries.length < maxSlotsPerChunk && clock - this.start <= MAX_OFFSET
  }

  push (entry: Entry | null, clock: number): void {
    const { length } = this.#entries
    const offset = clock - this.start
    const isFull = length === this.#offsets.length
    if (isFull || (offset > MAX_SHORT_OFFSET && this.#offsets instanceof Uint16Array)) {
      this.#offsets = resized(
        this.#offsets,
        isFull ? Math.max(8, length * 2) : this.#offsets.length,
        offset
      )
    }
    this.#offsets[length] = offset
    this.#entries.push(entry)
  }

  bury (clock: number): boolean {
    const slot = this.#slotFrom(clock)
    if (this.#offsets[slot] !== clock - this.start || (this.#entries[slot] ?? null) === null) {
      return false
    }
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

  /** Takes the holes out, and frees the spare room. @returns how many holes there were */
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

  /** Frees the spare room that arrays keep in order to grow. */
  trim (): void {
    this.#entries = this.#entries.slice()
    this.#offsets = resized(this.#offsets, this.#entries.length, this.#lastOffset)
  }

  /** Whether both together fill at most half a chunk. */
  canJoin (right: Chunk, { maxSlotsPerChunk }: Limits): boolean {
    return this.live + right.live <= maxSlotsPerChunk / 2 &&
      right.start + right.#lastOffset - this.start <= MAX_OFFSET
  }

  /** Takes over the live entries of another chunk. @returns how many holes were in both */
  join (right: Chunk): number {
    right.#entries.forEach((entry, slot) => {
      if (entry !== null) this.push(entry, right.start + (right.#offsets[slot] as number))
    })
    return right.holes + this.pack()
  }

  get #lastOffset (): number {
    return this.#offsets[this.#entries.length - 1] ?? 0
  }

  /** The first slot at or above a clock. */
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

/** A copy with this much room, for offsets up to `last`. */
function resized (offsets: Offsets, length: number, last: number): Offsets {
  const copy = last > MAX_SHORT_OFFSET ? new Uint32Array(length) : new Uint16Array(length)
  copy.set(length < offsets.length ? offsets.subarray(0, length) : offsets)
  return copy
}
