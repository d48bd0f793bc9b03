/**
 * One replica of one side of the engine benchmark, in a process of its own, so that its heap holds
 * no objects of another replica and its compiled code knows no types of another side. The parent
 * process tells it what to do, round by round, and gets the time taken.
 */
import { createSide, type AnySideName } from './engine-sides.js'
import { pause, timed, type Spent } from './measure.js'
import { MillpondSide } from './millpond-side.js'
import { BenchWrites, keyOf } from './records.js'
import type { Side } from './side.js'
import { sizesOf, type Sizes } from './sizes.js'

export type Request =
  | { readonly type: 'create', readonly side: AnySideName, readonly incarnation: number }
  | {
    readonly type: 'fill',
    readonly records: number,
    readonly batchSize: number,
    readonly values: 'shared' | 'own'
  }
  | {
    readonly type: 'overwrite',
    readonly records: number,
    readonly batchSize: number,
    readonly batches: number
  }
  /** Updates of one batch each. */
  | { readonly type: 'merge', readonly updates: readonly Uint8Array[], readonly batchSize: number }
  /** Puts each of a few records so many times between two flushes. */
  | {
    readonly type: 'put',
    readonly records: number,
    readonly times: number,
    readonly flushes: number
  }
  | { readonly type: 'read', readonly records: number, readonly reads: number }
  | {
    readonly type: 'pauses',
    readonly records: number,
    readonly batchSize: number,
    readonly batches: number
  }
  /** Fills a replica of its own. */
  | {
    readonly type: 'sizes',
    readonly side: AnySideName,
    readonly incarnation: number,
    readonly records: number,
    readonly batchSize: number,
    readonly overwrites: number
  }

export interface Reply {
  /**
   * The time that the counted part of a round took, and how many records that part wrote, merged or
   * read.
   */
  readonly spent?: Spent
  readonly records?: number
  readonly updates?: readonly Uint8Array[]
  readonly pauses?: PauseSamples
  readonly sizes?: Sizes
}

/** How long things took one by one, in milliseconds. Only Millpond has flushes. */
export interface PauseSamples {
  /** Taking a batch and making a message of it. */
  readonly batchMs: readonly number[]
  /** Making the message alone. */
  readonly flushMs: readonly number[]
}

/** The same writes on all sides. */
const writes = new BenchWrites(1)
let side: Side | undefined

function created (): Side {
  if (side === undefined) throw new Error('nothing was created yet')
  return side
}

function answer (request: Request): Reply {
  switch (request.type) {
    case 'create':
      side = createSide(request.side, request.incarnation)
      return {}
    case 'fill':
      return {
        updates: [
          ...(request.values === 'own' ? new BenchWrites(1, 'own') : writes).first(
            request.records,
            request.batchSize
          )
        ].flatMap(batch => created().write(batch))
      }
    case 'overwrite':
      return overwrite(request)
    case 'merge':
      return merge(request)
    case 'put':
      return put(request)
    case 'read':
      return read(request)
    case 'pauses':
      return { pauses: pauses(request) }
    case 'sizes':
      return { sizes: sizesOf(request) }
  }
}

/**
 * The first part of a round is not counted: a process that waited for its turn has to get warm
 * again.
 */
const WARM_UP_SHARE = 0.2

function overwrite ({ records, batchSize, batches }: Request & { type: 'overwrite' }): Reply {
  globalThis.gc?.() // garbage of passing messages is not the side's
  const spent = { cpuSeconds: 0, wallSeconds: 0 }
  const updates: Uint8Array[] = []
  const uncounted = Math.floor(batches * WARM_UP_SHARE)
  for (let i = 0; i < batches; i++) {
    const batch = writes.over(records, batchSize)
    updates.push(
      ...i < uncounted ? created().write(batch) : timed(spent, () => created().write(batch))
    )
  }
  return { spent, records: (batches - uncounted) * batchSize, updates }
}

function merge ({ updates, batchSize }: Request & { type: 'merge' }): Reply {
  globalThis.gc?.()
  const spent = { cpuSeconds: 0, wallSeconds: 0 }
  const uncounted = Math.floor(updates.length * WARM_UP_SHARE)
  for (const update of updates.slice(0, uncounted)) created().merge(update)
  timed(spent, () => {
    for (const update of updates.slice(uncounted)) created().merge(update)
  })
  return { spent, records: (updates.length - uncounted) * batchSize }
}

function put ({ records, times, flushes }: Request & { type: 'put' }): Reply {
  globalThis.gc?.()
  const spent = { cpuSeconds: 0, wallSeconds: 0 }
  const uncounted = Math.floor(flushes * WARM_UP_SHARE)
  for (let i = 0; i < flushes; i++) {
    const batch = Array.from({ length: times }, () => writes.over(records, records)).flat()
    if (i < uncounted) created().put(batch)
    else {timed(spent, () => {
        created().put(batch)
      })}
    created().flush()
  }
  return { spent, records: (flushes - uncounted) * times * records }
}

/** The value read last: V8 must not find out that nothing is done with it. */
let lastRead: unknown
/**
 * How often a round reads the same keys: once takes so little that the helpers of V8 would be a
 * part of it.
 */
const READINGS = 5

function readAll (from: Side, keys: readonly string[]): void {
  // A caller looks at the record it gets.
  for (const key of keys) lastRead = from.read(key)?.['quantity']
}

function read ({ records, reads }: Request & { type: 'read' }): Reply {
  globalThis.gc?.()
  const spent = { cpuSeconds: 0, wallSeconds: 0 }
  // Texts of the reader's own, which have their hash from a first time: computing it would count as
  // reading on all sides.
  const keys = Array.from({ length: reads }, () => keyOf(writes.below(records)))
  readAll(created(), keys)
  timed(spent, () => {
    for (let i = 0; i < READINGS; i++) readAll(created(), keys)
  })
  if (lastRead === undefined) throw new Error('a record was not found')
  return { spent, records: reads * READINGS }
}

/** Nothing is collected in between but what V8 collects by itself. */
function pauses ({ records, batchSize, batches }: Request & { type: 'pauses' }): PauseSamples {
  const batchMs: number[] = []
  const flushMs: number[] = []
  for (let i = 0; i < batches; i++) {
    const batch = writes.over(records, batchSize)
    if (created() instanceof MillpondSide) {
      const putMs = pause(() => {
        created().put(batch)
      })
      flushMs.push(pause(() => {
        created().flush()
      }))
      batchMs.push(putMs + (flushMs[i] as number))
    } else {batchMs.push(pause(() => {
        created().write(batch)
      }))}
  }
  return { batchMs, flushMs }
}

process.on('disconnect', () => process.exit()) // the parent has ended early
process.on('message', (request: Request) => {
  process.send?.(answer(request))
})
