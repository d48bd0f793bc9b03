/**
 * The report of the engine benchmark, and the targets its figures are held against.
 */
import type { AnySideName, SideName } from './engine-sides.js'
import { atLeast, atMost, type Target } from './measure.js'
import type { Sizes } from './sizes.js'

export type PerSide<T> = { readonly [side in SideName]: T }

/**
 * The rate of one kind of work at a number of live records: per second, as the median of the
 * rounds, and as the median of the ratios of neighbouring rounds.
 */
export interface Speeds {
  readonly live: number
  readonly perCpuSecond: PerSide<number>
  /** Drifts with whatever else the machine does. */
  readonly perWallSecond: PerSide<number>
  readonly millpondToYMap: number
  readonly millpondToPlainMap: number
  /** Millpond's rate here / its rate at the smallest size. */
  readonly toSmallest: number
  /** The plain map's rate here / its rate at the smallest size. */
  readonly plainMapToSmallest: number
}

export interface ReadSpeeds extends Speeds {
  readonly bareMapPerCpuSecond: number
  readonly millpondToBareMap: number
}

export interface Metadata {
  readonly records: number
  readonly overwritesPerRecord: number
  readonly sides: PerSide<Sizes & { readonly encodedToLive: number }>
}

/** Without the Y.Map, which would need gigabytes; its figure is that of `metadata`. */
export interface Heap {
  readonly records: number
  readonly overwritesPerRecord: number
  /** Bytes per record: the most a side ever had, and half the time. */
  readonly perRecord: {
    readonly [side in Exclude<AnySideName, 'yMap'>]: {
      readonly most: number,
      readonly median: number
    }
  }
  /** Millpond's most / that of a bare map, which is called live data. */
  readonly toLive: number
}

/** Milliseconds. */
export interface Pause {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Pauses {
  readonly live: number
  /** Taking a batch and making a message of it. */
  readonly batch: PerSide<Pause>
  readonly flush: Pause
}

export interface EngineFigures {
  readonly overwrites: readonly Speeds[]
  readonly merges: readonly Speeds[]
  readonly puts: readonly Speeds[]
  readonly reads: readonly ReadSpeeds[]
  readonly pauses: Pauses
  readonly metadata: Metadata
  readonly heap: Heap
}

export interface EngineReport extends EngineFigures {
  readonly suite: 'engine'
  readonly node: string
  /** With which every side ran. */
  readonly nodeOptions: readonly string[]
  readonly quick: boolean
  readonly batchSize: number
  readonly rounds: number
  readonly targets: readonly Target[]
  readonly pass: boolean
}

/**
 * A quick run is held against nothing that depends on the machine, or on there being many records.
 */
export function targetsOf (
  { overwrites, merges, puts, reads, pauses, metadata, heap }: EngineFigures,
  quick: boolean
): Target[] {
  const targets = [
    atMost(
      'metadata: encoded / live bytes after 100 overwrites per record',
      metadata.sides.millpond.encodedToLive,
      1.3
    )
  ]
  if (quick) return targets
  for (const { live, millpondToYMap, millpondToPlainMap, toSmallest } of overwrites) {
    if (live >= 10_000) {
      targets.push(
        atLeast(`overwrites at ${live / 1000}k live / plain map`, millpondToPlainMap, 0.4)
      )
    }
    if (live === 10_000) {
      targets.push(atLeast('overwrites at 10k live / Y.Map', millpondToYMap, 0.35))
    }
    if (live === 100_000) targets.push(atLeast('overwrites at 100k live / at 1k', toSmallest, 0.5))
  }
  for (const { live, millpondToPlainMap } of merges) {
    if (live >= 10_000) {
      targets.push(atLeast(`merges at ${live / 1000}k live / plain map`, millpondToPlainMap, 0.4))
    }
  }
  for (const { millpondToPlainMap } of puts) {
    targets.push(atLeast('buffered puts of 1k hot keys / plain map', millpondToPlainMap, 0.25))
  }
  for (const { live, millpondToBareMap } of reads) {
    targets.push(atLeast(`gets at ${live / 1000}k live / bare map`, millpondToBareMap, 0.25))
  }
  return [
    ...targets,
    atMost('p99 of a flush of 1,000 entries at 100k live, ms', pauses.flush.p99, 10),
    atMost('heap / live data after 100 overwrites per record', heap.toLive, 1.3)
  ]
}
