/**
 * A node stands still, or is cut off and goes on by itself, while a supervisor starts another
 * process under its name on a machine of its own, whose clock may be wrong. Then the first one is
 * back: it has to hand over what it has and end (SPEC R17).
 */
import type { ClusterPlan, Fault } from '../plan.js'
import type { SimRandom } from '../../random.js'
import type { Mix } from './mix.js'

export function replaced (
  random: SimRandom,
  { name, nodes, clients, caches }: ClusterPlan,
  safetyMs: number
): Partial<Mix> {
  if (!random.chance(0.3)) return {}
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
    // Of a machine that does not run, or was replaced already, nothing comes.
    faults: [machine, machine, random.pick(nodes)].map((replacedNode): Fault => ({
      kind: 'replace',
      atMs: random.between(2500, safetyMs * 0.85),
      forMs: random.pick([random.between(1500, 4000), random.between(4000, 9000)]),
      machine: replacedNode,
      isCut: random.chance(0.5),
      clockByMs: random.pick([0, 0, 30_000, -30_000, -90_000])
    }))
  }
}
