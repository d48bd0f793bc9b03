/**
 * The cost of records beyond their own bytes: in the heap and in the encoding.
 *
 * Every write that may be there in the end brings texts of its own, as an event does. A first
 * replica does the same on a small scale and is dropped, so that the code compiled meanwhile is
 * counted as no record's. The memory that a replica holds beyond its records comes and goes; so the
 * heap is measured at many moments of the last overwrites, and the largest figure counts.
 */
import { Encoder } from 'cbor-x'
import { createSide, type AnySideName } from './engine-sides.js'
import { BenchWrites, keyOf } from './records.js'
import type { Side } from './side.js'

export interface Sizes {
  readonly encodedBytes: number
  /** Keys and records as plain CBOR: what is there to be stored at all. */
  readonly liveBytes: number
  /**
   * Bytes that the replica adds to the heap, after a garbage collection: the most of all samples,
   * and their median.
   */
  readonly heapBytes: number
  readonly medianHeapBytes: number
}

export interface SizesOptions {
  readonly side: AnySideName
  readonly incarnation: number
  readonly records: number
  readonly batchSize: number
  readonly overwrites: number
}

/** Overwrites of each record during which the heap is measured. */
const SAMPLED_OVERWRITES = 4
const SAMPLES = 16
/**
 * Overwrites of each record that bring texts of their own: of those made before hardly one is left.
 */
const OWN_OVERWRITES = 12
const WARM_UP_RECORDS = 1000
const WARM_UP_OVERWRITES = 30

export function sizesOf (
  { side: name, incarnation, records, batchSize, overwrites }: SizesOptions
): Sizes {
  const sharing = new BenchWrites(1)
  const writes = new BenchWrites(2, 'own')
  const warmUp = createSide(name, incarnation)
  for (const batch of writes.first(WARM_UP_RECORDS, batchSize)) warmUp.write(batch)
  overwrite(warmUp, writes, WARM_UP_RECORDS, batchSize, WARM_UP_OVERWRITES * WARM_UP_RECORDS)
  // The first call makes the list of records to pick from.
  for (const made of [sharing, writes]) made.over(records, batchSize)
  const emptyBytes = heapBytes()

  const side = createSide(name, incarnation)
  for (const batch of writes.first(records, batchSize)) side.write(batch)
  overwrite(side, sharing, records, batchSize, (overwrites - OWN_OVERWRITES) * records)
  overwrite(side, writes, records, batchSize, (OWN_OVERWRITES - SAMPLED_OVERWRITES) * records)
  const sampled = SAMPLED_OVERWRITES * records
  const samples = Array.from({ length: SAMPLES }, () => {
    overwrite(side, writes, records, batchSize, sampled / SAMPLES)
    return heapBytes() - emptyBytes
  }).sort((a, b) => a - b)
  return {
    encodedBytes: side.encodedBytes(),
    liveBytes: liveBytes(side, records),
    heapBytes: samples[samples.length - 1] as number,
    medianHeapBytes: samples[SAMPLES / 2] as number
  }
}

function overwrite (
  side: Side,
  writes: BenchWrites,
  records: number,
  batchSize: number,
  count: number
): void {
  for (let i = 0; i < count; i += batchSize) side.write(writes.over(records, batchSize))
}

function heapBytes (): number {
  globalThis.gc?.()
  globalThis.gc?.() // waits for buffers that the first call found to be garbage
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function liveBytes (side: Side, records: number): number {
  const cbor = new Encoder({ useRecords: false })
  let bytes = 0
  for (let record = 0; record < records; record++) {
    const key = keyOf(record)
    bytes += cbor.encode([key, side.read(key)]).length
  }
  return bytes
}
