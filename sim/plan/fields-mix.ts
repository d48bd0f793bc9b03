/**
 * Workloads on fields that are more than registers, for some of the seeds. They are drawn from
 * chance of their own, so that the rest of such a seed stays as it would be without them.
 */
import type { ClusterPlan } from './plan.js'
import { SimRandom } from '../random.js'
import { INDEXES } from '../workloads/fields/dated.js'
import type { WritesPlan } from '../workloads/writes.js'

const KINDS: ReadonlyArray<WritesPlan['kind']> = ['counters', 'ownCounter', 'sets', 'bounds',
  'sequenced', 'expiring', 'indexed']

export interface FieldsMix {
  readonly writes: ReadonlyArray<Omit<WritesPlan, 'id'> & { readonly cluster: string }>
  readonly clusters: readonly ClusterPlan[]
}

export function withFields (seed: number, clusters: readonly ClusterPlan[]): FieldsMix {
  const random = new SimRandom(seed).fork('fields')
  if (!random.chance(0.4)) return { writes: [], clusters }
  const writes = clusters.flatMap(({ name: cluster, nodes, clients, caches }) => {
    const cache = random.pick(Object.keys(caches))
    const hosts = [...nodes, ...nodes, ...clients]
    const chosen = random.some(KINDS, 0.5)
    // Few keys, so that writers meet; each kind on two hosts or three.
    const loops = (chosen.length === 0 ? [random.pick(KINDS)] : chosen).flatMap(kind => {
      const keys = random.pick([1, 3, 8])
      return Array.from(
        { length: random.int(2, 3) },
        () => ({
          kind,
          cluster,
          cache,
          host: random.pick(hosts),
          pauseMs: random.pick([40, 100, 200]),
          keys
        })
      )
    })
    return [...loops, {
      kind: 'reads' as const,
      cluster,
      cache,
      host: random.pick(hosts),
      pauseMs: 100,
      keys: 1
    }]
  })
  return {
    writes,
    clusters: clusters.map(cluster => ({
      ...cluster,
      caches: Object.fromEntries(
        Object.entries(cluster.caches).map((
          [name, shape]
        ) => [name, { ...shape, indexes: INDEXES }])
      )
    }))
  }
}
