/**
 * The power goes at the worst of moments: right after a writer was told that its write is on disk.
 * No later write hides the loss.
 */
import type { ClusterPlan, Fault } from '../plan.js'
import type { SimRandom } from '../../random.js'
import type { Mix } from './mix.js'

export function crashesAtAck (
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
