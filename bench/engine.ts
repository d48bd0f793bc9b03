/**
 * The engine alone, no network and no disk: how fast records are overwritten, merged, put and read,
 * how long it keeps others waiting, and what a record costs beyond its own bytes, beside a Y.Map
 * and a plain map that do the same work in the same run (see engine-sides.ts).
 *
 *   writer ---- updates of a round ----> receiver      one pair of processes for each side and size
 *
 * All pairs are alive during the whole of their part and take turns round by round. Overwriting
 * includes everything up to the encoded deltas; merging starts from encoded bytes. Filling the
 * replicas and the first rounds are not counted.
 */
import { targetsOf, type EngineReport, type Heap, type Metadata, type Pause, type Pauses,
  type PerSide, type ReadSpeeds, type Speeds } from './engine-report.js'
import { NODE_FLAGS, Pair, Solo, takeTurns, type Rate } from './engine-rounds.js'
import { ALL_SIDES, SIDES, type AnySideName, type SideName } from './engine-sides.js'
import { median, medianRatio, quantile } from './measure.js'

const BATCH_SIZE = 1000
const OVERWRITES_PER_RECORD = 100

interface Plan {
  /** Ascending. */
  readonly sizes: readonly { readonly live: number, readonly batchesPerRound: number }[]
  readonly rounds: number
  readonly warmUpRounds: number
  /** Puts of each hot key between two flushes, and flushes of a round. */
  readonly puts: { readonly hotKeys: number, readonly times: number, readonly flushes: number }
  /** Keys of a round, and how often all is done again with new processes. */
  readonly reads: { readonly keys: number, readonly layouts: number }
  readonly pausedBatches: number
  readonly metadataRecords: number
  readonly heapRecords: number
}

/**
 * The counted part of a round, the last 80%, is long enough for its share of everything that
 * happens now and then.
 */
const FULL: Plan = {
  sizes: [{ live: 1_000, batchesPerRound: 50 }, { live: 10_000, batchesPerRound: 50 }, {
    live: 100_000,
    batchesPerRound: 300
  }],
  rounds: 7,
  warmUpRounds: 2,
  puts: { hotKeys: 1_000, times: 50, flushes: 10 },
  reads: { keys: 100_000, layouts: 9 },
  pausedBatches: 3_000,
  metadataRecords: 10_000,
  heapRecords: 100_000
}
const QUICK: Plan = {
  sizes: [{ live: 1_000, batchesPerRound: 5 }],
  rounds: 2,
  warmUpRounds: 1,
  puts: { hotKeys: 1_000, times: 2, flushes: 3 },
  reads: { keys: 2_000, layouts: 1 },
  pausedBatches: 20,
  metadataRecords: 1_000,
  heapRecords: 1_000
}

export async function runEngine (quick: boolean): Promise<EngineReport> {
  const plan = quick ? QUICK : FULL
  const figures = {
    ...await measureWrites(plan),
    puts: await measurePuts(plan),
    reads: await measureReads(plan),
    pauses: await measurePauses(plan),
    metadata: await measureMetadata(plan.metadataRecords),
    heap: await measureHeap(plan.heapRecords)
  }
  const targets = targetsOf(figures, quick)
  const pass = targets.every(target => target.pass)
  return {
    suite: 'engine',
    node: process.version,
    nodeOptions: NODE_FLAGS,
    quick,
    batchSize: BATCH_SIZE,
    rounds: plan.rounds,
    ...figures,
    targets,
    pass
  }
}

async function measureWrites (plan: Plan): Promise<{ overwrites: Speeds[], merges: Speeds[] }> {
  const pairs = plan.sizes.flatMap(size =>
    SIDES.map(side => new Pair(side, size.live, BATCH_SIZE, size.batchesPerRound))
  )
  const rounds = await takeTurns(pairs, plan, pair => pair.round())
  const pick = (kind: 'written' | 'merged') =>
    [...rounds].map(([player, results]) => ({ player, rates: results.map(round => round[kind]) }))
  return { overwrites: speedsOf(pick('written')), merges: speedsOf(pick('merged')) }
}

async function measurePuts (plan: Plan): Promise<Speeds[]> {
  const { hotKeys, times, flushes } = plan.puts
  const solos = SIDES.map(side => new Solo(side, hotKeys, BATCH_SIZE))
  const rounds = await takeTurns(solos, plan, solo => solo.put(times, flushes))
  return speedsOf([...rounds].map(([player, rates]) => ({ player, rates })))
}

/**
 * A get of many records is mostly a wait for memory. The places where a process happens to have its
 * records decide a good part of that wait, for as long as the process lives: the same process gives
 * the same figure again and again, and the next one another.
 */
async function measureReads (plan: Plan): Promise<ReadSpeeds[]> {
  const layouts = await inTurn(Array.from({ length: plan.reads.layouts }), async () => {
    const solos = plan.sizes.flatMap(({ live }) =>
      ALL_SIDES.map(side => new Solo(side, live, BATCH_SIZE, 'own'))
    )
    return [...await takeTurns(solos, plan, solo => solo.read(plan.reads.keys))]
  })
  const played = layouts.flat().map(([player, rates]) => ({ player, rates }))
  return speedsOf(played).map(speeds => {
    const bareMap = ratesOf(played, 'bareMap', speeds.live, 'perCpuSecond')
    return {
      ...speeds,
      bareMapPerCpuSecond: median(bareMap),
      millpondToBareMap: medianRatio(
        ratesOf(played, 'millpond', speeds.live, 'perCpuSecond'),
        bareMap
      )
    }
  })
}

interface Played {
  readonly player: { readonly side: AnySideName, readonly live: number }
  readonly rates: readonly Rate[]
}

function ratesOf (
  played: readonly Played[],
  side: AnySideName,
  live: number,
  unit: keyof Rate
): number[] {
  return played.filter(({ player }) => player.side === side && player.live === live).flatMap((
    { rates }
  ) => rates.map(rate => rate[unit]))
}

function speedsOf (played: readonly Played[]): Speeds[] {
  const sizes = [...new Set(played.map(({ player }) => player.live))]
  return sizes.map(live => {
    const rates = (side: SideName, at = live): number[] => ratesOf(played, side, at, 'perCpuSecond')
    return {
      live,
      perCpuSecond: perSide(side => median(rates(side))),
      perWallSecond: perSide(side => median(ratesOf(played, side, live, 'perWallSecond'))),
      millpondToYMap: medianRatio(rates('millpond'), rates('yMap')),
      millpondToPlainMap: medianRatio(rates('millpond'), rates('plainMap')),
      toSmallest: medianRatio(rates('millpond'), rates('millpond', sizes[0])),
      plainMapToSmallest: medianRatio(rates('plainMap'), rates('plainMap', sizes[0]))
    }
  })
}

/**
 * One side after the other: in a process that waits for its turn the collector does what it put
 * off.
 */
async function measurePauses ({ sizes, pausedBatches }: Plan): Promise<Pauses> {
  const live = sizes[sizes.length - 1]?.live ?? 0
  const [millpond, yMap, plainMap] = await inTurn(SIDES, side =>
    alone(side, live, async solo => {
      await solo.fill()
      return await solo.pauses(pausedBatches)
    }))
  return {
    live,
    batch: {
      millpond: pauseOf(millpond?.batchMs),
      yMap: pauseOf(yMap?.batchMs),
      plainMap: pauseOf(plainMap?.batchMs)
    },
    flush: pauseOf(millpond?.flushMs)
  }
}

function pauseOf (ms: readonly number[] = []): Pause {
  return { count: ms.length, p50: quantile(ms, 0.5), p99: quantile(ms, 0.99), max: quantile(ms, 1) }
}

async function measureMetadata (records: number): Promise<Metadata> {
  const measured = await inTurn(
    SIDES,
    side => alone(side, records, solo => solo.sizes(OVERWRITES_PER_RECORD))
  )
  const sides = perSide(side => {
    const sizes = measured[SIDES.indexOf(side)]
    if (sizes === undefined) throw new Error(`nothing was measured of ${side}`)
    return { ...sizes, encodedToLive: sizes.encodedBytes / sizes.liveBytes }
  })
  return { records, overwritesPerRecord: OVERWRITES_PER_RECORD, sides }
}

async function measureHeap (records: number): Promise<Heap> {
  const perRecord = (side: AnySideName): Promise<{ most: number, median: number }> =>
    alone(side, records, async solo => {
      const { heapBytes, medianHeapBytes } = await solo.sizes(OVERWRITES_PER_RECORD)
      return { most: heapBytes / records, median: medianHeapBytes / records }
    })
  const sides = {
    millpond: await perRecord('millpond'),
    plainMap: await perRecord('plainMap'),
    bareMap: await perRecord('bareMap')
  }
  return {
    records,
    overwritesPerRecord: OVERWRITES_PER_RECORD,
    perRecord: sides,
    toLive: sides.millpond.most / sides.bareMap.most
  }
}

async function alone<R> (
  side: AnySideName,
  live: number,
  play: (solo: Solo) => Promise<R>
): Promise<R> {
  const solo = new Solo(side, live, BATCH_SIZE)
  try {
    return await play(solo)
  } finally {
    solo.stop()
  }
}

async function inTurn<T, R> (items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) results.push(await each(item))
  return results
}

function perSide<T> (get: (side: SideName) => T): PerSide<T> {
  return { millpond: get('millpond'), yMap: get('yMap'), plainMap: get('plainMap') }
}
