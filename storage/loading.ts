/**
 * Reads a cache back from its store, shard by shard: its snapshot, then the deltas behind it,
 * then the committed cursors.
 *
 * A damaged shard comes back as far as it is whole. The missing rest is fetched from peers like
 * anything else that is missing. Intact bytes that this node cannot read end the start: a newer
 * release wrote them (ADR 12), or a node with larger bounds. The next snapshot would take their
 * place on disk.
 */
import { NewerReleaseError, StoreError } from '../engine/errors.js'
import type { Floor } from '../engine/garbage/floor.js'
import { decodeSnapshot } from '../engine/snapshot.js'
import type { MergeResult } from '../engine/shard.js'
import type { ShardSetContext } from './shard-set-context.js'
import type { Store, StoredShard } from './store.js'

/** Where the stored shards go. */
export interface LoadTarget {
  /** Merges an update that this node has stored before. */
  readonly merge: (shard: number, update: Uint8Array) => MergeResult
  readonly restoreFloor: (shard: number, floor: Floor) => void
  readonly restoreCursor: (shard: number, consumerGroup: string, cursor: Uint8Array) => void
}

/** Each shard that the store has something of, once it was read. @throws StoreError */
export function* loadShards (
  store: Pick<Store, 'shards'>,
  context: ShardSetContext,
  target: LoadTarget
): Generator<number, void, undefined> {
  const { topology, persister, onEvent } = context
  let setAside = 0
  for (const stored of store.shards()) {
    const { shard, damaged } = stored
    setAside += damaged
    if (damaged > 0) onEvent({ type: 'shard-damaged', shard, blobs: damaged })
    if (!topology.includes(shard)) {
      throw unreadable(shard, 'it is not one of the shards of this cache', setAside)
    }
    persister.restored(stored)
    try {
      loadShard(stored, context, target)
    } catch (error) {
      throw error instanceof Unreadable ? unreadable(shard, error.message, setAside) : error
    }
    yield shard
  }
}

function loadShard (
  { shard, snapshot, deltas, cursors }: StoredShard,
  context: ShardSetContext,
  target: LoadTarget
): void {
  if (snapshot !== null) loadSnapshot(shard, snapshot, context, target)
  for (const delta of deltas) merge(shard, delta, target)
  for (const { consumerGroup, cursor } of cursors) {
    target.restoreCursor(shard, consumerGroup, cursor)
  }
}

function loadSnapshot (
  shard: number,
  bytes: Uint8Array,
  { limits }: ShardSetContext,
  target: LoadTarget
): void {
  const snapshot = decodeSnapshot(bytes, limits)
  if (snapshot === null) throw new Unreadable('its snapshot is not one of this release')
  const outcome = merge(shard, snapshot.update, target)
  if (outcome === 'merged' || outcome === 'known') target.restoreFloor(shard, snapshot.floor)
}

/** @throws Unreadable when the update is refused */
function merge (
  shard: number,
  update: Uint8Array,
  target: LoadTarget
): MergeResult['outcome'] {
  const result = target.merge(shard, update)
  if (result.outcome !== 'refused') return result.outcome
  const { newer, reason } = result
  throw new Unreadable(newer === undefined ? reason : new NewerReleaseError(newer).message)
}

/** Why intact bytes cannot be read back; loadShards makes it the error of the start. */
class Unreadable extends Error {}

function unreadable (shard: number, why: string, setAside: number): StoreError {
  const changed = setAside === 0
    ? 'nothing was changed'
    : `nothing was changed but that damaged blobs (${setAside}) were set aside`
  return new StoreError(
    `shard ${shard} cannot be read back: ${why}; ${changed}. Start it with the release ` +
      'and the limits that wrote it, or give the node an empty data directory',
    undefined,
    { changed: 'no', retryable: false }
  )
}
