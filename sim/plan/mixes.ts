/**
 * Mixes of faults and workloads that separate tosses hardly ever give, added to some seeds. Each is
 * drawn from chance of its own, so that the rest of the seed stays as it would be without the mix.
 */
import type { ClusterPlan, Plan } from './plan.js'
import { SimRandom } from '../random.js'
import { crashesAtAck } from './mixes/crashes-at-ack.js'
import type { Mix } from './mixes/mix.js'
import { replaced } from './mixes/replaced.js'
import { rift } from './mixes/rift.js'
import { sentAgain } from './mixes/sent-again.js'
import { silence } from './mixes/silence.js'
import { twoStores } from './mixes/two-stores.js'
import { wrongClock } from './mixes/wrong-clock.js'

const MIXES = {
  rift,
  'crashes at ack': crashesAtAck,
  silence,
  'wrong clock': wrongClock,
  'two stores': twoStores,
  replaced,
  'sent again': sentAgain
} as const satisfies Record<
  string,
  (
    random: SimRandom,
    cluster: ClusterPlan,
    safetyMs: number,
    pace: Plan['pace']
  ) => Partial<Mix>
>

export function mixesOf (
  seed: number,
  cluster: ClusterPlan,
  safetyMs: number,
  pace: Plan['pace']
): Mix {
  const mixes: Array<Partial<Mix>> = Object.entries(MIXES).map(([name, mix]) =>
    mix(new SimRandom(seed).fork(name), cluster, safetyMs, pace)
  )
  return {
    writes: mixes.flatMap(({ writes = [] }) => writes),
    consumers: mixes.flatMap(({ consumers = [] }) => consumers),
    faults: mixes.flatMap(({ faults = [] }) => faults),
    spares: mixes.flatMap(({ spares = [] }) => spares)
  }
}
