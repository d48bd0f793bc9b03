/**
 * One replica of one side of the engine benchmark, in a process of its own: nobody else's objects are in its heap and
 * nobody else's types in its compiled code. It is told what to do round by round, and says what that took.
 */
import { Encoder } from 'cbor-x'
import { createSide, type Side, type SideName } from './engine-sides.js'
import { timed, type Spent } from './measure.js'
import { BenchWrites, keyOf } from './records.js'

export type Request =
  | { readonly type: 'create', readonly side: SideName, readonly incarnation: number }
  | { readonly type: 'fill', readonly records: number, readonly batchSize: number }
  | { readonly type: 'overwrite', readonly records: number, readonly batchSize: number, readonly batches: number }
  /** Updates of one batch each. */
  | { readonly type: 'merge', readonly updates: readonly Uint8Array[], readonly batchSize: number }
  | { readonly type: 'sizes', readonly records: number, readonly batchSize: number, readonly overwrites: number }
  | { readonly type: 'flush-times' }

export interface Reply {
  /** What the counted part of a round took, and how many records that part wrote or merged. */
  readonly spent?: Spent
  readonly records?: number
  readonly updates?: readonly Uint8Array[]
  readonly sizes?: Sizes
  readonly flushTimes?: { readonly flushMs: readonly number[], readonly compactingFlushMs: readonly number[] }
}

export interface Sizes {
  readonly encodedBytes: number
  /** Keys and records as plain CBOR: what is there to be stored at all. */
  readonly liveBytes: number
  /** What the replica adds to the heap of an empty process, after a garbage collection. */
  readonly heapBytes: number
}

/** The same writes on all sides. */
const writes = new BenchWrites(1)
let side: Side | undefined
let emptyHeapBytes = 0

function created (): Side {
  if (side === undefined) throw new Error('nothing was created yet')
  return side
}

function heapBytes (): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function answer (request: Request): Reply {
  if (request.type === 'create') {
    emptyHeapBytes = heapBytes()
    side = createSide(request.side, request.incarnation)
    return {}
  }
  if (request.type === 'fill') return { updates: [...writes.first(request.records, request.batchSize)].flatMap(batch => created().write(batch)) }
  if (request.type === 'overwrite') return overwrite(request)
  if (request.type === 'merge') return merge(request)
  if (request.type === 'sizes') return { sizes: sizes(request) }
  const { flushMs = [], compactingFlushMs = [] } = created()
  return { flushTimes: { flushMs, compactingFlushMs } }
}

/** The first part of a round is not counted: whoever waited for its turn has to get warm again. */
const WARM_UP_SHARE = 0.2

function overwrite ({ records, batchSize, batches }: Request & { type: 'overwrite' }): Reply {
  globalThis.gc?.() // what passing messages left behind is not the side's doing
  const spent = { cpuSeconds: 0, wallSeconds: 0 }
  const updates: Uint8Array[] = []
  const uncounted = Math.floor(batches * WARM_UP_SHARE)
  for (let i = 0; i < batches; i++) {
    const batch = writes.over(records, batchSize)
    updates.push(...i < uncounted ? created().write(batch) : timed(spent, () => created().write(batch)))
  }
  return { spent, records: (batches - uncounted) * batchSize, updates }
}

function merge ({ updates, batchSize }: Request & { type: 'merge' }): Reply {
  globalThis.gc?.()
  const spent = { cpuSeconds: 0, wallSeconds: 0 }
  const uncounted = Math.floor(updates.length * WARM_UP_SHARE)
  for (const update of updates.slice(0, uncounted)) created().merge(update)
  timed(spent, () => { for (const update of updates.slice(uncounted)) created().merge(update) })
  return { spent, records: (updates.length - uncounted) * batchSize }
}

function sizes ({ records, batchSize, overwrites }: Request & { type: 'sizes' }): Sizes {
  for (const batch of writes.first(records, batchSize)) created().write(batch)
  for (let i = 0; i < overwrites * records; i += batchSize) created().write(writes.over(records, batchSize))
  const usedBytes = heapBytes() - emptyHeapBytes
  const cbor = new Encoder({ useRecords: false })
  let liveBytes = 0
  for (let record = 0; record < records; record++) {
    const key = keyOf(record)
    liveBytes += cbor.encode([key, created().read(key)]).length
  }
  return { encodedBytes: created().encodedBytes(), liveBytes, heapBytes: usedBytes }
}

process.on('message', (request: Request) => { process.send?.(answer(request)) })
