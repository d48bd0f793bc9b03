/**
 * A node stands still, or is cut off and goes on by itself, while a supervisor starts another
 * process under its name on a machine of its own, whose clock may be wrong. Then the first one is
 * back: it has to hand over what it has and end (SPEC R17).
 */
import type { ClusterPlan } from '../plan.js'
import type { SimRandom } from '../../random.js'
import type { Mix } from './mix.js'

export function replaced (
  random: SimRandom,
  { name, nodes, clients, caches }: ClusterPlan,
  safetyMs: number
): Partial<Mix> {
  if (!random.chance(0.2)) return {}
  const machine = random.pick(nodes)
  const cache = random.pick(Object.keys(caches))
  const write = (kind: 'inserts' | 'ended' | 'kept', host: string) => ({
    kind,
    cluster: name,
    cache,
    host,
    pauseMs: random.pick([40, 100]),
    keys: random.pick([1, 3])
  })
  return {
    writes: [
      { ...write('inserts', machine), concerns: ['durable'] },
      write('ended', machine),
      write('ended', random.pick([...nodes, ...clients])),
      write('kept', random.pick([...nodes, ...clients]))
    ],
    faults: [{
      kind: 'replace',
      atMs: random.between(2500, safetyMs * 0.8),
      forMs: random.pick([random.between(500, 2000), random.between(3500, 9000)]),
      machine,
      isCut: random.chance(0.5),
      clockByMs: random.pick([0, 0, 30_000, -30_000, -90_000])
    }]
  }
}
