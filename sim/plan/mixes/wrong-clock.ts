/**
 * One machine whose clock is wrong by minutes or by a day, for a while or to the end, and records
 * that end by the time: no other may notice.
 */
import type { ClusterPlan, Fault } from '../plan.js'
import type { SimRandom } from '../../random.js'
import type { WritesPlan } from '../../workloads/writes.js'
import type { Mix } from './mix.js'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

export function wrongClock (
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
