/** What a mix adds to a seed: workloads, faults, and machines that take part in them. */
import type { ConsumerPlan } from '../../workloads/consumer.js'
import type { WritesPlan } from '../../workloads/writes.js'
import type { Fault } from '../plan.js'

export interface Mix {
  readonly writes: ReadonlyArray<Omit<WritesPlan, 'id'> & { readonly cluster: string }>
  readonly consumers: readonly ConsumerPlan[]
  readonly faults: readonly Fault[]
  /** Machines of the cluster that join later. */
  readonly spares: readonly string[]
}
