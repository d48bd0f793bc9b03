/**
 * Nodes that do not see each other while all of them take writes to the same records, and a
 * consumer group that goes from one node to the other and commits everything. So cursors go
 * different ways, and the records they cover never change again.
 */
import type { ClusterPlan, Fault } from '../plan.js'
import type { SimRandom } from '../../random.js'
import type { Mix } from './mix.js'

export function rift (
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
