/**
 * How an update from outside becomes part of a shard. The update is read whole and held against
 * what the shard has seen. Then it is either refused, which changes nothing, or appended and
 * admitted whole.
 *
 * The append comes before the admission: if the log does not take the update, no record has
 * changed.
 */
import type { Entry } from '../record/entry.js'
import { LogError, NewerReleaseError, UpdateRefusedError, type NewerForm } from '../errors.js'
import { isMute } from '../garbage/garbage.js'
import { runFrom, type Run } from '../log/run.js'
import type { ShardState } from '../shard-state.js'
import { flush } from '../write/flushing.js'
import { buryAgain } from '../write/own-writes.js'
import { decodeUpdate } from '../log/update.js'

export type MergeResult =
  /** `entries` were new; `maxVersion` is the greatest version or stamp among them. */
  | { readonly outcome: 'merged', readonly entries: number, readonly maxVersion: number }
  /** Everything in it was known already. */
  | { readonly outcome: 'known' }
  /** It starts behind entries that this replica has not seen: ask for the entries between. */
  | { readonly outcome: 'gap' }
  /** `newer` is the entry that this release cannot read, where that is the reason. */
  | { readonly outcome: 'refused', readonly reason: string, readonly newer?: NewerForm }

/**
 * The runs of an update, or why it is refused: it is malformed, or the buffered writes, which must
 * be logged before it, cannot be.
 */
export function readUpdate (state: ShardState, update: Uint8Array): Run[] | MergeResult {
  try {
    const runs = decodeUpdate(update, state.limits)
    flush(state)
    return runs
  } catch (error) {
    return refusedFor(state, error)
  }
}

/**
 * @param buryLate whether new entries that tombstones dropped here would have hidden are unset
 */
export function mergeRuns (
  state: ShardState,
  runs: readonly Run[],
  buryLate: boolean
): MergeResult {
  const fresh: Run[] = []
  const ends = new Map<number, number>()
  for (const run of runs) {
    const end = ends.get(run.incarnation) ?? state.end(run.incarnation)
    if (run.clock > end) return { outcome: 'gap' }
    const part = runFrom(run, end)
    if (part === null) continue
    // A retired incarnation that writes again comes back with everything it had.
    if (!ends.has(run.incarnation)) fresh.push(...state.retiredPart(run.incarnation))
    fresh.push(part)
    ends.set(run.incarnation, part.clock + part.length)
  }
  if (fresh.length === 0) return { outcome: 'known' }
  const { shard, incarnation, log: { stateVector } } = state
  if (ends.has(incarnation)) {
    state.report({ type: 'own-incarnation', shard, incarnation })
    return refuse(
      state,
      'own-incarnation',
      `it holds entries of ${incarnation} that this process never wrote`
    )
  }
  const unknown = [...ends.keys()].filter(each => !stateVector.has(each)).length
  // Our own incarnation keeps its place: our writes cannot be refused.
  const own = stateVector.has(incarnation) ? 0 : 1
  if (unknown > 0 && stateVector.size + unknown + own > state.limits.maxIncarnationsPerShard) {
    return refuse(state, 'too-many-incarnations', `${unknown} more`)
  }
  try {
    state.log.append(fresh)
  } catch (error) {
    return refusedFor(state, error)
  }
  return admitRuns(state, fresh, buryLate)
}

function admitRuns (
  state: ShardState,
  runs: readonly Run[],
  buryLate: boolean
): MergeResult {
  const { onRecord, floor: { newest } } = state
  const mayBeLate = buryLate && newest > 0
  const late: Entry[] = []
  let entries = 0
  let maxVersion = 0
  for (const run of runs) {
    if (run.entries === null) continue
    entries += run.length
    for (const entry of run.entries) {
      if (entry.version > maxVersion) maxVersion = entry.version
      if (entry.stamp > maxVersion) maxVersion = entry.stamp
      state.admit(entry)
      onRecord?.(entry.key)
      if (mayBeLate && (entry.version <= newest || entry.hasClaims)) {
        late.push(entry)
      }
    }
  }
  state.moved()
  state.settle()
  for (const entry of late) if (entry.live && !isMute(entry)) buryAgain(state, entry, state.floor)
  return { outcome: 'merged', entries, maxVersion }
}

/** @throws the error, when neither the update nor the log is at fault */
function refusedFor (state: ShardState, error: unknown): MergeResult {
  if (error instanceof NewerReleaseError) {
    state.tooNew(error)
    return { outcome: 'refused', reason: error.reason, newer: error.form }
  }
  if (error instanceof UpdateRefusedError) return refuse(state, error.reason, error.message)
  if (error instanceof LogError) return refuse(state, 'log-failed', error.message)
  throw error
}

function refuse (state: ShardState, reason: string, detail: string): MergeResult {
  state.report({ type: 'update-refused', shard: state.shard, reason, detail })
  return { outcome: 'refused', reason }
}
