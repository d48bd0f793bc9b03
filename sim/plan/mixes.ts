/**
 * Mixes of faults and workloads that separate tosses hardly ever give, added to some seeds. Each is
 * drawn from chance of its own, so that the rest of the seed stays as it would be without the mix.
 */
import type { ClusterPlan, Fault } from './plan.js'
import { SimRandom } from '../random.js'
import type { ConsumerPlan } from '../workloads/consumer.js'
import type { WritesPlan } from '../workloads/writes.js'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** Joins while others say nothing; the spares of a seed join at any time. */
const NEWCOMER = 'j1'

export interface Mix {
  readonly writes: ReadonlyArray<Omit<WritesPlan, 'id'> & { readonly cluster: string }>
  readonly consumers: readonly ConsumerPlan[]
  readonly faults: readonly Fault[]
  /** Machines of the cluster that join later. */
  readonly spares: readonly string[]
}

export function mixesOf (seed: number, cluster: ClusterPlan, safetyMs: number): Mix {
  const mixes = [rift(new SimRandom(seed).fork('rift'), cluster, safetyMs),
    crashesAtAck(new SimRandom(seed).fork('crashes at ack'), cluster, safetyMs),
    silence(new SimRandom(seed).fork('silence'), cluster, safetyMs),
    wrongClock(new SimRandom(seed).fork('wrong clock'), cluster, safetyMs)]
  return {
    writes: mixes.flatMap(({ writes = [] }) => writes),
    consumers: mixes.flatMap(({ consumers = [] }) => consumers),
    faults: mixes.flatMap(({ faults = [] }) => faults),
    spares: mixes.flatMap(({ spares = [] }) => spares)
  }
}

/**
 * Nodes that do not see each other while all of them take writes to the same records, and a
 * consumer group that goes from one node to the other and commits everything. So cursors go
 * different ways, and the records they cover never change again.
 */
function rift (
  random: SimRandom,
  { name, nodes, caches }: ClusterPlan,
  safetyMs: number
): Partial<Mix> {
  if (!random.chance(0.3)) return {}
  const cache = random.pick(Object.keys(caches))
  const shuffled = random.shuffle(nodes)
  const at = random.int(1, shuffled.length - 1)
  const sides = [shuffled.slice(0, at), shuffled.slice(at)] as const
  return {
    writes: sides.map(side => ({
      kind: 'pieces',
      cluster: name,
      cache,
      host: random.pick(side),
      pauseMs: random.pick([50, 150]),
      keys: 1
    })),
    consumers: [{
      cluster: name,
      cache,
      group: `${name}-rift`,
      ratePerSecond: random.pick([200, 5000]),
      batchSize: random.pick([1, 10]),
      lifeMs: random.pick([200, 600]),
      commitChance: 1
    }],
    faults: Array.from(
      { length: random.int(1, 3) },
      (): Fault => ({
        kind: 'partition',
        atMs: random.between(1000, safetyMs * 0.95),
        forMs: random.between(500, 8000),
        from: sides[0],
        to: sides[1],
        oneWay: random.chance(0.2)
      })
    )
  }
}

/**
 * The power goes at the worst of moments: right after a writer was told that its write is on disk.
 * No later write hides the loss.
 */
function crashesAtAck (
  random: SimRandom,
  { name, nodes, clients, caches }: ClusterPlan,
  safetyMs: number
): Partial<Mix> {
  if (!random.chance(0.4)) return {}
  return {
    writes: [{
      kind: 'inserts',
      cluster: name,
      cache: random.pick(Object.keys(caches)),
      host: random.pick([...nodes, ...clients]),
      pauseMs: random.pick([60, 150]),
      keys: 1,
      concerns: ['durable']
    }],
    faults: Array.from(
      { length: random.int(1, 3) },
      (): Fault => ({
        kind: 'crash-at-ack',
        atMs: random.between(500, safetyMs * 0.95),
        forMs: random.between(200, 1500),
        cluster: name
      })
    )
  }
}

/**
 * Nobody is heard for a while, and nobody is gone: nodes are cut off from all others, all lose the
 * network at once, or stand still while another node joins. Meanwhile operations go on, on records
 * of a later epoch than the first, and records that stay are asked for.
 */
function silence (
  random: SimRandom,
  { name, nodes, clients, caches }: ClusterPlan,
  safetyMs: number
): Partial<Mix> {
  if (!random.chance(0.3)) return {}
  const cache = random.pick(Object.keys(caches))
  const hosts = [...nodes, ...nodes, ...clients]
  const loops = (kind: 'ended' | 'kept'): Mix['writes'] =>
    Array.from({ length: random.int(2, 3) }, () => ({
      kind,
      cluster: name,
      cache,
      host: random.pick(hosts),
      pauseMs: random.pick([40, 100, 200]),
      keys: random.pick([1, 3])
    }))
  return {
    writes: [...loops('ended'), ...loops('kept')],
    spares: [NEWCOMER],
    faults: Array.from(
      { length: random.int(1, 3) },
      () => silenceAt(random, random.between(2500, safetyMs * 0.9), nodes, clients)
    ).flat()
  }
}

function silenceAt (
  random: SimRandom,
  atMs: number,
  nodes: readonly string[],
  clients: readonly string[]
): Fault[] {
  const forMs = random.pick([random.between(300, 1500), random.between(1000, 6000)])
  const machine = random.pick(nodes)
  const all = [...nodes, ...clients]
  switch (random.pick(['alone', 'apart', 'outage', 'joins', 'joins'] as const)) {
    case 'alone': {
      const others = all.filter(other => other !== machine)
      return [{ kind: 'partition', atMs, forMs, from: [machine], to: others, oneWay: false }]
    }
    case 'apart':
      return nodes.map(node => ({
        kind: 'partition',
        atMs,
        forMs: forMs + random.between(0, 300),
        from: [node],
        to: nodes.filter(other => other !== node),
        oneWay: false
      }))
    case 'outage':
      return all.map(each => ({
        kind: 'break',
        atMs,
        forMs: forMs + random.between(0, 800),
        machine: each,
        silentMs: 0
      }))
    case 'joins':
      return [
        ...random.some(nodes, 0.6).map((node): Fault => ({
          kind: 'pause',
          atMs: atMs + random.between(-50, 300),
          forMs,
          machine: node
        })),
        { kind: 'join', atMs, forMs: forMs + random.between(1000, 5000), machine: NEWCOMER }
      ]
  }
}

/**
 * One machine whose clock is wrong by minutes or by a day, for a while or to the end, and records
 * that end by the time: no other may notice.
 */
function wrongClock (
  random: SimRandom,
  { name, nodes, clients, caches }: ClusterPlan,
  safetyMs: number
): Partial<Mix> {
  if (!random.chance(0.35)) return {}
  const machine = random.pick([...nodes, ...nodes, ...clients])
  const byMs = random.pick([DAY_MS, DAY_MS, DAY_MS, -2 * MINUTE_MS, 2 * MINUTE_MS])
  const fromMs = random.between(0, safetyMs * 0.5)
  const jump = (atMs: number, by: number): Fault => ({
    kind: 'clock-jump',
    atMs,
    forMs: 0,
    machine,
    byMs: by
  })
  const cache = random.pick(Object.keys(caches))
  const write = (kind: WritesPlan['kind'], host: string) => ({
    kind,
    cluster: name,
    cache,
    host,
    pauseMs: random.pick([40, 150]),
    keys: 3
  })
  return {
    writes: [...nodes.map(node => write('expiring', node)), write('hot', machine)],
    faults: [jump(fromMs, byMs), ...random.chance(0.5)
      ? [jump(random.between(fromMs, safetyMs), -byMs)]
      : []]
  }
}
