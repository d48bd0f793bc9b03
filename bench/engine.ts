/**
 * The engine alone, no network and no disk: how fast records are overwritten and merged, and what a record costs beyond
 * its own bytes, beside a Y.Map and a plain map that do the same work in the same run (see engine-sides.ts).
 *
 *   writer ---- updates of a round ----> receiver      one pair of processes for each side and size
 *
 * All pairs are alive during the whole run and take turns round by round. Overwriting includes everything up to the
 * encoded deltas; merging starts from encoded bytes. Filling the replicas and the first rounds are not counted.
 */
import { Pair, sizesAfter, type Round } from './engine-rounds.js'
import type { Sizes } from './engine-process.js'
import { SIDES, type SideName } from './engine-sides.js'
import { atLeast, atMost, median, medianRatio, quantile, type Target } from './measure.js'

const BATCH_SIZE = 1000
const OVERWRITES_PER_RECORD = 100

interface Plan {
  /** Ascending. */
  readonly sizes: readonly { readonly live: number, readonly batchesPerRound: number }[]
  readonly rounds: number
  readonly warmUpRounds: number
  readonly metadataRecords: number
}

/** What is counted of a round, the last 80%, is as long as it takes until the log is compacted again, so that every round bears that once. */
const FULL: Plan = {
  sizes: [{ live: 1_000, batchesPerRound: 50 }, { live: 10_000, batchesPerRound: 50 }, { live: 100_000, batchesPerRound: 300 }],
  rounds: 7,
  warmUpRounds: 2,
  metadataRecords: 10_000
}
const QUICK: Plan = { sizes: [{ live: 1_000, batchesPerRound: 5 }], rounds: 2, warmUpRounds: 1, metadataRecords: 1_000 }

export type PerSide<T> = { readonly [side in SideName]: T }

export interface Speeds {
  readonly live: number
  /** Records per CPU second, the median of the rounds. */
  readonly perCpuSecond: PerSide<number>
  /** Records per wall-clock second; drifts with whatever else the machine does. */
  readonly perWallSecond: PerSide<number>
  readonly millpondToYMap: number
  readonly millpondToPlainMap: number
  /** Millpond's rate here / its rate at the smallest size. */
  readonly toSmallest: number
}

export interface Metadata {
  readonly records: number
  readonly overwritesPerRecord: number
  readonly sides: PerSide<Sizes & { readonly encodedToLive: number }>
}

/** Wall-clock milliseconds of one batch, at the largest size; for information. */
export interface FlushTimes {
  readonly live: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Flushes that also compacted the log. */
  readonly compactingP50Ms: number
  readonly compactingMaxMs: number
}

export interface EngineReport {
  readonly suite: 'engine'
  readonly node: string
  readonly quick: boolean
  readonly batchSize: number
  readonly rounds: number
  readonly overwrites: readonly Speeds[]
  readonly merges: readonly Speeds[]
  readonly metadata: Metadata
  readonly flush: FlushTimes
  readonly targets: readonly Target[]
  readonly pass: boolean
}

export async function runEngine (quick: boolean): Promise<EngineReport> {
  const plan = quick ? QUICK : FULL
  const speeds = await measureSpeeds(plan)
  const metadata = await measureMetadata(plan.metadataRecords)
  const targets = targetsOf(speeds.overwrites, metadata)
  const pass = targets.every(target => target.pass)
  return { suite: 'engine', node: process.version, quick, batchSize: BATCH_SIZE, rounds: plan.rounds, ...speeds, metadata, targets, pass }
}

function targetsOf (overwrites: readonly Speeds[], metadata: Metadata): Target[] {
  const targets = [atMost('metadata: encoded / live bytes after 100 overwrites per record', metadata.sides.millpond.encodedToLive, 1.5)]
  for (const { live, millpondToYMap, toSmallest } of overwrites) {
    if (live === 10_000) targets.push(atLeast('overwrite rate at 10k live records / that of a Y.Map', millpondToYMap, 0.35))
    if (live === 100_000) targets.push(atLeast('overwrite rate at 100k live records / that at 1k', toSmallest, 0.5))
  }
  return targets
}

async function measureSpeeds (plan: Plan): Promise<Pick<EngineReport, 'overwrites' | 'merges' | 'flush'>> {
  const pairs = plan.sizes.flatMap(size => SIDES.map(side => new Pair(side, size.live, BATCH_SIZE, size.batchesPerRound)))
  try {
    for (const pair of pairs) await pair.fill()
    for (let round = 0; round < plan.warmUpRounds + plan.rounds; round++) {
      for (const pair of pairs) {
        const result = await pair.round()
        if (round >= plan.warmUpRounds) pair.rounds.push(result)
      }
    }
    const largest = pairs.findLast(pair => pair.side === 'millpond') as Pair
    const { flushMs, compactingFlushMs } = await largest.flushTimes()
    const flush = {
      live: largest.live,
      p50Ms: quantile(flushMs, 0.5),
      p99Ms: quantile(flushMs, 0.99),
      compactingP50Ms: quantile(compactingFlushMs, 0.5),
      compactingMaxMs: quantile(compactingFlushMs, 1)
    }
    return { overwrites: speedsOf(plan, pairs, round => round.written), merges: speedsOf(plan, pairs, round => round.merged), flush }
  } finally {
    for (const pair of pairs) pair.stop()
  }
}

function speedsOf (plan: Plan, pairs: readonly Pair[], pick: (round: Round) => Round['written']): Speeds[] {
  const rates = (side: SideName, live: number, unit: keyof Round['written']): number[] =>
    pairs.filter(pair => pair.side === side && pair.live === live).flatMap(pair => pair.rounds.map(round => pick(round)[unit]))
  return plan.sizes.map(({ live }) => {
    const millpond = rates('millpond', live, 'perCpuSecond')
    return {
      live,
      perCpuSecond: perSide(side => median(rates(side, live, 'perCpuSecond'))),
      perWallSecond: perSide(side => median(rates(side, live, 'perWallSecond'))),
      millpondToYMap: medianRatio(millpond, rates('yMap', live, 'perCpuSecond')),
      millpondToPlainMap: medianRatio(millpond, rates('plainMap', live, 'perCpuSecond')),
      toSmallest: medianRatio(millpond, rates('millpond', plan.sizes[0]?.live ?? live, 'perCpuSecond'))
    }
  })
}

async function measureMetadata (records: number): Promise<Metadata> {
  const measured: Partial<Record<SideName, Metadata['sides'][SideName]>> = {}
  for (const side of SIDES) {
    const sizes = await sizesAfter(side, records, OVERWRITES_PER_RECORD, BATCH_SIZE)
    measured[side] = { ...sizes, encodedToLive: sizes.encodedBytes / sizes.liveBytes }
  }
  return { records, overwritesPerRecord: OVERWRITES_PER_RECORD, sides: perSide(side => measured[side] as Metadata['sides'][SideName]) }
}

function perSide<T> (get: (side: SideName) => T): PerSide<T> {
  return { millpond: get('millpond'), yMap: get('yMap'), plainMap: get('plainMap') }
}
