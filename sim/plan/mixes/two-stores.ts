/**
 * The power goes at all nodes right after a writer was told that two stores have its write, and one
 * of the machines comes back without its disk.
 */
import type { ClusterPlan, Fault } from '../plan.js'
import type { SimRandom } from '../../random.js'
import type { Mix } from './mix.js'

export function twoStores (
  random: SimRandom,
  { name, nodes, clients, caches }: ClusterPlan,
  safetyMs: number
): Partial<Mix> {
  const replicated = Object.keys(caches).filter(cache => (caches[cache]?.replicas ?? 1) > 1)
  if (!random.chance(0.25) || replicated.length === 0) return {}
  return {
    writes: (['inserts', 'ended'] as const).map(kind => ({
      kind,
      cluster: name,
      cache: random.pick(replicated),
      host: random.pick([...nodes, ...clients]),
      pauseMs: random.pick([40, 100]),
      keys: 1,
      concerns: [{ durable: random.pick([2, 'majority', 'all'] as const) }]
    })),
    faults: [
      {
        kind: 'crash-at-ack',
        atMs: random.between(500, safetyMs * 0.9),
        forMs: random.between(200, 1500),
        cluster: name,
        wiped: random.pick(nodes)
      } satisfies Fault
    ]
  }
}
