/**
 * How a shard takes over a peer's whole state, because tombstones it had not seen were dropped there: nobody can tell it
 * any more what they hid, so what is history to the peer becomes history here. See garbage.ts.
 */
import type { Entry } from './entry.js'
import { joinFloors, type Floor } from './floor.js'
import { isMute } from './garbage.js'
import { mergeRuns, type MergeResult } from './merging.js'
import { entriesOf } from './record.js'
import type { Run } from './run.js'
import type { ShardState } from './shard-state.js'
import { covers } from './state-vector.js'

/**
 * @param runs the peer's whole state
 * @param unset ends those fields of an entry that have a grave in a floor
 */
export function resetTo (state: ShardState, runs: readonly Run[], floor: Floor, unset: (entry: Entry, floor: Floor) => void): MergeResult {
  const live = new Set<string>()
  const seen = new Map(floor.below)
  for (const { incarnation, clock, length, entries } of runs) {
    seen.set(incarnation, clock + length)
    for (const entry of entries ?? []) live.add(`${entry.incarnation}:${entry.clock}`)
  }
  const before = state.known
  const result = mergeRuns(state, runs)
  if (result.outcome === 'gap' || result.outcome === 'refused') return result
  const entries = [...state.index.values()].flatMap(entriesOf)
  const gone = entries.filter(({ incarnation, clock }) => clock < (seen.get(incarnation) ?? 0) && !live.has(`${incarnation}:${clock}`))
  for (const entry of gone) state.drop(entry)
  // What only one side knows, and was deleted on the other: unset as a write like any other, because third parties may have
  // seen it. When each lies below the other's floor, this goes for what came with the snapshot too.
  const theirsToo = !covers(seen, state.floor.below)
  for (const entry of entries) {
    if (!entry.live || isMute(entry)) continue
    const isMine = entry.clock >= (seen.get(entry.incarnation) ?? 0)
    const isTheirs = entry.clock >= (before.get(entry.incarnation) ?? 0)
    if (isMine) unset(entry, floor)
    if (theirsToo && isTheirs) unset(entry, state.floor)
  }
  state.floor = joinFloors(state.floor, floor)
  state.report({ type: 'shard-reset', shard: state.shard, dropped: gone.length })
  return { outcome: 'merged', entries: result.outcome === 'merged' ? result.entries : 0, maxVersion: result.outcome === 'merged' ? result.maxVersion : 0 }
}
