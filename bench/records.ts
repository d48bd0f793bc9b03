/**
 * The records benchmarks write: six fields, about 200 bytes as CBOR, every overwrite with new
 * values. Seeded, so that all sides of a comparison get the same ones in the same order.
 */
import type { Fields } from '../engine/base/values.js'

/**
 * A small fast generator (mulberry32): numbers in [0, 1). Good enough to spread keys, not for
 * anything else.
 */
export function seededRandom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const POOL_SIZE = 4096

export interface BenchWrite {
  readonly key: string
  readonly fields: Fields
}

/**
 * Through JSON, because that is how events come in. Texts put together by JavaScript are trees of
 * their parts instead.
 */
export function keyOf (record: number): string {
  return JSON.parse(`"product:${String(record).padStart(8, '0')}"`) as string
}

/**
 * Writes at random, from a pool of values: the cost of making them is not to be measured. The
 * values of the pool exist already, so that records share their texts, or they are parsed anew for
 * each write, as those of an event are: that is for measuring memory.
 */
export class BenchWrites {
  readonly #random: () => number
  readonly #pool: (() => Fields)[]
  #order = new Uint32Array(0)

  constructor (seed: number, values: 'shared' | 'own' = 'shared') {
    this.#random = seededRandom(seed)
    this.#pool = Array.from({ length: POOL_SIZE }, () => {
      const json = fieldsAsJson(this.#random)
      const fields = JSON.parse(json) as Fields
      return values === 'shared' ? () => fields : () => JSON.parse(json) as Fields
    })
  }

  /** Every record once, in order, in batches. */
  *first (records: number, batchSize: number): Generator<BenchWrite[]> {
    for (let start = 0; start < records; start += batchSize) {
      yield Array.from(
        { length: Math.min(batchSize, records - start) },
        (_, i) => this.#write(start + i)
      )
    }
  }

  /**
   * A batch of writes to records picked at random, none twice: of two writes of one record in a
   * batch, Millpond's buffer would log but the later, so that few live records would look cheaper
   * than they are.
   */
  over (records: number, batchSize: number): BenchWrite[] {
    if (batchSize > records) {
      throw new RangeError(`a batch of ${batchSize} writes to ${records} records must repeat some`)
    }
    if (this.#order.length !== records) {
      this.#order = Uint32Array.from({ length: records }, (_, i) => i)
    }
    const order = this.#order
    return Array.from({ length: batchSize }, (_, i) => {
      const j = i + this.below(records - i)
      const record = order[j] as number
      order[j] = order[i] as number
      order[i] = record
      return this.#write(record)
    })
  }

  #write (record: number): BenchWrite {
    return { key: keyOf(record), fields: (this.#pool[this.below(POOL_SIZE)] as () => Fields)() }
  }

  /** An integer from 0 up to `end`, which is excluded. */
  below (end: number): number {
    return Math.floor(this.#random() * end)
  }
}

function fieldsAsJson (random: () => number): string {
  const quantity = Math.floor(random() * 10_000)
  return JSON.stringify({
    description: `Assorted garden lanterns, set of ${quantity}, hand painted, weatherproof`,
    warehouse: `hall ${quantity % 17}, aisle ${quantity % 71}, shelf ${quantity % 9}`,
    quantity,
    unitPrice: Math.round(random() * 100_000) / 100,
    updatedAt: `2011-06-${String(10 + quantity % 20)}T12:${String(10 + quantity % 50)}:00.000Z`,
    onSale: quantity % 2 === 0
  })
}
