/**
 * A world made by hand, for one story. Everything the scenario does not name is small, free of
 * faults and the same every time.
 */
import type { ClusterPlan, Fault, Plan } from './plan.js'
import type { ConsumerPlan } from '../workloads/consumer.js'
import type { WritesPlan } from '../workloads/writes.js'

export interface Scenario {
  readonly seed?: number
  readonly ms?: number
  readonly pace?: Plan['pace']
  readonly nodes: readonly string[]
  readonly spares?: readonly string[]
  readonly clients?: readonly string[]
  readonly shape?: ClusterPlan['caches'][string]
  readonly limits?: Plan['limits']
  readonly concerns?: Plan['concerns']
  readonly writes: ReadonlyArray<Pick<WritesPlan, 'kind' | 'host'> & Partial<WritesPlan>>
  readonly consumers?: ReadonlyArray<Partial<ConsumerPlan>>
  readonly faults?: readonly Fault[]
  readonly losesHints?: boolean
  readonly slowBeats?: readonly string[]
}

export const CLUSTER = 'alpha'
export const CACHE = 'offers'

export function planFor (scenario: Scenario): Plan {
  const {
    seed = 1,
    ms = 8000,
    pace = 'fast',
    nodes,
    spares = [],
    clients = [],
    shape = { shards: 8, groups: 4, replicas: 2 },
    limits = 'usual',
    concerns = ['majority'],
    writes,
    consumers = [],
    faults = [],
    losesHints = true,
    slowBeats = []
  } = scenario
  return {
    seed,
    safetyMs: ms,
    pace,
    settleMs: 20_000,
    limits,
    maxMessageBytes: limits === 'small' ? 12 * 1024 : 900 * 1024,
    concerns,
    clusters: [{ name: CLUSTER, nodes, spares, clients, caches: { [CACHE]: shape } }],
    writes: writes.map((plan, id) => ({
      cluster: CLUSTER,
      cache: CACHE,
      pauseMs: 40,
      keys: 6,
      ...plan,
      id
    })),
    consumers: consumers.map((plan, i) => ({
      cluster: CLUSTER,
      cache: CACHE,
      group: `g${i}`,
      ratePerSecond: 5000,
      batchSize: 100,
      lifeMs: 60_000,
      commitChance: 0.5,
      ...plan
    })),
    slowStarts: [],
    slowBeats,
    losesHints,
    faults: [...faults].sort((a, b) => a.atMs - b.atMs)
  }
}
