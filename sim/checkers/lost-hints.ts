/**
 * A lost hint delays a change by at most five heartbeats (SPEC C6), also while its placement group
 * keeps changing. This is tried at the end of a run, when no other fault lasts: from then on no
 * hint arrives, and records are written faster than heartbeats come. Each record has to reach every
 * consumer group in time.
 */
import type { SimNetwork } from '../world/network.js'
import type { Plan } from '../plan/plan.js'
import type { SimRandom } from '../random.js'
import type { Scheduler } from '../world/scheduler.js'
import type { Host, Surroundings } from '../world/surroundings.js'
import { Violation } from '../violation.js'
import type { ConsumerGroup } from '../workloads/consumer.js'
import { Writer } from '../workloads/writer.js'

const ROUNDS = 12
const HEARTBEATS = 5
/** From the write to all replicas, and from the answer to the consumer. */
const ON_ITS_WAY_MS = 60

export interface Deaf extends Surroundings {
  readonly scheduler: Scheduler
  readonly network: SimNetwork
  readonly consumers: readonly ConsumerGroup[]
  readonly heartbeatMs: number
  nodesOf(cluster: string): readonly Host[]
}

/** @returns the time by which all of it is decided; the caller lets time pass until then */
export function loseHints (world: Deaf, plan: Plan, random: SimRandom): number {
  world.network.loses = subject => /^mp\.[^.]+\.[^.]+\.n\.[^.]+$/.test(subject)
  const { scheduler, heartbeatMs } = world
  for (let round = 0; round < ROUNDS; round++) {
    scheduler.after(round * heartbeatMs * 0.6, 'write without a hint', () => {
      for (const place of new Set(world.consumers.map(({ deliveries }) => deliveries.place))) {
        write(world, plan, random, place, round)
      }
    })
  }
  return scheduler.nowMs + heartbeatMs * (ROUNDS + HEARTBEATS + 1)
}

function write (world: Deaf, plan: Plan, random: SimRandom, place: string, round: number): void {
  const [cluster = '', cache = ''] = place.split('/')
  const replicas = plan.clusters.find(({ name }) => name === cluster)?.caches[cache]?.replicas ?? 1
  const host = random.pick(world.nodesOf(cluster))
  const writer = new Writer(world, host, random, {
    cache,
    replicas,
    concerns: ['buffered'],
    timeoutMs: 1000
  })
  const key = `${cluster}.${cache}.hintless.${round}`
  const startMs = world.scheduler.nowMs
  host.process?.enter(() => {
    void writer.write({ key, fields: ['a'], order: 0 }).then(op => {
      if (op?.outcome !== 'acked') return
      world.scheduler.at(
        startMs + world.heartbeatMs * HEARTBEATS + ON_ITS_WAY_MS,
        `${key} is known`,
        () => {
          for (const { deliveries } of world.consumers) {
            if (
              deliveries.place !== place ||
              deliveries.missing(new Map([[key, { a: op.value }]])) === null
            ) continue
            throw new Violation(
              'a lost hint delays a change by at most five heartbeats',
              `group ${deliveries.group} has not heard of ${key}, written on ${host.name} at ${
                startMs.toFixed(1)
              }`
            )
          }
        }
      )
    })
  })
}
