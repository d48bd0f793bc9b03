/**
 * Nobody is heard for a while, and nobody is gone: nodes are cut off from all others, all lose the
 * network at once, or stand still while another node joins. Meanwhile operations go on, on records
 * of a later epoch than the first, and records that stay are asked for.
 */
import type { ClusterPlan, Fault } from '../plan.js'
import type { SimRandom } from '../../random.js'
import type { Mix } from './mix.js'

/** Joins while others say nothing; the spares of a seed join at any time. */
const NEWCOMER = 'j1'

export function silence (
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
