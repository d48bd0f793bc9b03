/**
 * One run. For a while the world has faults, and no invariant may break. Then the world is healed,
 * and within a bounded time all replicas must agree, every write that was promised must be there,
 * and no queue may hold anything.
 */
import { watchAsking } from '../checkers/asking.js'
import { notConverged } from '../checkers/convergence.js'
import { notYetUnset } from '../checkers/expiry.js'
import { loseHints } from '../checkers/lost-hints.js'
import { checkReads } from '../checkers/reads.js'
import { checkStores } from '../checkers/stores.js'
import { finalRecords } from '../checkers/truth.js'
import type { Coverage } from './coverage.js'
import { slowestPace, type Plan } from '../plan/plan.js'
import { Trace } from './trace.js'
import { stackOf, Violation } from '../violation.js'
import { World } from '../world/world.js'

export interface RunResult {
  readonly plan: Plan
  readonly violation: Violation | undefined
  readonly events: number
  readonly virtualMs: number
  readonly hash: string
  readonly coverage: Coverage
  readonly writes: number
  readonly acked: number
  readonly guaranteed: number
  readonly delivered: number
  /** By node: counts once the world is at rest. */
  readonly kept: ReadonlyMap<string, Kept>
  /** The last events, for the report. */
  readonly last: readonly string[]
}

/** Counts that could grow with the number of consumers and clients of a node. */
export interface Kept {
  readonly timers: number
  readonly cursors: number
  readonly queued: number
}

const CHECK_EVERY_MS = 250
/** By then a healed cluster has sent all the messages it has to send ... */
const REST_MS = 3000
/** ... and none of them is under way any more: the slowest takes 5 s. */
const LATEST_MS = 6000
/** ... and stay quiet for so long. */
const QUIET_MS = 1000
/**
 * After so many looks all tombstones of a world have grown old, but for tombstones stamped by a
 * clock that was far ahead, which do not within a run.
 */
const MAX_COLLECTIONS = 20

export async function runPlan (plan: Plan, print?: (line: string) => void): Promise<RunResult> {
  const trace = new Trace(300, print)
  const world = new World(plan, trace)
  let violation: Violation | undefined
  let kept: RunResult['kept'] = new Map()
  const rejected = (reason: unknown): void =>
    world.fail('no promise is left to fail', stackOf(reason))
  process.on('unhandledRejection', rejected)
  const stopWatching = watchAsking(
    () => world.scheduler.nowMs,
    detail => world.fail('a consumer that is given nothing new pauses before it asks again', detail)
  )
  try {
    await runUntil(world, plan.safetyMs)
    world.heal()
    await settle(world, plan)
    await rest(world, plan)
    await readEverywhere(world, plan)
    kept = new Map(
      plan.clusters.flatMap(({ name }) => world.nodesOf(name)).map(
        machine => [machine.name, machine.kept]
      )
    )
    if (plan.losesHints) {
      await runUntil(world, loseHints(world, plan, world.random.fork('lost hints')))
      await settle(world, plan)
    }
  } catch (error) {
    violation = error instanceof Violation
      ? error
      : new Violation('nothing throws', stackOf(error))
  } finally {
    stopWatching()
    process.off('unhandledRejection', rejected)
  }
  const { model, scheduler } = world
  return {
    plan,
    violation,
    events: scheduler.count,
    virtualMs: scheduler.nowMs,
    hash: trace.hash,
    coverage: world.coverage,
    writes: model.ops.length + model.fields.ops.length,
    acked: [...model.ops, ...model.fields.ops].filter(({ outcome }) => outcome === 'acked').length,
    guaranteed: model.ops.filter(op => model.isGuaranteed(op)).length + model.fields.guaranteed,
    kept,
    delivered: world.consumers.reduce((sum, { deliveries }) => sum + deliveries.count, 0),
    last: trace.last
  }
}

function runUntil (world: World, atMs: number): Promise<void> {
  return world.scheduler.run(() => world.scheduler.nowMs >= atMs)
}

/** Runs until nothing is missing any more. */
async function settle (world: World, plan: Plan): Promise<void> {
  const deadlineMs = world.scheduler.nowMs + plan.settleMs
  for (;;) {
    await runUntil(world, world.scheduler.nowMs + CHECK_EVERY_MS)
    const left = unsettled(world, plan)
    if (left === null) return
    if (world.scheduler.nowMs > deadlineMs) throw left
  }
}

function unsettled (world: World, plan: Plan): Violation | null {
  for (const { name, caches } of plan.clusters) {
    for (const cache of Object.keys(caches)) {
      const difference = notConverged(world.nodesOf(name), cache)
      if (difference !== null) {
        return new Violation(
          'replicas converge once the world is healed',
          `${name}/${cache}: after ${plan.settleMs} ms, ${difference}`
        )
      }
      const expired = notYetUnset(world.nodesOf(name), cache)
      if (expired !== null) {
        return new Violation(
          'what has expired is unset',
          `${name}/${cache}: after ${plan.settleMs} ms, ${expired}`
        )
      }
    }
  }
  for (const { deliveries } of world.consumers) {
    const [cluster = '', cache = ''] = deliveries.place.split('/')
    const { model } = world
    const records = finalRecords(model, deliveries.place, world.nodesOf(cluster), cache)
    const missing = deliveries.missing(model.fields.lasting(deliveries.place, records))
    if (missing !== null) {
      return new Violation('consumers see every final value, and never go back', missing)
    }
  }
  return null
}

/** Tries scans and queries on every machine, where the plan has reads or indexes. */
async function readEverywhere (world: World, plan: Plan): Promise<void> {
  for (const { cluster, cache } of plan.writes.filter(({ kind }) => kind === 'reads')) {
    const records = finalRecords(world.model, `${cluster}/${cache}`, world.nodesOf(cluster), cache)
    const indexed = plan.clusters.find(({ name }) =>
      name === cluster
    )?.caches[cache]?.indexes !== undefined
    for (const machine of world.machines.byName.values()) {
      if (machine.cluster === cluster) {
        await checkReads(
          machine,
          cache,
          records,
          indexed,
          world.scheduler
        )
      }
    }
  }
}

/**
 * Checks the final records, and that a cluster that agrees sends heartbeats and nothing else (SPEC
 * R5). Tombstones still grow old meanwhile, those stamped by a clock that was ahead later than
 * others: whenever one is dropped, the wait for rest begins anew.
 */
async function rest (world: World, plan: Plan): Promise<void> {
  for (const { name, caches } of plan.clusters) {
    for (const cache of Object.keys(caches)) {
      const records = finalRecords(world.model, `${name}/${cache}`, world.nodesOf(name), cache)
      for (const { deliveries } of world.consumers) {
        if (deliveries.place !== `${name}/${cache}` || world.model.losses.length > 0) continue
        const untold = deliveries.untold(records)
        if (untold !== null) {
          throw new Violation('consumers see every final value, and never go back', untold)
        }
      }
    }
  }
  // Until nodes with slow beats were heard again, others take their digests for different ones.
  const heardMs = plan.slowBeats.length === 0 ? 0 : 3 * slowestPace(plan).heartbeatMs
  const restMs = REST_MS + heardMs
  await runUntil(world, Math.max(world.scheduler.nowMs + restMs, plan.safetyMs + LATEST_MS))
  const noise = await quietSubjects(world, plan, QUIET_MS + heardMs)
  if (noise.length > 0) {
    throw new Violation(
      'a quiet cluster sends heartbeats and nothing else',
      noise.slice(0, 5).join(', ')
    )
  }
  const left = unsettled(world, plan)
  if (left !== null) throw left
  for (const { name, caches } of plan.clusters) {
    for (const cache of Object.keys(caches)) checkStores(world.nodesOf(name), cache)
  }
}

/**
 * What but heartbeats was sent while nothing was dropped, neither then nor for `seenMs` before:
 * consumers see that digests have changed, and ask.
 */
async function quietSubjects (world: World, plan: Plan, seenMs: number): Promise<string[]> {
  for (let left = MAX_COLLECTIONS; left > 0; left--) {
    const collected = collections(world)
    await runUntil(world, world.scheduler.nowMs + seenMs)
    if (collections(world) === collected) {
      world.takeSubjects()
      await runUntil(world, world.scheduler.nowMs + QUIET_MS)
      if (collections(world) === collected) {
        return [...world.takeSubjects()].filter(subject => !/^mp\.[^.]+\.hb\./.test(subject))
      }
    }
    await settle(world, plan)
  }
  throw new Violation(
    'a quiet cluster sends heartbeats and nothing else',
    `tombstones were dropped again and again for ${MAX_COLLECTIONS * QUIET_MS} ms`
  )
}

/** How often tombstones or incarnations were dropped, or shards reset, so far. */
function collections ({ coverage: { counts } }: World): number {
  return ['tombstones-collected', 'incarnations-retired', 'shard-reset'].reduce(
    (sum, path) => sum + (counts.get(path) ?? 0),
    0
  )
}
