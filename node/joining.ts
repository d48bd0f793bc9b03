/**
 * A node listens before it speaks: settings that contradict the cluster are found before anything
 * of the node counts.
 */
import { ConfigConflictError } from '../engine/errors.js'
import { joinWaitMs } from '../engine/timing.js'
import type { ClusterContext } from '../replication/contexts.js'
import { conflictBetween, sameShape,
  type CacheShape } from '../replication/membership/cache-shape.js'
import type { Membership } from '../replication/membership/membership.js'
import { settledWithin } from '../replication/transport/settled-within.js'

/** Says hello, and waits for as long as the heartbeats of the other nodes may be apart. */
export async function listen (context: ClusterContext, membership: Membership): Promise<void> {
  const { timing, messenger, ports: { clock, timers } } = context
  membership.hello()
  const startedMs = clock.monotonicMs()
  let leftMs = timing.joinWaitMs
  do {
    const waitMs = leftMs
    await new Promise<void>(resolve => {
      timers.after(waitMs, resolve)
    })
    leftMs = startedMs + joinWaitMs(timing, membership.pace) - clock.monotonicMs()
  } while (leftMs > 0)
  // A process that was busy meanwhile has not read yet what arrived: one round trip brings it in.
  await settledWithin(messenger.transport.flush(), timers, timing.requestTimeoutMs)
}

/** A node that is about to join, and the settings of its caches. */
export interface Newcomer {
  readonly name: string
  readonly cluster: string
  readonly shapes: ReadonlyMap<string, CacheShape>
}

/**
 * @throws ConfigConflictError when the name is taken, or a member runs a cache of the newcomer with
 *   other settings
 */
export function assertFits (
  { name, cluster, shapes }: Newcomer,
  { takenBy, members }: Membership
): void {
  if (takenBy !== undefined) {
    throw new ConfigConflictError(
      `node name ${name} is taken: another process of cluster ${cluster} runs under it; choose ` +
        'another name or stop that one'
    )
  }
  for (const { id, caches } of members.values()) {
    for (const [cache, mine] of shapes) {
      const theirs = caches[cache]
      if (theirs !== undefined && !sameShape(mine, theirs)) {
        throw new ConfigConflictError(
          `cache ${cache}: ${
            conflictBetween(mine, theirs)
          } (${id}); use the cluster's settings, or another cache name`
        )
      }
    }
  }
}
