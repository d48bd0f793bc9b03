/**
 * Owners that stand still for longer than an attempt at a write may take, and not for so long that
 * they are missed. Adds to sets are sent again to another owner meanwhile, and taken back there;
 * then the first owner goes on, with the adds that were sent to it (SPEC E9). An owner that is cut
 * off for longer than a removal is remembered is not covered (docs/reliability.md): so this is for
 * worlds in which removals are remembered to the end.
 */
import type { ClusterPlan, Fault, Plan } from '../plan.js'
import type { SimRandom } from '../../random.js'
import type { Mix } from './mix.js'

const PAUSES = 6

export function sentAgain (
  random: SimRandom,
  { name, nodes, clients, caches }: ClusterPlan,
  safetyMs: number,
  pace: Plan['pace']
): Partial<Mix> {
  const replicated = Object.keys(caches).filter(cache => (caches[cache]?.replicas ?? 1) > 1)
  if (!random.chance(0.5) || pace !== 'fast' || replicated.length === 0) return {}
  const cache = random.pick(replicated)
  return {
    writes: [random.pick(clients), random.pick(clients), random.pick(nodes)].map(host => ({
      kind: 'sets',
      cluster: name,
      cache,
      host,
      pauseMs: random.pick([20, 40]),
      keys: 3,
      concerns: ['buffered']
    })),
    faults: Array.from(
      { length: PAUSES },
      (): Fault => ({
        kind: 'pause',
        atMs: random.between(1500, safetyMs * 0.95),
        forMs: random.between(900, 1900),
        machine: random.pick(nodes)
      })
    )
  }
}
