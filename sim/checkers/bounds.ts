/** Every queue stays within its bound at every step, and is empty at rest (SPEC B1). */
import type { Limits } from '../../engine/limits.js'
import type { Inside } from '../../node/inside.js'
import { Violation } from '../violation.js'

/** Called after every step of a process, so the check has to be cheap. */
export function checkBounds (
  machine: string,
  inside: Inside | undefined,
  limits: Limits
): void {
  if (inside === undefined) return
  const { messenger, membership, caches, replicas } = inside
  within(machine, 'requests waiting', messenger.requestsWaiting, limits.maxRequestsInFlight)
  within(machine, 'partial messages', messenger.partialMessages, limits.maxPartialMessages)
  within(
    machine,
    'writes on their way',
    caches.writesOnTheirWay,
    limits.maxWritesInFlight * replicas.size + limits.maxWritesInFlight
  )
  within(machine, 'members', membership.members.size, limits.maxMembers)
  for (const [cache, { replicator }] of replicas) {
    const { keptBatches, keptBytes, ackWaiters } = replicator.queues
    within(
      machine,
      `${cache}: kept batches`,
      keptBatches,
      limits.maxResendBatches * replicator.shape.groups
    )
    within(machine, `${cache}: kept bytes`, keptBytes, limits.maxResendBytes + limits.maxDeltaBytes)
    within(machine, `${cache}: writers waiting for replicas`, ackWaiters, limits.maxAckWaiters)
    for (const shard of replicator.shards.residents()) {
      within(
        machine,
        `${cache}: pending entries of shard ${shard.shard}`,
        shard.pendingEntries,
        limits.maxPendingEntries
      )
      // SPEC E12
      within(
        machine,
        `${cache}: dead entries of shard ${shard.shard}`,
        shard.deadEntries,
        (limits.minHolesToPack + 1) * shard.liveEntries
      )
    }
  }
}

/** The queues that are not empty of a machine that should be at rest, or null. */
export function notAtRest (machine: string, inside: Inside | undefined): string | null {
  if (inside === undefined) return null
  const { messenger, caches, replicas } = inside
  const left: string[] = []
  const note = (what: string, count: number): void => {
    if (count > 0) left.push(`${count} ${what}`)
  }
  note('requests without an answer', messenger.requestsWaiting)
  note('writes on their way', caches.writesOnTheirWay)
  for (const [cache, replica] of replicas) {
    const { replicator } = replica
    note(`writers of ${cache} that wait for replicas`, replicator.queues.ackWaiters)
    note(`batches of ${cache} heard of and not merged`, replicator.inbox.lag)
    note(`bytes of ${cache} not stored`, replica.unstoredBytes)
    if (replicator.queues.unpublished) left.push(`unpublished deltas of ${cache}`)
    for (const shard of replicator.shards.residents()) {
      note(`pending entries in shard ${shard.shard} of ${cache}`, shard.pendingEntries)
    }
  }
  return left.length === 0 ? null : `${machine}: ${left.join(', ')}`
}

function within (machine: string, what: string, value: number, bound: number): void {
  if (value > bound) {
    throw new Violation(
      'queues stay within their bounds',
      `${machine}: ${what}: ${value}, at most ${bound} are allowed`
    )
  }
}
