/**
 * Each seed picks its own world: how many nodes, which workloads, which faults. Leaving kinds of
 * faults out is as important as putting them in, because a fault that is always there hides bugs
 * that show without it (swarm testing, Groce et al. 2012).
 */
import { behindPatienceMs } from '../../engine/timing.js'
import type { WriteConcern } from '../../replication/deltas/write-concern.js'
import { withFields } from './fields-mix.js'
import { mixesOf } from './mixes.js'
import { FAULT_KINDS, slowestPace, type ClusterPlan, type Fault, type Plan } from './plan.js'
import { SimRandom } from '../random.js'
import type { ConsumerPlan } from '../workloads/consumer.js'
import type { WritesPlan } from '../workloads/writes.js'

const MAIN = 'alpha'
const OTHER = 'beta'
const SETTLE_MS = 20_000
const PACES: ReadonlyArray<Plan['pace']> = ['fast', 'fast', 'collecting', 'forgetting']
/** Workloads of which a seed picks some; others belong to a mix (mixes.ts) or a scenario. */
const WRITE_KINDS: ReadonlyArray<WritesPlan['kind']> = ['inserts', 'registers', 'revive', 'hot',
  'bulk']

export function planOf (seed: number, safetyMs: number): Plan {
  const random = new SimRandom(seed).fork('plan')
  const clusters = [mainCluster(random)]
  if (random.chance(0.25)) clusters.push(otherCluster(random, clusters[0] as ClusterPlan))
  const small = random.chance(0.6)
  const fields = withFields(seed, clusters)
  const timing: Pick<Plan, 'pace' | 'slowBeats'> = {
    pace: new SimRandom(seed).fork('pace').pick(PACES),
    slowBeats: slowBeats(new SimRandom(seed).fork('slow beats'), clusters[0] as ClusterPlan)
  }
  const mix = mixesOf(seed, clusters[0] as ClusterPlan, safetyMs, timing.pace)
  return {
    seed,
    safetyMs,
    ...timing,
    // A consumer may have to find out first that no replica has what it saw.
    settleMs: SETTLE_MS + behindPatienceMs(slowestPace(timing)),
    limits: small ? 'small' : 'usual',
    maxMessageBytes: random.chance(0.4) ? 12 * 1024 : 900 * 1024,
    clusters: fields.clusters.map((cluster, i) =>
      i > 0 ? cluster : { ...cluster, spares: [...cluster.spares, ...mix.spares] }
    ),
    writes: [...clusters.flatMap(cluster => writesOf(random, cluster)), ...mix.writes,
      ...fields.writes].map((writes, id) => ({ ...writes, id })),
    concerns: random.pick<readonly WriteConcern[]>([['buffered'], ['buffered', 'durable'], [
      'buffered',
      'majority'
    ], ['durable', 'majority', 'all'], ['majority'], ['buffered', 'durable', 'majority', 'all']]),
    consumers: [...clusters.flatMap(cluster => consumersOf(random, cluster)), ...mix.consumers],
    faults: [...faultsOf(random, clusters[0] as ClusterPlan, safetyMs), ...mix.faults]
      .sort((a, b) => a.atMs - b.atMs),
    losesHints: true,
    slowStarts: slowStarts(new SimRandom(seed).fork('slow starts'), clusters[0] as ClusterPlan)
  }
}

function mainCluster (random: SimRandom): ClusterPlan {
  const count = random.int(2, 5)
  const shape = (): ClusterPlan['caches'][string] => {
    const shards = random.pick([1, 4, 8, 12])
    return {
      shards,
      groups: random.int(1, Math.min(shards, 4)),
      replicas: random.pick([1, 2, 2, 2, 3, 3])
    }
  }
  return {
    name: MAIN,
    nodes: Array.from({ length: count }, (_, i) => `n${i + 1}`),
    spares: random.chance(0.4) ? ['s1'] : [],
    clients: Array.from({ length: random.int(1, 3) }, (_, i) => `c${i + 1}`),
    caches: random.chance(0.2) ? { offers: shape(), stock: shape() } : { offers: shape() }
  }
}

/**
 * A second cluster on the same network, with a cache of the same name and settings: nothing may
 * cross.
 */
function otherCluster (random: SimRandom, main: ClusterPlan): ClusterPlan {
  return {
    name: OTHER,
    nodes: ['m1', 'm2'],
    spares: [],
    clients: random.chance(0.5) ? ['d1'] : [],
    caches: main.caches
  }
}

function writesOf (
  random: SimRandom,
  cluster: ClusterPlan
): Array<Omit<WritesPlan, 'id'> & { cluster: string }> {
  const chosen = random.some(WRITE_KINDS, 0.5)
  const hosts = [...cluster.nodes, ...cluster.clients, ...cluster.clients]
  return (chosen.length === 0 ? [random.pick(WRITE_KINDS)] : chosen).flatMap(kind =>
    Array.from({ length: random.int(1, 2) }, () => ({
      kind,
      cluster: cluster.name,
      host: random.pick(hosts),
      cache: random.pick(Object.keys(cluster.caches)),
      pauseMs: random.pick([20, 60, 150]),
      keys: random.pick([3, 10, 40])
    }))
  )
}

function consumersOf (random: SimRandom, cluster: ClusterPlan): ConsumerPlan[] {
  return Array.from({ length: random.int(cluster.name === MAIN ? 1 : 0, 2) }, (_, i) => ({
    cluster: cluster.name,
    cache: random.pick(Object.keys(cluster.caches)),
    group: `${cluster.name}-g${i}`,
    ratePerSecond: random.pick([20, 200, 5000]),
    batchSize: random.pick([1, 10, 500]),
    lifeMs: random.pick([1000, 5000, 60_000]),
    commitChance: random.pick([0.1, 0.5, 1])
  }))
}

function faultsOf (random: SimRandom, cluster: ClusterPlan, safetyMs: number): Fault[] {
  const kinds = random.some(FAULT_KINDS, random.pick([0.15, 0.3, 0.5]))
  const faults: Fault[] = []
  // In most seeds only one machine loses its disk, or no write would be certain to survive.
  const doomed = random.pick(cluster.nodes)
  for (const kind of kinds) {
    for (let left = random.int(1, kind === 'copy-disk' ? 2 : 4); left > 0; left--) {
      const fault = faultOf(random, kind, cluster, doomed, random.between(500, safetyMs * 0.95))
      if (fault !== undefined) faults.push(fault)
    }
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

/**
 * In some seeds some machines start slowly: the others have begun, and given up waiting, before
 * these take part.
 */
function slowStarts (random: SimRandom, { nodes, clients }: ClusterPlan): string[] {
  return random.chance(0.2) ? random.some([...nodes, ...clients], 0.4) : []
}

/** One node, or all but one, as in a rolling change of the timing. */
function slowBeats (random: SimRandom, { nodes }: ClusterPlan): readonly string[] {
  if (!random.chance(0.15)) return []
  const shuffled = random.shuffle(nodes)
  return random.chance(0.5) ? shuffled.slice(0, 1) : shuffled.slice(1)
}

function faultOf (
  random: SimRandom,
  kind: typeof FAULT_KINDS[number],
  cluster: ClusterPlan,
  doomed: string,
  atMs: number
): Fault | undefined {
  const { nodes, clients, spares } = cluster
  const anyone = [...nodes, ...nodes, ...clients]
  const forMs = random.pick([random.between(50, 500), random.between(500, 3000),
    random.between(1000, 6000)])
  const machine = random.pick(nodes)
  switch (kind) {
    case 'links':
      return { kind, atMs, forMs: forMs * 2, links: linkFaults(random) }
    case 'partition': {
      const shuffled = random.shuffle([...nodes, ...clients])
      const at = random.int(1, shuffled.length - 1)
      return {
        kind,
        atMs,
        forMs,
        from: shuffled.slice(0, at),
        to: shuffled.slice(at),
        oneWay: random.chance(0.4)
      }
    }
    case 'clog':
      return { kind, atMs, forMs, from: random.pick(anyone), to: machine }
    case 'break':
      return {
        kind,
        atMs,
        forMs: random.between(10, 2000),
        machine: random.pick(anyone),
        silentMs: random.pick([0, random.between(10, 2500)])
      }
    case 'crash': {
      const disk = random.pick(['kept', 'kept', 'kept', 'bit-flip', 'old-copy', 'wiped'] as const)
      const victim = disk === 'kept' ? random.pick(anyone) : doomed
      return { kind, atMs, forMs, machine: victim, disk }
    }
    case 'crash-all':
      return { kind, atMs, forMs: random.between(10, 1000), cluster: cluster.name }
    case 'pause':
    case 'stall':
      return { kind, atMs, forMs, machine: random.pick(anyone) }
    case 'clock-jump':
      return {
        kind,
        atMs,
        forMs: 0,
        machine: random.pick(anyone),
        byMs: random.pick([-1, 1]) * random.pick([10, 1000, 30_000, 90_000])
      }
    case 'clock-skew':
      return {
        kind,
        atMs,
        forMs: forMs * 2,
        machine: random.pick(anyone),
        rate: random.pick([0.5, 0.9, 1.1, 2])
      }
    case 'clock-freeze':
      return { kind, atMs, forMs, machine: random.pick(anyone) }
    case 'copy-disk':
      return { kind, atMs, forMs: 0, machine: doomed }
    case 'join':
      return spares[0] === undefined
        ? undefined
        : { kind, atMs, forMs: forMs * 2, machine: spares[0] }
    case 'twin':
      return { kind, atMs, forMs, machine: doomed }
    case 'hostile':
      return { kind, atMs, forMs, messages: random.int(5, 60) }
    case 'flap':
    case 'slow-disk':
    case 'full-disk':
    case 'leave':
      return { kind, atMs, forMs, machine }
  }
}

function linkFaults (random: SimRandom): Extract<Fault, { kind: 'links' }>['links'] {
  const some = (value: number): number => random.chance(0.5) ? value : 0
  const late = some(random.between(0, 0.1))
  return {
    loss: some(random.between(0, 0.3)),
    duplicate: some(random.between(0, 0.2)),
    reorder: some(random.between(0, 0.5)),
    late,
    lateMs: late === 0 ? 0 : random.between(100, 5000)
  }
}
