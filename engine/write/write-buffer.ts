/**
 * The write buffer (D3): writes take their place in the index at once and wait for their place in
 * the log.
 *
 *   write ---> buffered-fields.ts       registers, deletes, replacements
 *         ---> buffered-operations.ts   operations on counters, sets and the like
 *         ---> late-writes.ts           events older than tombstones that were dropped here
 *                  |
 *                  +---> the index, and pending.ts until the next flush (flushing.ts)
 *
 * Because the buffer is the index itself, a buffered write is readable at once. An entry that a
 * later one supersedes before the flush is never logged: a hammered key costs one entry.
 *
 *   invariants   at most limits.maxPendingEntries wait
 */
import { bufferFields } from './buffered-fields.js'
import { bufferOperations } from './buffered-operations.js'
import { LogError } from '../errors.js'
import { flush } from './flushing.js'
import { bufferLate } from './late-writes.js'
import type { ShardState } from '../shard-state.js'
import type { Write } from './write.js'

/**
 * Buffers one write.
 * @param keepLoser log the write even where an earlier one beats it, so that replicas can confirm
 *   that they hold it
 * @returns false when the write changed nothing here: it was older than the record, or a retry
 * @throws KindError, LimitError, LogError (nothing changed)
 */
export function bufferWrite (state: ShardState, write: Write, keepLoser = false): boolean {
  const { pending } = state
  // A buffer is full only if its last flush failed: otherwise needsFlush() below emptied it.
  if (pending.isFull) flush(state)
  const changed = write.operations !== undefined
    ? bufferOperations(state, write, write.operations, keepLoser)
    : write.version <= state.floor.newest
    ? bufferLate(state, write, keepLoser)
    : bufferFields(state, write, keepLoser)
  if (pending.needsFlush()) tryToFlush(state)
  state.onRecord?.(write.key)
  return changed
}

/** If the log fails, the entries wait for the next flush, which throws if it fails too. */
function tryToFlush (state: ShardState): void {
  try {
    flush(state)
  } catch (error) {
    if (!(error instanceof LogError)) throw error
  }
}
