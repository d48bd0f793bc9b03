/**
 * A store's share of a shard follows the live records, not the writes there were (SPEC S3): a
 * snapshot, deltas of at most its size or 8 KiB, and the last flush; and the snapshot is worth its
 * bytes. To be asked when a cluster is at rest, with nothing on its way to the disk.
 */
import type { Limits } from '../../engine/limits.js'
import { Shard } from '../../engine/shard.js'
import { decodeSnapshot, encodeSnapshot } from '../../engine/snapshot.js'
import type { NodeMachine } from '../world/node-machine.js'
import { Violation } from '../violation.js'

export function checkStores (machines: readonly NodeMachine[], cache: string): void {
  for (const machine of machines) {
    const { limits } = machine.world
    const replicator = machine.inside?.replicas.get(cache)?.replicator
    if (replicator === undefined) continue
    for (const { shard, snapshot, deltas, cursors } of machine.disk(cache).held()) {
      const where = `${machine.name}: shard ${shard} of ${cache}`
      const empty = snapshot === undefined && deltas.length === 0 && cursors === 0
      if (!empty && !replicator.held.has(replicator.shards.topology.groupOf(shard))) {
        throw new Violation(
          'a store follows the live records',
          `${where} was given up and is still on disk`
        )
      }
      const beforeLast = deltas.slice(0, -1).reduce((sum, { length }) => sum + length, 0)
      const deltaBytes = beforeLast + (deltas.at(-1)?.length ?? 0)
      const allowed = Math.max(limits.minStoredDeltaBytes, snapshot?.length ?? 0)
      if (beforeLast > allowed || deltas.length > limits.maxStoredDeltas) {
        throw new Violation(
          'a store follows the live records',
          `${where} has ${deltas.length} deltas of ${deltaBytes} bytes behind a snapshot of ${
            snapshot?.length ?? 0
          }; ${limits.maxStoredDeltas} of ${allowed} are allowed`
        )
      }
      if (snapshot !== undefined) checkSnapshot(where, snapshot, limits)
    }
  }
}

/** A snapshot that is read into an empty shard and written again holds live entries only. */
function checkSnapshot (where: string, snapshot: Uint8Array, limits: Limits): void {
  const shard = new Shard({
    limits,
    shard: 0,
    incarnation: 1,
    onDelta: () => {},
    onEvent: () => {}
  })
  const decoded = decodeSnapshot(snapshot, limits)
  if (decoded === null || shard.merge(decoded.update).outcome === 'refused') {
    throw new Violation(
      'a store follows the live records',
      `${where} has a snapshot that cannot be read`
    )
  }
  shard.restoreFloor(decoded.floor)
  const slim = encodeSnapshot(shard)
  const allowed = slim.length * 2 + limits.minStoredDeltaBytes
  if (snapshot.length > allowed) {
    throw new Violation(
      'a store follows the live records',
      `${where} has a snapshot of ${snapshot.length} bytes, its live records take ${slim.length}`
    )
  }
}
